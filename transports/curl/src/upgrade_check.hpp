// The answer to an upgrade, line by line as libcurl hands it on: what it is, and whether it may be believed.
//
// libcurl takes any 101 for a WebSocket; what RFC 6455, section 4.1, asks a client to check is checked here.
#pragma once

#include <distworker/connection_end.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace distworker::curl {

class upgrade_check {
public:
    /// `proof` is what `Sec-WebSocket-Accept` must be.
    explicit upgrade_check(std::string proof) noexcept : proof_{std::move(proof)} {}

    /// A line with its end. False when no further one is to be read: `verdict` tells why.
    [[nodiscard]] bool take(std::string_view line);

    [[nodiscard]] int status() const noexcept { return answer_.status; }
    /// What is wrong with the answer; empty for a good 101.
    [[nodiscard]] std::string problem() const;
    /// How the connection ended when the answer was not a 101, or not a good one.
    [[nodiscard]] link_end verdict() const;

private:
    void begin(std::string_view status_line);
    void field(std::string_view name, std::string_view value);

    struct answer {
        int status = 0;
        bool upgrade = false;
        bool connection = false;
        unsigned accepts = 0;
        bool accept_matches = false;
        std::string reason{};
        std::string location{};
        std::string retry_after{};
        std::string date{};
    };

    std::string proof_;
    std::size_t bytes_ = 0;
    std::size_t lines_ = 0;
    std::size_t answers_ = 0;
    answer answer_; // the latest
    std::string problem_; // of a line, whatever the rest says
};

} // namespace distworker::curl
