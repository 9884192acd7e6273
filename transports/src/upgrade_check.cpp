#include <distworker/ascii.hpp>
#include <distworker/secret.hpp>
#include <distworker/upgrade_answer.hpp>
#include <distworker/upgrade_check.hpp>
#include <distworker/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

namespace distworker {
namespace {

// Limits on what a server may send instead of an answer.
constexpr std::size_t max_header_bytes = 16 * 1024;
constexpr std::size_t max_header_lines = 64;
constexpr std::size_t max_answers = 9; // eight interim ones, and the answer

constexpr std::string_view http = "HTTP/";

bool same(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, ascii_lower, ascii_lower);
}
std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    const auto begin = text.find_first_not_of(blanks);
    return begin == std::string_view::npos ? std::string_view{}
                                           : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}
bool has_token(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        if (same(trimmed(list.substr(0, comma)), token)) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

// The name of a field (RFC 9110, section 5.1): no blanks, no control characters.
bool is_name(std::string_view text) noexcept {
    return !text.empty() && std::ranges::none_of(text, [](char c) { return c <= ' ' || c == '\x7F'; });
}
bool holds_control(std::string_view text) noexcept {
    return std::ranges::any_of(text,
                               [](char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7F'; });
}

// What speaks there, by its first bytes, when it is not HTTP/1.1.
std::string_view language_of(std::string_view bytes) noexcept {
    constexpr char tls_alert = 21;
    constexpr char tls_handshake = 22;
    constexpr std::string_view http_2_settings{"\x00\x00", 2}; // a frame's length, far below 64 KiB
    if (bytes.front() == tls_alert || bytes.front() == tls_handshake) {
        return "TLS (use https:// or wss:// in the URL)";
    }
    if (bytes.starts_with(http_2_settings)) {
        return "HTTP/2";
    }
    if (bytes.starts_with("SSH-")) {
        return "SSH";
    }
    return "no HTTP";
}

} // namespace

upgrade_check::progress upgrade_check::refuse(std::string problem) {
    problem_ = std::move(problem);
    return state_ = progress::refused;
}

std::size_t upgrade_check::take(std::string_view bytes) {
    std::size_t taken = 0;
    while (state_ == progress::wants_more && taken < bytes.size()) {
        const std::string_view rest = bytes.substr(taken);
        const auto newline = rest.find('\n');
        const std::string_view piece =
            rest.substr(0, newline == std::string_view::npos ? newline : newline + 1);
        taken += piece.size();
        if (line_.size() + piece.size() > max_header_bytes) {
            refuse("the answer's header is too large (at most 64 lines and 16 KiB)");
            break;
        }
        line_ += piece;
        if (!in_header_ && !http.starts_with(std::string_view{line_}.substr(0, http.size()))) {
            refuse("the peer speaks " + std::string{language_of(line_)} + ", not HTTP/1.1");
        } else if (newline != std::string_view::npos) {
            take_line(std::exchange(line_, {}));
        }
    }
    return taken;
}

upgrade_check::progress upgrade_check::take_line(std::string_view line) {
    bytes_ += line.size();
    ++lines_;
    if (bytes_ > max_header_bytes || lines_ > max_header_lines) {
        return refuse("the answer's header is too large (at most 64 lines and 16 KiB)");
    }
    if (!std::exchange(in_header_, true)) {
        begin(line);
        return state_;
    }
    if (line == "\r\n") {
        in_header_ = false;
        return state_ = finish();
    }
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (!line.ends_with("\r\n") || colon == std::string_view::npos || !is_name(name) ||
        holds_control(trimmed(line.substr(colon + 1)))) {
        return refuse(
            "the answer's header is no HTTP: a line that is folded, ends without CR LF, has no name or holds "
            "control characters");
    }
    field(name, trimmed(line.substr(colon + 1)));
    return state_;
}

void upgrade_check::begin(std::string_view status_line) {
    answer_ = {};
    if (++answers_ > max_answers) {
        refuse("more than eight interim answers");
        return;
    }
    const std::string_view version = trimmed(status_line.substr(0, status_line.find(' ')));
    if (version != "HTTP/1.1" || !status_line.ends_with("\r\n")) {
        refuse("the peer speaks " + escape_for_log(version, 20) + ", not HTTP/1.1");
        return;
    }
    const std::string_view rest = trimmed(status_line.substr(version.size()));
    std::from_chars(rest.data(), rest.data() + rest.size(), answer_.status);
    answer_.reason = trimmed(rest.substr(std::min(rest.find(' '), rest.size())));
}

void upgrade_check::field(std::string_view name, std::string_view value) {
    if (same(name, "upgrade")) {
        answer_.upgrade = same(value, "websocket");
    } else if (same(name, "connection")) {
        answer_.connection = answer_.connection || has_token(value, "upgrade");
    } else if (same(name, "sec-websocket-accept")) {
        ++answer_.accepts;
        answer_.accept = value;
    } else if (same(name, "sec-websocket-extensions") || same(name, "sec-websocket-protocol")) {
        refuse("the answer chose an extension or a subprotocol that was not offered");
    } else if (same(name, "location")) {
        answer_.location = value;
    } else if (same(name, "retry-after")) {
        answer_.retry_after = value;
    } else if (same(name, "date")) {
        answer_.date = value;
    }
}

upgrade_check::progress upgrade_check::finish() {
    constexpr int switching = 101;
    const bool interim = answer_.status >= 100 && answer_.status < 200 && answer_.status != switching;
    return interim ? progress::wants_more : progress::answered;
}

std::string upgrade_check::problem() const {
    if (!problem_.empty()) {
        return problem_;
    }
    if (answer_.status != 101 || state_ != progress::answered) {
        return answer_.status == 0 ? "there was no answer"
                                   : "the answer was " + std::to_string(answer_.status);
    }
    if (!answer_.upgrade || !answer_.connection) {
        return "the answer has no 'Upgrade: websocket' and 'Connection: Upgrade'";
    }
    const auto matches = [](std::string_view a, std::string_view b) {
        return constant_time_equal(std::as_bytes(std::span{a}), std::as_bytes(std::span{b}));
    };
    if (answer_.accepts != 1 || (proof_ && !matches(answer_.accept, *proof_))) {
        return "the answer's Sec-WebSocket-Accept is missing, doubled or not the one for this connection's "
               "key";
    }
    return {};
}

link_end upgrade_check::verdict() const {
    if (problem_.empty() && answer_.status != 101) {
        return describe_answer({.status = answer_.status,
                                .reason = answer_.reason,
                                .location = answer_.location,
                                .retry_after = answer_.retry_after,
                                .date = answer_.date});
    }
    return {.what = link_end::kind::upgrade, .detail = problem(), .http_status = answer_.status};
}

} // namespace distworker
