#include "trace_text.hpp"

#include <ranges>

namespace distworker::detail {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char c) noexcept {
    const std::size_t at = hex_digits.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// FNV-1a: tells payloads apart in a trace that leaves them out. Nothing rests on it.
std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
    std::uint64_t hash = 0xCBF2'9CE4'8422'2325U;
    for (const std::byte b : bytes) {
        hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 0x0000'0100'0000'01B3U;
    }
    return hash;
}

} // namespace

const char* to_string(worker_health health) noexcept {
    switch (health) {
    case worker_health::unspecified:
        return "unspecified";
    case worker_health::up:
        return "up";
    case worker_health::down:
        return "down";
    case worker_health::warn:
        return "warn";
    }
    return "unknown";
}

const char* to_string(message_kind kind) noexcept {
    return kind == message_kind::text ? "text" : "binary";
}

const char* to_string(signing_error::kind kind) noexcept {
    switch (kind) {
    case signing_error::kind::clock_not_set:
        return "clock_not_set";
    case signing_error::kind::token_unavailable:
        return "token_unavailable";
    case signing_error::kind::crypto_failed:
        return "crypto_failed";
    }
    return "unknown";
}

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c > ' ' && c < '\x7F' && c != '%') {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(hex_digits[byte >> 4U]);
            out.push_back(hex_digits[byte & 0xFU]);
        }
    }
}

void append_hex(std::string& out, std::span<const std::byte> bytes) {
    out.reserve(out.size() + 2 * bytes.size());
    for (const std::byte b : bytes) {
        out.push_back(hex_digits[std::to_integer<std::size_t>(b >> 4U)]);
        out.push_back(hex_digits[std::to_integer<std::size_t>(b & std::byte{0xF})]);
    }
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) {
        return std::nullopt;
    }
    std::vector<std::byte> out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return out;
}

void field_writer::payload(std::string_view name, std::span<const std::byte> value) {
    if (payloads_ == trace_payloads::whole) {
        bytes(name, value);
        return;
    }
    begin(name);
    line_->append(std::to_string(value.size()));
    line_->push_back('#');
    std::array<std::byte, 8> sum{};
    for (std::uint64_t left = checksum(value); std::byte & b : sum | std::views::reverse) {
        b = static_cast<std::byte>(left & 0xFFU);
        left >>= 8U;
    }
    append_hex(*line_, sum);
}

void field_writer::frame(stream_item* item) {
    payload("frame", item->frame());
}

std::optional<std::string_view> field_reader::next(std::string_view name) {
    if (!good()) {
        return std::nullopt;
    }
    const std::string begin = " " + std::string{name} + "=";
    if (!rest_.starts_with(begin)) {
        fail_unless(false, name);
        return std::nullopt;
    }
    rest_.remove_prefix(begin.size());
    const std::string_view value = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(value.size());
    return value;
}

void field_reader::operator()(std::string_view name, std::string& value) {
    if (const auto text = next(name)) {
        auto plain = unescaped(*text);
        fail_unless(plain.has_value(), name);
        value = plain ? *std::move(plain) : std::string{};
    }
}

void field_reader::bytes(std::string_view name, std::vector<std::byte>& value) {
    if (const auto text = next(name)) {
        auto read = from_hex(*text);
        fail_unless(read.has_value(), name);
        value = read ? *std::move(read) : std::vector<std::byte>{};
    }
}

void field_reader::payload(std::string_view name, std::span<const std::byte>& value) {
    bytes(name, bytes_);
    value = bytes_;
}

void field_reader::payload(std::string_view name, std::string_view& text) {
    bytes(name, bytes_);
    text = as_text(bytes_);
}

void field_reader::frame(outcome*& answer) {
    bytes("frame", bytes_);
    if (auto made = outcome::from_frame(bytes_)) {
        answer_ = *std::move(made);
    } else if (!bytes_.empty()) { // an empty one is misuse that was recorded
        fail_unless(false, "frame");
    }
    answer = &answer_;
}

void field_reader::frame(stream_item*& item) {
    bytes("frame", bytes_);
    if (auto made = stream_item::from_frame(bytes_)) {
        item_ = *std::move(made);
    } else if (!bytes_.empty()) {
        fail_unless(false, "frame");
    }
    item = &item_;
}

void field_reader::fail_unless(bool good, std::string_view name) {
    if (!good) {
        problem_ = "the field '" + std::string{name} + "' is missing or cannot be read";
    }
}

} // namespace distworker::detail
