// A group of engines under calls with any values and any times: it stays bounded, and its trace plays again
// identically.
#include "group.hpp"

#include "core/traced_group.hpp"
#include "input.hpp"
#include "target.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace distworker::fuzz {
namespace {

using testing::traced_group;

worker_config small_config(input_reader& in) {
    worker_config config = testing::group_config();
    config.session = static_cast<session_policy>(in.number<std::uint8_t>() % 4U);
    if (config.session == session_policy::anonymous || in.number<std::uint8_t>() % 2U == 0) {
        config.worker_id.clear();
        config.session = session_policy::anonymous;
    }
    config.slots = 1 + in.number<std::uint8_t>() % 3U;
    config.outbox_bytes = 2048;
    config.stream_bytes = 1024;
    config.max_message_bytes = 4096;
    return config;
}

/// Plays one input's calls.
class play {
public:
    explicit play(input_reader& in) : in_{in}, it_{trace_payloads::whole, small_config(in)} {}

    void run() {
        constexpr int most_calls = 300;
        it_.give(input::start{});
        for (int calls = 0; calls < most_calls && !in_.done(); ++calls) {
            let_time_pass();
            call();
            require(it_.wakes > it_.now.monotonic || it_.wakes == never,
                    "I20: a deadline that fired makes progress");
        }
    }
    [[nodiscard]] const std::string& text() const { return it_.text; }

private:
    template <typename Duration>
    Duration any_time() {
        return Duration{in_.number<std::int64_t>()};
    }

    void let_time_pass() {
        instant& now = it_.now;
        switch (in_.number<std::uint8_t>() % 8U) {
        case 0: { // as time does
            const std::chrono::milliseconds passed{in_.number<std::uint16_t>()};
            now.monotonic = saturating_add(now.monotonic, passed);
            break;
        }
        case 1: // to what it waits for
            now.monotonic = it_.wakes == never ? now.monotonic : it_.wakes;
            break;
        case 2: // anything
            now.monotonic = monotonic_time{any_time<std::chrono::nanoseconds>()};
            break;
        case 3:
            now.wall = wall_time{any_time<std::chrono::milliseconds>()};
            break;
        default:
            break;
        }
    }

    delivery any_delivery() {
        if (it_.task && in_.number<std::uint8_t>() % 4U != 0) {
            return it_.task->name();
        }
        delivery d;
        d.slot = in_.number<std::uint8_t>() % 4U;
        d.generation = in_.number<std::uint32_t>();
        d.serial = in_.number<std::uint64_t>();
        return d;
    }

    outcome any_outcome() {
        const std::uint8_t how = in_.number<std::uint8_t>();
        if (!it_.task || how == 0) {
            return {};
        }
        outcome_writer writer{*it_.task};
        if (how % 2U == 0) {
            return std::move(writer).fail(in_.text(), in_.text());
        }
        writer.result().member("n", in_.number<double>()).member("text", in_.text());
        return std::move(writer).complete();
    }

    stream_item any_item() {
        if (!it_.task) {
            return {};
        }
        stream_item_writer writer{*it_.task, in_.number<float>()};
        writer.data().member("text", in_.text());
        auto item = std::move(writer).finish();
        return item ? *std::move(item) : stream_item{};
    }

    std::vector<std::byte> any_message() {
        switch (in_.number<std::uint8_t>() % 4U) {
        case 0:
            return testing::response_frame(in_.number<std::int32_t>());
        case 1:
            return testing::copy_of(as_byte_span(in_.text()));
        default:
            return testing::assign_frame({.id = "t" + std::to_string(in_.number<std::uint8_t>() % 4U),
                                          .timeout_ms = in_.number<std::int64_t>()});
        }
    }

