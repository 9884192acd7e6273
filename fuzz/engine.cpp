// The worker's engine: any calls, times and parts keep the invariants, however messages are cut (I29).
//
// The input is a session policy, the size of the parts, and steps of the tests' model.
#include "core/engine_model.hpp"
#include "input.hpp"
#include "target.hpp"

#include <string>
#include <vector>

namespace distworker::fuzz {
namespace {

using testing::chunking;
using testing::step;

std::string played(session_policy session, chunking parts, const std::vector<step>& steps) {
    testing::model model{session, parts, 7};
    for (const step& s : steps) {
        model.take(s);
    }
    model.finish();
    return model.log();
}

void check(std::span<const std::byte> input) {
    constexpr std::size_t most_steps = 400;
    constexpr std::uint32_t amounts = 1000;
    input_reader in{input};
    const auto session = static_cast<session_policy>(1 + in.number<std::uint8_t>() % 3U);
    const std::size_t part = 1 + in.number<std::uint8_t>() % 32U;
    std::vector<step> steps{{step::kind::start, 0, 0}};
    while (!in.done() && steps.size() < most_steps) {
        const auto what = in.one_of(step::kind::sample);
        const auto a = in.number<std::uint16_t>();
        steps.push_back({what, a % amounts, in.number<std::uint16_t>() % amounts});
    }
    require(played(session, {}, steps) == played(session, {part}, steps),
            "I28, I29: the same inputs in other parts give the same outputs");
}

const registration here{{"engine", check}};

} // namespace
} // namespace distworker::fuzz
