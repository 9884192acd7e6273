#include <distworker/ascii.hpp>
#include <distworker/request_signing.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace distworker {
namespace {

constexpr std::string_view scheme = "DISTWORKER1_HMAC_SHA256";
constexpr std::string_view signed_prefix = "x-distworker-";

std::string_view trimmed(std::string_view text) noexcept {
    static constexpr std::string_view blanks = " \t";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The signed header's value; `otherwise` when the request does not have it.
std::string_view value_of(const http_request& request, std::string_view name, std::string_view otherwise) {
    for (const http_header& header : request.headers) {
        if (std::ranges::equal(header.name, name, {}, ascii_lower)) {
            return trimmed(header.value);
        }
    }
    return otherwise;
}

// Removes `prefix` from the front of `text`; false, and nothing changed, when it is not there.
bool take(std::string_view& text, std::string_view prefix) noexcept {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

// What stands before `separator`, which is removed too.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view separator) noexcept {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(at + separator.size());
    return part;
}

} // namespace

std::string to_hex(std::span<const std::byte> bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        const auto value = std::to_integer<unsigned>(b);
        out += digits[value >> 4U];
        out += digits[value & 15U];
    }
    return out;
}

canonical_form canonical_request(const http_request& request) {
    std::multimap<std::string, std::string_view> headers; // those of one name stay in their order
    for (const http_header& header : request.headers) {
        std::string name = ascii_lowered(header.name);
        if (name.starts_with(signed_prefix)) {
            headers.emplace(std::move(name), trimmed(header.value));
        }
    }

    canonical_form out;
    std::ranges::transform(request.method, std::back_inserter(out.text), ascii_upper);
    out.text += '\n';
    out.text += request.path;
    out.text += '\n';
    out.text += request.query;
    out.text += '\n';
    for (const auto& [name, value] : headers) {
        out.text += name;
        out.text += ':';
        out.text += value;
        out.text += '\n';
        if (!out.signed_headers.empty()) {
            out.signed_headers += ';';
        }
        out.signed_headers += name;
    }
    out.text += '\n';
    out.text += out.signed_headers;
    out.text += '\n';
    out.text += value_of(request, content_sha256_header, unsigned_payload);
    return out;
}

std::expected<signed_request, signing_error> sign_request(const crypto& crypto, const secret& token,
                                                          std::string_view worker_id,
                                                          const http_request& request) {
    const auto day_key = date_key(crypto, token, value_of(request, date_header, {}));
    if (!day_key) {
        return std::unexpected{day_key.error()};
    }
    const auto key = signing_key(crypto, *day_key, request_scope);
    if (!key) {
        return std::unexpected{key.error()};
    }
    canonical_form canonical = canonical_request(request);
    const auto digest = crypto.hmac_sha256(key->bytes(), std::as_bytes(std::span{canonical.text}));
    if (!digest) {
        return std::unexpected{signing_error{signing_error::kind::crypto_failed,
                                             "HMAC-SHA256 failed: " + digest.error().message}};
    }
    signed_request out{.canonical = std::move(canonical.text),
                       .signed_headers = std::move(canonical.signed_headers),
                       .signature_hex = to_hex(*digest),
                       .authorization = {}};
    out.authorization.append(scheme)
        .append(" workerId=")
        .append(worker_id)
        .append(", SignedHeaders=")
        .append(out.signed_headers)
        .append(", Signature=")
        .append(out.signature_hex);
    return out;
}

std::optional<authorization_parts> parse_authorization(std::string_view value) noexcept {
    if (!take(value, scheme) || !take(value, " workerId=")) {
        return std::nullopt;
    }
    const auto id = take_until(value, ", SignedHeaders=");
    const auto names = take_until(value, ", Signature=");
    if (!id || !names || value.size() != sizeof(digest32) * 2 ||
        value.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
        return std::nullopt;
    }
    return authorization_parts{*id, *names, value};
}

std::expected<bool, signing_error> verify_request(const crypto& crypto, const secret& token,
                                                  const http_request& request,
                                                  const authorization_parts& claimed) {
    const auto expected = sign_request(crypto, token, claimed.worker_id, request);
    if (!expected) {
        return std::unexpected{expected.error()};
    }
    return expected->signed_headers == claimed.signed_headers &&
           constant_time_equal(std::as_bytes(std::span{expected->signature_hex}),
                               std::as_bytes(std::span{claimed.signature_hex}));
}

} // namespace distworker
