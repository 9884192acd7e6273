#include <distworker/controller_url.hpp>
#include <distworker/proxy.hpp>

#include <algorithm>

namespace distworker {
namespace {

std::unexpected<config_fault> fault(std::string problem, std::string remedy) {
    return std::unexpected{config_fault{"proxy", std::move(problem), std::move(remedy)}};
}

void append_base64(std::string& to, std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < text.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            bits = bits << 8U | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
        }
        const std::size_t used = std::min<std::size_t>(text.size() - i, 3) + 1;
        for (std::size_t j = 0; j < 4; ++j) {
            to += j < used ? digits[bits >> (18 - 6 * j) & 63U] : '=';
        }
    }
}

} // namespace

std::expected<proxy_address, config_fault> parse_proxy(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) {
        return fault("does not begin with http://", "write http://host:port");
    }
    if (text.find('@') != std::string_view::npos) {
        return fault("holds a user name or password, which would leak into logs",
                     "write them to a file, user:password, and name it as proxy_credentials_file");
    }
    if (text.substr(scheme.size()).find_first_of("/?#") != std::string_view::npos) {
        return fault("has a path", "write http://host:port and nothing behind it");
    }
    // A controller's base URL is held to the same rules.
    const auto url = parse_controller_url(text);
    if (!url) {
        return fault(url.error().problem, url.error().remedy);
    }
    if (!text.ends_with(":" + std::to_string(url->port))) {
        return fault("has no port", "write http://host:port");
    }
    return proxy_address{url->host, url->port};
}

std::optional<config_fault> check_proxy_credentials(const secret& credentials) {
    const std::string_view text = credentials.view();
    const auto is_control = [](char c) { return (c >= '\0' && c < ' ') || c == '\x7F'; };
    if (text.find(':') == std::string_view::npos || text.front() == ':' ||
        std::ranges::any_of(text, is_control)) {
        return config_fault{"proxy_credentials_file", "does not hold a user and a password",
                            "write user:password into it, on one line and nothing else"};
    }
    return std::nullopt;
}

secret proxy_authorization(const secret& credentials) {
    std::string line;
    line.reserve(64 + credentials.size() * 4 / 3); // so that no copy is left behind
    line = "Proxy-Authorization: Basic ";
    append_base64(line, credentials.view());
    line += "\r\n";
    return secret{std::move(line)};
}

link_end describe_proxy_refusal(const proxy_address& proxy, int status) {
    link_end end{.what = link_end::kind::connect, .detail = {}};
    end.detail = "the proxy " + proxy.host + " port " + std::to_string(proxy.port);
    if (status == 0) {
        end.detail += " gave no answer that is HTTP";
    } else if (status == 407) {
        end.detail += " wants a user and a password, or others (407); see proxy_credentials_file";
    } else {
        end.detail += " makes no connection to the controller: HTTP " + std::to_string(status);
    }
    return end;
}

} // namespace distworker
