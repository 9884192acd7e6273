#include "host_name.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace distworker::detail {
namespace {

constexpr std::size_t max_name = 253; // RFC 1035, section 2.3.4, as text
constexpr std::size_t max_label = 63;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z');
}

std::string_view without_final_dot(std::string_view name) noexcept {
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    return name;
}

std::string_view last_label(std::string_view name) noexcept {
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

// One group of one to four hexadecimal digits.
std::optional<std::uint16_t> parse_group(std::string_view text) noexcept {
    if (text.empty() || text.size() > 4) {
        return std::nullopt;
    }
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

struct groups {
    std::array<std::uint16_t, 8> value{};
    std::size_t count = 0;
};

// Groups between colons, without `::`; an IPv4 address may end them.
std::optional<groups> parse_groups(std::string_view text) noexcept {
    groups out;
    while (!text.empty()) {
        const auto colon = text.find(':');
        const std::string_view piece = text.substr(0, colon);
        if (colon == std::string_view::npos && piece.find('.') != std::string_view::npos) {
            const auto v4 = parse_ipv4(piece);
            if (!v4 || out.count > 6) {
                return std::nullopt;
            }
            out.value[out.count++] = static_cast<std::uint16_t>(((*v4)[0] << 8) | (*v4)[1]);
            out.value[out.count++] = static_cast<std::uint16_t>(((*v4)[2] << 8) | (*v4)[3]);
            return out;
        }
        const auto group = parse_group(piece);
        if (!group || out.count == 8) {
            return std::nullopt;
        }
        out.value[out.count++] = *group;
        if (colon == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {
            return std::nullopt; // a colon at the end
        }
    }
    return out;
}

} // namespace

std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) noexcept {
    std::array<std::uint8_t, 4> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::string_view part = text.substr(0, text.find('.'));
        const bool digits = !part.empty() && std::ranges::all_of(part, is_digit);
        if (!digits || (part.size() > 1 && part.front() == '0') ||
            std::from_chars(part.data(), part.data() + part.size(), out[i]).ec != std::errc{}) {
            return std::nullopt;
        }
        text.remove_prefix(part.size());
        const bool last = i + 1 == out.size();
        if (text.empty() != last) {
            return std::nullopt;
        }
        if (!last) {
            text.remove_prefix(1);
        }
    }
    return out;
}

std::optional<std::array<std::uint16_t, 8>> parse_ipv6(std::string_view text) noexcept {
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) {
        const auto all = parse_groups(text);
        return all && all->count == 8 ? std::optional{all->value} : std::nullopt;
    }
    const std::string_view head_text = text.substr(0, gap);
    const auto head = head_text.find('.') == std::string_view::npos ? parse_groups(head_text) : std::nullopt;
    const auto tail = parse_groups(text.substr(gap + 2));
    if (!head || !tail || head->count + tail->count > 7) {
        return std::nullopt;
    }
    std::array<std::uint16_t, 8> out = head->value;
    std::copy_n(tail->value.begin(), tail->count, out.end() - static_cast<std::ptrdiff_t>(tail->count));
    return out;
}

std::string host_name_problem(std::string_view name) {
    name = without_final_dot(name);
    if (name.empty()) {
        return "has no host name";
    }
    if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
        return "has a host name outside ASCII";
    }
    if (name.size() > max_name) {
        return "has a host name longer than 253 characters";
    }
    for (std::string_view rest = name;;) {
        const auto dot = rest.find('.');
        const std::string_view label = rest.substr(0, dot);
        const bool characters =
            std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
        if (label.empty() || label.size() > max_label || !characters || label.front() == '-' ||
            label.back() == '-') {
            return "has a malformed host name";
        }
        if (dot == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(dot + 1);
    }
    // Some resolvers take 1, 0x7f.1 or 127.1 for addresses; no top-level domain is a number.
    const std::string_view last = last_label(name);
    if (std::ranges::all_of(last, is_digit) || last.starts_with("0x")) {
        return "has a malformed IPv4 address";
    }
    return {};
}

bool is_loopback_host(std::string_view host) noexcept {
    const auto v4 = parse_ipv4(host);
    if (v4) {
        return (*v4)[0] == 127;
    }
    const auto v6 = parse_ipv6(host.substr(0, host.find('%')));
    if (v6) {
        static constexpr std::array<std::uint16_t, 8> one{0, 0, 0, 0, 0, 0, 0, 1};
        const bool mapped = std::all_of(v6->begin(), v6->begin() + 5, [](auto g) { return g == 0; }) &&
                            (*v6)[5] == 0xFFFF && ((*v6)[6] >> 8U) == 127;
        return *v6 == one || mapped;
    }
    host = without_final_dot(host);
    return host == "localhost" || host.ends_with(".localhost");
}

} // namespace distworker::detail
