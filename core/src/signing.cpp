#include <distworker/signing.hpp>

#include <utility>

namespace distworker {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return std::as_bytes(std::span{text});
}

signing_error from_crypto(crypto_error&& error) {
    return {signing_error::kind::crypto_failed, "HMAC-SHA256 failed: " + std::move(error.message)};
}

// One link of the chain of keys: HMAC into memory that is wiped.
std::expected<secret, signing_error> derive(const crypto& crypto, const secret& key, std::string_view data) {
    auto digest = crypto.hmac_sha256(key.bytes(), bytes_of(data));
    if (!digest) {
        return std::unexpected{from_crypto(std::move(digest.error()))};
    }
    secret derived{std::span<const std::byte>{*digest}};
    wipe(*digest);
    return derived;
}

void put(char* at, unsigned value, unsigned digits) noexcept {
    while (digits-- > 0) {
        at[digits] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

std::optional<unsigned> number(std::string_view digits) noexcept {
    unsigned value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

} // namespace

std::expected<date_text, signing_error> signing_date(wall_time now) {
    const auto day = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date{day};
    // Compared as days: `year` holds 16 bits, and a wild clock is beyond that.
    static constexpr std::chrono::sys_days first{std::chrono::year{2020} / 1 / 1};
    static constexpr std::chrono::sys_days end{std::chrono::year{10000} / 1 / 1};
    if (day < first || day >= end) {
        return std::unexpected{signing_error{
            signing_error::kind::clock_not_set,
            "clock not set: the wall clock shows a year outside 2020 to 9999; set it (NTP), the controller "
            "refuses a clock that is more than 5 minutes off"}};
    }
    const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(now - day)};
    std::array<char, 16> text{};
    put(&text[0], static_cast<unsigned>(static_cast<int>(date.year())), 4);
    put(&text[4], static_cast<unsigned>(date.month()), 2);
    put(&text[6], static_cast<unsigned>(date.day()), 2);
    text[8] = 'T';
    put(&text[9], static_cast<unsigned>(time.hours().count()), 2);
    put(&text[11], static_cast<unsigned>(time.minutes().count()), 2);
    put(&text[13], static_cast<unsigned>(time.seconds().count()), 2);
    text[15] = 'Z';
    return date_text{text};
}

std::optional<wall_time> parse_signing_date(std::string_view date) noexcept {
    if (date.size() != 16 || date[8] != 'T' || date[15] != 'Z') {
        return std::nullopt;
    }
    const auto year = number(date.substr(0, 4));
    const auto month = number(date.substr(4, 2));
    const auto day = number(date.substr(6, 2));
    const auto hour = number(date.substr(9, 2));
    const auto minute = number(date.substr(11, 2));
    const auto second = number(date.substr(13, 2));
    if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 ||
        *second > 59) {
        return std::nullopt;
    }
    const std::chrono::year_month_day calendar{std::chrono::year{static_cast<int>(*year)},
                                               std::chrono::month{*month}, std::chrono::day{*day}};
    if (!calendar.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days{calendar} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
           std::chrono::seconds{*second};
}

std::expected<secret, signing_error> date_key(const crypto& crypto, const secret& token,
                                              std::string_view date) {
    return derive(crypto, secret::join("DISTWORKER1", token), date.substr(0, 8));
}

std::expected<secret, signing_error> signing_key(const crypto& crypto, const secret& date_key,
                                                 std::string_view scope) {
    return derive(crypto, date_key, scope);
}

std::expected<digest32, signing_error> sign_registration(const crypto& crypto, const secret& token,
                                                         std::string_view date,
                                                         std::span<const std::byte> data) {
    const auto day_key = date_key(crypto, token, date);
    if (!day_key) {
        return std::unexpected{day_key.error()};
    }
    const auto key = signing_key(crypto, *day_key, websocket_scope);
    if (!key) {
        return std::unexpected{key.error()};
    }
    auto signature = crypto.hmac_sha256(key->bytes(), data);
    if (!signature) {
        return std::unexpected{from_crypto(std::move(signature.error()))};
    }
    return *signature;
}

std::expected<bool, signing_error> verify_registration(const crypto& crypto, const secret& token,
                                                       std::string_view date, std::span<const std::byte> data,
                                                       std::span<const std::byte> signature) {
    const auto expected = sign_registration(crypto, token, date, data);
    if (!expected) {
        return std::unexpected{expected.error()};
    }
    return constant_time_equal(*expected, signature);
}

signer make_signer(std::shared_ptr<const crypto> crypto, secret token) {
    return [crypto = std::move(crypto), token = std::move(token)](std::string_view date,
                                                                  std::span<const std::byte> data) {
        return sign_registration(*crypto, token, date, data);
    };
}

} // namespace distworker
