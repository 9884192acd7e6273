// The controller's URL: what is accepted can go into a request and is read back the same; nothing of it is
// told.
#include "target.hpp"

#include <distworker/byte_buffer.hpp>
#include <distworker/controller_url.hpp>

#include <algorithm>

namespace distworker::fuzz {
namespace {

/// Seeds and dictionary put it wherever a value may stand; no fault repeats it.
constexpr std::string_view canary = "canary";

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

void check_host(const controller_url& url) {
    const auto lower = [](char c) { return c < 'A' || c > 'Z'; };
    const std::string_view without_zone = std::string_view{url.host}.substr(0, url.host.find('%'));
    require(is_printable(url.host) && std::ranges::all_of(without_zone, lower), "a host is lower-case ASCII");
    require(url.host.find_first_of("@/?#\\[]") == std::string::npos, "a host holds nothing but a host");
    require(!url.host.empty() && url.port != 0, "there is a host and a port");
    const std::string header = url.host_header();
    require(header.find('%') == std::string::npos && is_printable(header), "a Host header has no zone");
    const std::string name = url.tls_name();
    require(!name.empty() && !name.ends_with('.') && name.find_first_of("%[]") == std::string::npos,
            "a certificate's name is without zone, brackets and final dot");
}

void check_accepted(const controller_url& url, std::string_view text) {
    check_host(url);
    require(url.target.starts_with('/') && is_printable(url.target) &&
                url.target.find_first_of("#\"<>\\^`{|}") == std::string::npos,
            "a target fits into a request line");
    const std::string uri = url.uri();
    const auto again = parse_controller_url(uri);
    require(again && *again == url, "what is written reads back the same");
    require(again->uri() == uri, "what is written is written the same again");

    const std::string shown = url.to_string();
    require(shown.substr(0, shown.find('?')) == uri.substr(0, uri.find('?')), "a log shows the address");
    require(shown.find('?') == std::string::npos || shown.ends_with("?..."), "a log shows no query");

    const std::string_view after_scheme = text.substr(text.find("://") + 3);
    const std::string_view authority = after_scheme.substr(0, after_scheme.find_first_of("/?#"));
    require(authority.find('@') == std::string_view::npos, "no user name or password is accepted");
}

void check_url(std::span<const std::byte> input) {
    const std::string_view text = as_text(input);
    const auto url = parse_controller_url(text);
    if (url) {
        check_accepted(*url, text);
        return;
    }
    const config_fault& fault = url.error();
    require(fault.field == "controller" && !fault.problem.empty() && !fault.remedy.empty(),
            "a fault has a field, a problem and a remedy");
    require(fault.to_string().find(canary) == std::string::npos, "a fault does not repeat the URL");
}

const registration url_target{{"url", check_url}};

} // namespace
} // namespace distworker::fuzz
