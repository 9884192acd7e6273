#include <distworker/backoff.hpp>
#include <distworker/random.hpp>

#include <algorithm>

namespace distworker {
namespace {

using std::chrono::nanoseconds;

// base * 2^times, at most cap; without overflow for any input.
nanoseconds doubled(nanoseconds base, std::uint32_t times, nanoseconds cap) noexcept {
    nanoseconds value = std::min(base, cap);
    for (; times > 0 && value > nanoseconds::zero() && value < cap; --times) {
        value = value > cap / 2 ? cap : value * 2;
    }
    return value;
}

nanoseconds between(nanoseconds lo, nanoseconds hi, std::uint64_t random) noexcept {
    if (hi <= lo) {
        return lo;
    }
    const auto width = static_cast<std::uint64_t>((hi - lo).count());
    return lo + nanoseconds{static_cast<std::int64_t>(scale_random(random, width))};
}

} // namespace

const char* to_string(reconnect_policy policy) noexcept {
    switch (policy) {
    case reconnect_policy::jitter:
        return "jitter";
    case reconnect_policy::fixed:
        return "fixed";
    }
    return "unknown";
}

nanoseconds backoff(const backoff_policy& policy, const backoff_state& state, std::uint64_t random) noexcept {
    nanoseconds delay{};
    if (policy.kind == reconnect_policy::fixed) {
        delay = policy.base;
    } else if (state.refusals > 0) {
        delay =
            between(min_refused_delay, doubled(min_refused_delay, state.refusals, max_refused_delay), random);
    } else {
        delay = between(min_reconnect_delay, doubled(policy.base, state.attempt, policy.cap), random);
    }
    if (state.retry_after) {
        // Clamped in seconds: what a peer sends may not fit into nanoseconds.
        delay = std::max<nanoseconds>(
            delay,
            std::clamp<std::chrono::seconds>(*state.retry_after, std::chrono::seconds{0}, max_retry_after));
    }
    return std::max<nanoseconds>(delay, min_reconnect_delay);
}

} // namespace distworker
