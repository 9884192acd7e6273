// The answer to a WebSocket upgrade, as it comes from the network: what it is, and whether it may be
// believed.
//
// For those who write a transport: whatever library is underneath, one judge makes all of them alike. It
// checks what RFC 6455, section 4.1, asks of a client, and holds a server to limits that no honest one meets.
#pragma once

#include <distworker/connection_end.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace distworker {

/// Give it the answer, in pieces of any size (`take`) or line by line (`take_line`), until it has had enough.
class upgrade_check {
public:
    /// How far the answer is.
    enum class progress : std::uint8_t {
        wants_more, ///< Its header is not complete.
        answered,   ///< The answer is there, good or not: see `problem`.
        refused,    ///< What came is no answer, or too much of one.
    };

    /// `proof` is what `Sec-WebSocket-Accept` must be; nothing when somebody else compares it.
    explicit upgrade_check(std::optional<std::string> proof) noexcept : proof_{std::move(proof)} {}

    /// Takes bytes up to the end of the answer's header, and says how many those are. What follows a good
    /// answer are frames.
    std::size_t take(std::string_view bytes);
    /// Takes one line of a header, its CR LF included.
    progress take_line(std::string_view line);

    /// As the last call left it; `wants_more` at first.
    [[nodiscard]] progress state() const noexcept { return state_; }
    /// The status of the latest answer; 0 when there was none.
    [[nodiscard]] int status() const noexcept { return answer_.status; }
    /// The value of its `Sec-WebSocket-Accept`.
    [[nodiscard]] const std::string& accept() const noexcept { return answer_.accept; }
    /// What is wrong with the answer; empty for a good 101.
    [[nodiscard]] std::string problem() const;
    /// How the connection ended when the answer was not a 101, or not a good one.
    [[nodiscard]] link_end verdict() const;

private:
    void begin(std::string_view status_line);
    void field(std::string_view name, std::string_view value);
    [[nodiscard]] progress finish();
    progress refuse(std::string problem);

    struct answer {
        int status = 0;
        bool upgrade = false;
        bool connection = false;
        unsigned accepts = 0;
        std::string accept{};
        std::string reason{};
        std::string location{};
        std::string retry_after{};
        std::string date{};
    };

    std::optional<std::string> proof_;
    std::string line_; // that is not complete yet
    std::size_t bytes_ = 0;
    std::size_t lines_ = 0;
    std::size_t answers_ = 0;
    bool in_header_ = false;
    answer answer_;       // the latest
    std::string problem_; // of a line, whatever the rest says
    progress state_ = progress::wants_more;
};

} // namespace distworker
