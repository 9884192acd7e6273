// The wait before the next attempt, for any policy and any count: within its bounds, without overflow (I25,
// I26).
#include "input.hpp"
#include "target.hpp"

#include <distworker/backoff.hpp>

#include <algorithm>

namespace distworker::fuzz {
namespace {

using std::chrono::nanoseconds;
__extension__ typedef __int128 wide; // standard C++ has no wider integer

// base * 2^times, as high as cap.
nanoseconds longest(nanoseconds base, std::uint32_t times, nanoseconds cap) {
    const wide limit = cap.count();
    wide value = base.count();
    for (std::uint32_t i = 0; i < std::min(times, 64U) && value > 0 && value < limit; ++i) {
        value *= 2;
    }
    return nanoseconds{static_cast<std::int64_t>(std::min(value, limit))};
}

void check_backoff(std::span<const std::byte> input) {
    input_reader in{input};
    backoff_policy policy;
    policy.kind = in.one_of(reconnect_policy::fixed);
    policy.base = nanoseconds{in.number<std::int64_t>()};
    policy.cap = nanoseconds{in.number<std::int64_t>()};
    backoff_state state{.attempt = in.number<std::uint32_t>(), .refusals = in.number<std::uint32_t>()};
    const auto retry_after = in.number<std::int64_t>();
    if (retry_after != 0) {
        state.retry_after = std::chrono::seconds{retry_after};
    }
    const auto random = in.number<std::uint64_t>();

    nanoseconds low = min_reconnect_delay;
    nanoseconds high = longest(policy.base, state.attempt, policy.cap);
    if (policy.kind == reconnect_policy::fixed) {
        low = high = policy.base;
    } else if (state.refusals > 0) {
        low = min_refused_delay;
        high = longest(min_refused_delay, state.refusals, max_refused_delay);
    }
    const nanoseconds wanted =
        retry_after <= 0
            ? nanoseconds{0}
            : nanoseconds{std::min<std::chrono::seconds>(std::chrono::seconds{retry_after}, max_retry_after)};
    const nanoseconds floor = std::max<nanoseconds>(wanted, min_reconnect_delay);
    const nanoseconds delay = backoff(policy, state, random);
    require(delay >= std::max(low, floor), "I25: no wait is shorter than its bound");
    require(delay <= std::max(std::max(low, high), floor), "I25: no wait is longer than its bound");
    require(delay == backoff(policy, state, random), "I28: the same inputs give the same wait");
    require(backoff(policy, state, 0) <= delay && delay <= backoff(policy, state, UINT64_MAX),
            "a wait grows with the number drawn for it");
}

const registration backoff_target{{"backoff", check_backoff}};

} // namespace
} // namespace distworker::fuzz
