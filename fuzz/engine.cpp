// The worker's engine: any calls, times and parts keep the invariants, however messages are cut (I29).
//
// The input is a session policy, the size of the parts, and steps of the tests' model.
#include "core/invariants/session_model.hpp"
#include "input.hpp"
#include "target.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace distworker::fuzz {
namespace {

using testing::step;

std::string played(session_policy session, std::size_t chunk, const std::vector<step>& steps) {
    testing::model_setup setup{.chunk = chunk};
    setup.config.controller = "http://localhost:8081";
    setup.config.provisioner = "example";
    setup.config.session = session;
    setup.config.worker_id = session == session_policy::anonymous ? "" : "w-1";
    setup.config.outbox_bytes = 4096;
    setup.config.stream_bytes = 1024;
    setup.config.max_message_bytes = 8192;
    testing::rulebook book;
    testing::session_model model{setup, book};
    for (const step& s : steps) {
        model.take(s);
    }
    model.finish();
    return model.log();
}

void check_engine(std::span<const std::byte> input) {
    constexpr std::size_t most_steps = 400;
    constexpr std::uint32_t amounts = 1000;
    input_reader in{input};
    const auto session = static_cast<session_policy>(1 + in.number<std::uint8_t>() % 3U);
    const std::size_t part = 1 + in.number<std::uint8_t>() % 32U;
    std::vector<step> steps{{step::kind::start}};
    while (!in.done() && steps.size() < most_steps) {
        const auto what = in.one_of(step::kind::stale);
        const auto a = in.number<std::uint16_t>();
        steps.push_back({what, 0, a % amounts, in.number<std::uint16_t>() % amounts});
    }
    require(played(session, SIZE_MAX, steps) == played(session, part, steps),
            "I28, I29: the same inputs in other parts give the same outputs");
}

const registration engine_target{{"engine", check_engine}};

} // namespace
} // namespace distworker::fuzz
