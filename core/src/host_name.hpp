// Checks the host part of a URL: names, IPv4 and IPv6 addresses. Internal to the core.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace distworker::detail {

/// Four decimal numbers of 0 to 255 without leading zeros (RFC 3986, section 3.2.2).
[[nodiscard]] std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) noexcept;

/// RFC 4291, section 2.2: eight groups, `::` once, an IPv4 address as the last two. Without zone or brackets.
[[nodiscard]] std::optional<std::array<std::uint16_t, 8>> parse_ipv6(std::string_view text) noexcept;

/// What is wrong with a host name in lower case that is no address, in words; empty when it can be looked up.
[[nodiscard]] std::string host_name_problem(std::string_view name);

/// 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, `localhost` and names below it.
[[nodiscard]] bool is_loopback_host(std::string_view host) noexcept;

} // namespace distworker::detail
