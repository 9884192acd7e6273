// Signs registrations, and remembers what was signed, and whether that was asked for.
#pragma once

#include <distworker/signing.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker::testing {

struct signing {
    std::string date;
    std::vector<std::byte> data;
    std::optional<digest32> signature; ///< None: it was refused.
};

/// One desk serves one slot or several; look at it after each poll.
class signing_desk {
public:
    /// With `numbered` no two signatures are the same, whatever is signed.
    explicit signing_desk(bool numbered) : state_{std::make_shared<state>(state{.numbered = numbered})} {}

    [[nodiscard]] signer sign() const {
        return [state = state_](std::string_view date,
                                std::span<const std::byte> data) -> std::expected<digest32, signing_error> {
            ++state->calls;
            state->last = signing{std::string{date}, {data.begin(), data.end()}, std::nullopt};
            if (std::exchange(state->refuse_next, false)) {
                return std::unexpected{
                    signing_error{signing_error::kind::token_unavailable, "the token is not there"}};
            }
            digest32 made{};
            made[0] = std::byte{1};
            if (state->numbered) {
                for (std::size_t i = 0; i < sizeof state->calls; ++i) {
                    made[i + 1] = static_cast<std::byte>(state->calls >> (8U * i));
                }
            }
            state->last->signature = made;
            return made;
        };
    }
    void refuse_next() const noexcept { state_->refuse_next = true; }
    /// What was signed since the last look.
    [[nodiscard]] std::optional<signing> take() const { return std::exchange(state_->last, std::nullopt); }
    [[nodiscard]] std::uint64_t calls() const noexcept { return state_->calls; }

private:
    struct state {
        bool numbered = false;
        bool refuse_next = false;
        std::uint64_t calls = 0;
        std::optional<signing> last{};
    };
    std::shared_ptr<state> state_;
};

} // namespace distworker::testing
