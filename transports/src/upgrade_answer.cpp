#include <distworker/upgrade_answer.hpp>
#include <distworker/utf8.hpp>

#include <charconv>
#include <ctime>

namespace distworker {
namespace {

using std::chrono::seconds;

std::optional<std::time_t> parse_http_date(std::string_view text) {
    const std::string date{text};
    std::tm parts{};
    const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return end != nullptr && *end == '\0' ? std::optional{::timegm(&parts)} : std::nullopt;
}

std::optional<seconds> retry_after(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed == std::errc{} && end == text.data() + text.size()) {
        return seconds{number};
    }
    if (const auto date = parse_http_date(text)) {
        return seconds{*date - std::time(nullptr)};
    }
    return std::nullopt;
}

// A redirect is not followed; only the host of its target is told, which may be all there is to see.
std::string redirect_host(std::string_view location) {
    const auto scheme = location.find("://");
    if (scheme == std::string_view::npos) {
        return "another path";
    }
    const std::string_view authority = location.substr(scheme + 3);
    std::string_view host = authority.substr(0, authority.find_first_of("/?#"));
    host = host.substr(host.find('@') == std::string_view::npos ? 0 : host.find('@') + 1);
    return escape_for_log(host, 100);
}

} // namespace

link_end describe_answer(const upgrade_answer& answer) {
    link_end end{.what = link_end::kind::upgrade, .detail = {}, .http_status = answer.status};
    end.retry_after = retry_after(answer.retry_after);
    if (const auto date = parse_http_date(answer.date)) {
        end.clock_skew = seconds{*date - std::time(nullptr)};
    }
    end.detail = "HTTP " + std::to_string(answer.status) + " " + escape_for_log(answer.reason, 100);
    if (answer.status == 404) {
        end.detail += "; check the URL's path, expected /worker/v1/ws";
    } else if (answer.status == 401 || answer.status == 403) {
        end.detail += "; the gateway or the controller refuses this client";
    } else if (answer.status >= 300 && answer.status < 400) {
        end.detail +=
            "; a redirect to " + redirect_host(answer.location) + " is not followed, configure the final URL";
    } else if (answer.status >= 200 && answer.status < 300) {
        end.detail += "; this is no WebSocket endpoint";
    }
    return end;
}

} // namespace distworker
