#include "upgrade_check.hpp"

#include <distworker/secret.hpp>
#include <distworker/upgrade_answer.hpp>

#include <algorithm>
#include <charconv>
#include <span>

namespace distworker::curl {
namespace {

// Limits on what a server may send instead of an answer (reliability: rows H12 and H15).
constexpr std::size_t max_header_bytes = 16 * 1024;
constexpr std::size_t max_header_lines = 64;
constexpr std::size_t max_answers = 9; // eight interim ones, and the answer

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool same(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
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

} // namespace

bool upgrade_check::take(std::string_view line) {
    bytes_ += line.size();
    ++lines_;
    if (bytes_ > max_header_bytes || lines_ > max_header_lines) {
        problem_ = "the answer's header is too large (at most 64 lines and 16 KiB)";
        return false;
    }
    if (line.starts_with("HTTP/")) {
        begin(line);
        return problem_.empty();
    }
    if (line == "\r\n") {
        return true;
    }
    const auto colon = line.find(':');
    if (!line.ends_with("\r\n") || colon == std::string_view::npos || colon == 0 || line.find('\0') != line.npos ||
        line.front() == ' ' || line.front() == '\t') {
        problem_ = "the answer's header is no HTTP: a line that is folded, ends without CR LF or has no name";
        return false;
    }
    field(line.substr(0, colon), trimmed(line.substr(colon + 1)));
    return true;
}

void upgrade_check::begin(std::string_view status_line) {
    answer_ = {};
    if (++answers_ > max_answers) {
        problem_ = "more than eight interim answers";
        return;
    }
    if (!status_line.starts_with("HTTP/1.1 ")) {
        problem_ = "the peer speaks " + std::string{status_line.substr(0, status_line.find(' '))} + ", not HTTP/1.1";
    }
    const std::string_view rest = trimmed(status_line.substr(std::min(status_line.find(' '), status_line.size())));
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
        answer_.accept_matches = constant_time_equal(std::as_bytes(std::span{value}), std::as_bytes(std::span{proof_}));
    } else if (same(name, "sec-websocket-extensions") || same(name, "sec-websocket-protocol")) {
        problem_ = "the answer chose an extension or a subprotocol that was not offered";
    } else if (same(name, "location")) {
        answer_.location = value;
    } else if (same(name, "retry-after")) {
        answer_.retry_after = value;
    } else if (same(name, "date")) {
        answer_.date = value;
    }
}

std::string upgrade_check::problem() const {
    if (!problem_.empty()) {
        return problem_;
    }
    if (answer_.status != 101) {
        return "the answer was " + std::to_string(answer_.status);
    }
    if (!answer_.upgrade || !answer_.connection) {
        return "the answer has no 'Upgrade: websocket' and 'Connection: Upgrade'";
    }
    if (answer_.accepts != 1 || !answer_.accept_matches) {
        return "the answer's Sec-WebSocket-Accept is missing, doubled or not the one for this connection's key";
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

} // namespace distworker::curl