    void receive(std::uint32_t slot, std::uint32_t generation) {
        const std::uint8_t how = in_.number<std::uint8_t>();
        const auto kind = how % 8U == 0 ? message_kind::text : message_kind::binary;
        const std::uint64_t announced = how % 4U == 0 ? in_.number<std::uint64_t>() : 0;
        const auto message = any_message();
        const std::size_t cut =
            how % 2U == 0 ? message.size() : in_.number<std::uint8_t>() % (message.size() + 1);
        const auto first = std::span{message}.first(cut);
        it_.give(input::received{slot, generation, kind, first, cut == message.size(), announced});
        if (cut != message.size() && how % 16U != 1) { // else it stops in the middle
            it_.give(input::received{slot, generation, kind, std::span{message}.subspan(cut), true, 0});
        }
    }

    link_end any_end() {
        link_end end;
        end.what = in_.one_of(link_end::kind::closed);
        end.detail = "fuzz";
        end.http_status = in_.number<std::int32_t>();
        end.close_code = in_.number<std::uint16_t>();
        if (in_.number<std::uint8_t>() % 2U != 0) {
            end.retry_after = any_time<std::chrono::seconds>();
            end.clock_skew = any_time<std::chrono::seconds>();
        }
        return end;
    }

    stop_limits any_limits() {
        const auto drain = any_time<std::chrono::nanoseconds>();
        return in_.number<std::uint8_t>() % 2U == 0
                   ? stop_limits{drain}
                   : stop_limits{drain, any_time<std::chrono::nanoseconds>()};
    }

    void call() {
        const std::uint8_t what = in_.number<std::uint8_t>();
        const std::uint32_t slot = in_.number<std::uint8_t>() % 4U;
        const std::uint32_t generation =
            what < 0xF0 ? it_.generations[slot] : in_.number<std::uint32_t>(); // or a stale one
        switch (what % 24U) {
        case 0:
            return it_.give(input::start{});
        case 1:
            return it_.give(input::stop{in_.one_of(end_reason::stuck_handlers), any_limits()});
        case 2:
            return it_.give(input::pause{});
        case 3:
            return it_.give(input::resume{});
        case 4:
            return it_.give(input::set_slots{in_.number<std::uint8_t>() % 5U});
        case 5:
            return it_.give(input::flush{});
        case 6:
            return it_.give(input::set_health{in_.one_of(worker_health::warn)});
        case 7:
            return it_.give(input::tick{});
        case 8:
            return it_.give(input::set_usage{
                slot, {in_.number<float>(), in_.number<std::int64_t>(), in_.number<float>()}});
        case 9:
        case 10:
            return it_.give(input::opened{slot, generation});
        case 11:
        case 12:
        case 13:
            return receive(slot, generation);
        case 14:
            return it_.give(input::pinged{slot, generation});
        case 15:
            return it_.give(input::pong{slot, generation, it_.pings[slot]});
        case 16:
            return it_.give(input::pong{slot, generation, as_byte_span(in_.text())});
        case 17:
            return it_.give(input::alive{slot, generation});
        case 18:
        case 19:
            return it_.give(input::sent{slot, generation});
        case 20:
            return it_.give(input::closed{slot, generation, any_end()});
        case 21: {
            outcome answer = any_outcome();
            return it_.give(input::complete{any_delivery(), &answer});
        }
        case 22:
            return it_.give(input::progress{any_delivery(), in_.number<double>(), in_.text()});
        default: {
            stream_item item = any_item();
            return it_.give(input::stream{any_delivery(), &item});
        }
        }
    }

    input_reader& in_;
    traced_group it_;
};

void check_group(std::span<const std::byte> input) {
    const auto report = replay(recorded_group(input));
    require(report.has_value(), "what is recorded can be read");
    require(report->has_payloads && !report->difference, "I28: what is recorded plays again identically");
}

const registration group_target{{"group", check_group}};

} // namespace

std::string recorded_group(std::span<const std::byte> input) {
    input_reader in{input};
    play life{in};
    try {
        life.run();
    } catch (const std::logic_error& broken) {
        throw std::logic_error{broken.what() + ("; its trace:\n" + life.text())};
    }
    return life.text();
}

} // namespace distworker::fuzz
