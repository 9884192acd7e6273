#include "host_name.hpp"

#include <distworker/ascii.hpp>
#include <distworker/controller_url.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace distworker {
namespace {

constexpr std::string_view endpoint_path = "/worker/v1/ws";

constexpr std::string_view form = "write http(s)://host[:port][/prefix] or ws(s)://host[:port]/path";

std::unexpected<config_fault> url_fault(std::string problem, std::string_view remedy = form) {
    return std::unexpected{config_fault{"controller", std::move(problem), std::string{remedy}}};
}

std::uint16_t default_port(bool secure) noexcept {
    return secure ? 443 : 80;
}

struct scheme_info {
    std::string_view prefix;
    bool secure;
    bool base; // the endpoint's path is added
};
constexpr std::array<scheme_info, 4> schemes{{
    {"http://", false, true},
    {"https://", true, true},
    {"ws://", false, false},
    {"wss://", true, false},
}};

const scheme_info* find_scheme(std::string_view text) noexcept {
    const auto found = std::ranges::find_if(schemes, [text](const scheme_info& s) {
        return std::ranges::equal(text.substr(0, s.prefix.size()), s.prefix, {}, ascii_lower);
    });
    return found == schemes.end() ? nullptr : &*found;
}

bool is_hex(char c) noexcept {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

// What a path and a query may hold (RFC 3986, sections 3.3 and 3.4): the rest must be percent-encoded. Blanks
// and control characters were refused before.
bool is_target_text(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (static_cast<unsigned char>(c) >= 0x80 ||
            std::string_view{"\"<>\\^`{|}"}.find(c) != std::string_view::npos) {
            return false;
        }
        if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))) {
            return false;
        }
    }
    return true;
}

std::expected<std::uint16_t, config_fault> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        return url_fault("has a port that is not a number from 1 to 65535",
                         "correct the port, or leave it and its colon out");
    }
    return port;
}

// `[address%zone]`, the zone's percent sign plain or encoded as %25 (RFC 6874).
std::optional<std::string> parse_bracketed(std::string_view text) {
    const auto percent = text.find('%');
    const std::string_view address = text.substr(0, percent);
    if (!detail::parse_ipv6(address)) {
        return std::nullopt;
    }
    std::string host = ascii_lowered(address);
    if (percent == std::string_view::npos) {
        return host;
    }
    std::string_view zone = text.substr(percent + 1);
    if (zone.starts_with("25") && zone.size() > 2) {
        zone.remove_prefix(2);
    }
    const auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
               std::string_view{"-._~"}.find(c) != std::string_view::npos;
    };
    if (zone.empty() || !std::ranges::all_of(zone, allowed)) {
        return std::nullopt;
    }
    return host.append("%").append(zone);
}

struct authority {
    std::string host;
    std::optional<std::uint16_t> port;
};

std::expected<authority, config_fault> parse_authority(std::string_view text) {
    if (text.find('@') != std::string_view::npos) {
        return url_fault("holds a user name or password, which would leak into logs",
                         "remove everything up to the '@'; the worker signs with its token");
    }
    authority out;
    std::string_view port_text;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        const auto host =
            close == std::string_view::npos ? std::nullopt : parse_bracketed(text.substr(1, close - 1));
        if (!host || (close + 1 < text.size() && text[close + 1] != ':')) {
            return url_fault("has a malformed IPv6 address", "write it in brackets, as in [::1]:8081");
        }
        out.host = *host;
        port_text = text.substr(close + 1);
    } else {
        const auto colon = text.find(':');
        const std::string_view name = text.substr(0, colon);
        if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
            return url_fault("has more than one colon in its host",
                             "write an IPv6 address in brackets, as in [::1]:8081");
        }
        out.host = ascii_lowered(name);
        if (!detail::parse_ipv4(out.host)) {
            const std::string problem = detail::host_name_problem(out.host);
            if (!problem.empty()) {
                return url_fault(problem,
                                 "write a host name in ASCII (an international one in its punycode form, "
                                 "xn--...), or an IP address");
            }
        }
        port_text = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    }
    if (!port_text.empty()) {
        const auto port = parse_port(port_text.substr(1));
        if (!port) {
            return std::unexpected{port.error()};
        }
        out.port = *port;
    }
    return out;
}

std::string target_of(std::string_view path, std::string_view query, bool base) {
    if (base) {
        while (path.ends_with('/')) {
            path.remove_suffix(1);
        }
    }
    std::string target{path};
    if (base) {
        target += endpoint_path;
    } else if (target.empty()) {
        target = "/";
    }
    return target.append(query);
}

} // namespace

std::expected<controller_url, config_fault> parse_controller_url(std::string_view text) {
    if (text.empty()) {
        return url_fault("is empty");
    }
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; };
    if (std::ranges::any_of(text, is_blank)) {
        return url_fault("holds white space or a control character",
                         "remove it (a trailing newline?), or percent-encode it in a path");
    }
    const scheme_info* scheme = find_scheme(text);
    if (scheme == nullptr) {
        return url_fault("does not begin with http://, https://, ws:// or wss://");
    }
    text.remove_prefix(scheme->prefix.size());
    if (text.find('#') != std::string_view::npos) {
        return url_fault("has a fragment ('#'), which is never sent", "remove it, or write '#' as %23");
    }
    const auto query_at = std::min(text.find('?'), text.size());
    const std::string_view query = text.substr(query_at); // with its question mark
    const std::string_view before_query = text.substr(0, query_at);
    const auto path_at = std::min(before_query.find('/'), before_query.size());
    const std::string_view path = before_query.substr(path_at);

    auto where = parse_authority(before_query.substr(0, path_at));
    if (!where) {
        return std::unexpected{std::move(where.error())};
    }
    if (!is_target_text(path) || !is_target_text(query)) {
        return url_fault("has characters in its path or query that a request cannot hold",
                         "percent-encode them (a lone '%' as %25)");
    }
    return controller_url{.secure = scheme->secure,
                          .host = std::move(where->host),
                          .port = where->port.value_or(default_port(scheme->secure)),
                          .target = target_of(path, query, scheme->base)};
}

namespace {

// The host as it stands in an authority: an IPv6 address in brackets.
std::string bracketed(std::string_view host) {
    std::string out;
    const bool v6 = host.find(':') != std::string_view::npos;
    return v6 ? out.append("[").append(host).append("]") : out.append(host);
}

std::string address_of(const controller_url& url, std::string_view target) {
    std::string host = url.host;
    if (const auto percent = host.find('%'); percent != std::string::npos) {
        host.insert(percent + 1, "25"); // RFC 6874
    }
    std::string out = url.secure ? "wss://" : "ws://";
    return out.append(bracketed(host)).append(":").append(std::to_string(url.port)).append(target);
}

} // namespace

std::string controller_url::host_header() const {
    std::string out = bracketed(std::string_view{host}.substr(0, host.find('%')));
    return port == default_port(secure) ? out : out.append(":").append(std::to_string(port));
}

std::string controller_url::tls_name() const {
    std::string_view name = std::string_view{host}.substr(0, host.find('%'));
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    return std::string{name};
}

bool controller_url::is_address() const noexcept {
    return host.find(':') != std::string::npos || detail::parse_ipv4(host).has_value();
}

bool controller_url::is_loopback() const noexcept {
    return detail::is_loopback_host(host);
}

std::string controller_url::uri() const {
    return address_of(*this, target);
}

std::string controller_url::to_string() const {
    const auto query = target.find('?');
    if (query == std::string::npos) {
        return uri();
    }
    return address_of(*this, target.substr(0, query) + "?...");
}

} // namespace distworker
