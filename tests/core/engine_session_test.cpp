// The engine's session on virtual time: connecting, registering, heartbeats, ends, reconnects, time.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;

TEST(EngineSession, ConnectsRegistersAndSendsAHeartbeatAtOnce) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    EXPECT_THAT(rig.connects, ElementsAre(1U));
    EXPECT_THAT(rig.frames, IsEmpty());
    rig.engine.opened(1, rig.now);
    rig.drain();
    EXPECT_THAT(rig.kinds(), ElementsAre("register"));
    rig.pass(5s);
    EXPECT_THAT(rig.kinds(), ElementsAre("register")) << "nothing before the answer";
    rig.respond();
    EXPECT_THAT(rig.kinds(), ElementsAre("register", "heartbeat"));
    EXPECT_EQ(rig.samples, 1);
    EXPECT_EQ(rig.engine.state(), engine_state::ready);
}

TEST(EngineSession, TheRegistrationCarriesWhatTheSignerSignedAndTheWallClock) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    config.hostname = "host";
    config.cpu_cores = 4;
    config.memory_mb = 1024;
    config.resource_info = {{"zone", "b"}, {"gpus", 2}};
    std::string signed_date;
    std::vector<std::byte> signed_data;
    signer sign = [&](std::string_view date,
                      std::span<const std::byte> data) -> std::expected<digest32, signing_error> {
        signed_date = date;
        signed_data = copy_of(data);
        digest32 digest{};
        digest.fill(std::byte{7});
        return digest;
    };
    worker_engine engine{config.validate().value(), std::move(sign), 1};
    const instant now{monotonic_time{1s},
                      wall_time{std::chrono::sys_days{std::chrono::January / 2 / 2026} + 3h}};
    ASSERT_TRUE(engine.start(now));
    while (!is_idle(engine.poll(now))) {
    }
    engine.opened(1, now);
    for (;;) {
        const engine_output out = engine.poll(now);
        ASSERT_FALSE(is_idle(out)) << "REGISTER never came";
        if (const auto* send = std::get_if<output::send>(&out)) {
            const auto frame = read_frame(send->bytes);
            ASSERT_TRUE(frame);
            const auto& reg = std::get<worker_register_view>(*frame);
            EXPECT_EQ(copy_of(reg.data), signed_data);
            EXPECT_EQ(reg.signature.size(), 32U);
            EXPECT_EQ(reg.signature[0], std::byte{7});
            const auto inner = read_signed_register(reg.data);
            ASSERT_TRUE(inner);
            EXPECT_EQ(inner->provisioner, "example");
            EXPECT_EQ(inner->worker_id, "w-1");
            EXPECT_EQ(inner->date, "20260102T030000Z");
            EXPECT_EQ(inner->date, signed_date);
            EXPECT_EQ(inner->hostname, "host");
            EXPECT_EQ(inner->cpu_cores, 4);
            EXPECT_EQ(inner->memory_mb, 1024);
            EXPECT_EQ(value{inner->additional}, config.resource_info);
            break;
        }
    }
}

TEST(EngineSession, AClockThatIsNotSetRefusesToSignAndTriesAgain) {
    engine_rig rig;
    rig.now.wall = wall_time{0s};
    rig.connect();
    EXPECT_THAT(rig.frames, IsEmpty());
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::local);
    EXPECT_THAT(rig.ends[0].end.detail, HasSubstr("clock"));
    EXPECT_EQ(rig.engine.state(), engine_state::backoff);
}

TEST(EngineSession, AConnectionThatIsGivenUpIsAbortedHoweverLateThatIsTaken) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    rig.leap(10s); // connect_timeout
    rig.engine.tick(rig.now);
    rig.leap(5s); // the next attempt begins, and nobody hears of it
    rig.engine.tick(rig.now);
    EXPECT_EQ(rig.engine.state(), engine_state::connecting);
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 1s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.aborts, ElementsAre(1U));
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].generation, 1U);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::stop_requested));
}

TEST(EngineSession, ADrainMayHaveAnyLength) {
    for (const auto length : {std::chrono::nanoseconds::min(), std::chrono::nanoseconds::max()}) {
        engine_rig rig;
        rig.become_ready();
        rig.assign();
        ASSERT_TRUE(rig.engine.stop(end_reason::signal, length, rig.now));
        rig.drain();
        EXPECT_EQ(rig.closes.size(), length < 0s ? 1U : 0U) << "at once, or when the task ends";
    }
}

TEST(EngineSession, EmptyPartsDoNotKeepAMessageAlive) {
    engine_rig rig;
    rig.become_ready();
    const auto frame = assign_frame({});
    rig.engine.received(1, message_kind::binary, std::span{frame}.first(10), false, 0, rig.now);
    for (int i = 0; i < 12 && rig.closes.empty(); ++i) {
        rig.pass(5s);
        rig.peer_ping();
        rig.engine.received(1, message_kind::binary, {}, false, 0, rig.now);
        rig.drain();
    }
    EXPECT_THAT(rig.closes, ElementsAre(1008));
}

TEST(EngineSession, HeartbeatsComeEveryIntervalWithFreshFigures) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.set_usage({.cpu_percent = 12.5F, .memory_used_mb = 99});
    rig.engine.set_health(worker_health::warn);
    for (int i = 0; i < 40; ++i) {
        rig.peer_ping();
        rig.pass(3s);
    }
    const auto beats = rig.all<heartbeat_view>();
    ASSERT_EQ(beats.size(), 4U); // 120 s
    EXPECT_EQ(beats[0].usage.cpu_percent, 12.5F);
    EXPECT_EQ(beats[0].usage.memory_used_mb, 99);
    EXPECT_EQ(beats[0].health, worker_health::warn);
    EXPECT_EQ(beats[1].timestamp_ms - beats[0].timestamp_ms, 30'000);
    EXPECT_EQ(rig.samples, 5);
}

TEST(EngineSession, ASilentLinkIsProbedAtTenSecondsAndDeadAtFifteen) {
    engine_rig rig;
    rig.become_ready();
    rig.pass(9999ms);
    EXPECT_THAT(rig.pings, IsEmpty());
    rig.pass(1ms);
    EXPECT_EQ(rig.pings.size(), 1U);
    rig.pass(4999ms);
    EXPECT_THAT(rig.ends, IsEmpty());
    rig.pass(1ms);
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::timed_out);
    EXPECT_THAT(rig.aborts, ElementsAre(1U));
}

TEST(EngineSession, AnyByteKeepsTheLinkAlive) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 20; ++i) {
        rig.pass(9s);
        rig.engine.alive(rig.generation(), rig.now);
        rig.drain();
    }
    EXPECT_THAT(rig.ends, IsEmpty());
    EXPECT_THAT(rig.pings, IsEmpty());
}

TEST(EngineSession, ADeafControllerIsLeftWhenIdle) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.peer_ping();
    rig.pass(14s);
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pass(2s);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::timed_out);
    EXPECT_THAT(rig.ends[0].end.detail, HasSubstr("pings"));
}

TEST(EngineSession, ADeafControllerIsLeftOnlyAfterTheRunningTasksReceipt) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.peer_ping();
    rig.assign();
    rig.pass(60s);
    EXPECT_THAT(rig.closes, IsEmpty()) << "a task runs";
    ASSERT_TRUE(rig.complete());
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
}

TEST(EngineSession, AControllerThatNeverPingedIsNotDeaf) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.pass(120s);
    EXPECT_THAT(rig.closes, IsEmpty());
    EXPECT_THAT(rig.ends, IsEmpty());
}

TEST(EngineSession, AnUnansweredRegistrationTimesOut) {
    engine_rig rig;
    rig.connect();
    rig.pass(14s);
    rig.engine.alive(rig.generation(), rig.now);
    rig.pass(1s);
    EXPECT_THAT(rig.closes, ElementsAre(1002));
    rig.lose(link_end::kind::closed);
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::timed_out);
}

TEST(EngineSession, ACloseThatThePeerNeverAnswersEndsAfterFiveSeconds) {
    engine_rig rig;
    rig.connect();
    rig.pass(14s);
    rig.engine.alive(rig.generation(), rig.now);
    rig.pass(1s);
    ASSERT_THAT(rig.closes, ElementsAre(1002));
    rig.pass(4999ms);
    EXPECT_THAT(rig.ends, IsEmpty());
    rig.pass(1ms);
    EXPECT_EQ(rig.ends.size(), 1U);
    EXPECT_THAT(rig.aborts, ElementsAre(1U));
}

TEST(EngineSession, ConnectingTakesAtMostTheConnectTimeout) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.pass(10s);
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::timed_out);
    EXPECT_THAT(rig.aborts, ElementsAre(1U));
    EXPECT_EQ(rig.engine.state(), engine_state::backoff);
}

TEST(EngineSession, ComesBackWithinFiveSecondsOfADropAndBacksOffWhenThatFails) {
    engine_rig rig;
    rig.become_ready();
    rig.lose();
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::peer_closed);
    EXPECT_THAT(rig.ends[0].end.retry_at - rig.now.monotonic, AllOf(Ge(250ms), Le(5s)));
    rig.pass_backoff();
    EXPECT_THAT(rig.connects, ElementsAre(1U, 2U));
    for (int i = 0; i < 50; ++i) {
        rig.lose(link_end::kind::connect);
        EXPECT_EQ(rig.ends.back().end.cause, end_cause::transport);
        EXPECT_THAT(rig.ends.back().end.retry_at - rig.now.monotonic, AllOf(Ge(250ms), Le(30s)));
        rig.pass_backoff();
    }
    EXPECT_EQ(rig.connects.size(), 52U);
}

TEST(EngineSession, ASecondSilentEndAfterRegisterIsARefusalAndTheFirstNamesTheCauses) {
    engine_rig rig;
    rig.connect();
    rig.lose();
    ASSERT_EQ(rig.ends.size(), 1U);
    EXPECT_NE(rig.ends[0].end.cause, end_cause::refused);
    EXPECT_TRUE(rig.ends[0].end.before_answer);
    const std::string& text = rig.ends[0].end.detail;
    EXPECT_LT(text.find("token"), text.find("clock"));
    EXPECT_LT(text.find("clock"), text.find("provisioner"));
    EXPECT_LT(text.find("provisioner"), text.find("worker id"));
    rig.pass_backoff();
    rig.connect();
    rig.lose();
    ASSERT_EQ(rig.ends.size(), 2U);
    EXPECT_EQ(rig.ends[1].end.cause, end_cause::refused);
    EXPECT_THAT(rig.ends[1].end.retry_at - rig.now.monotonic, AllOf(Ge(30s), Le(300s)));
}

TEST(EngineSession, Http401IsARefusalAtOnceAndRetryAfterOnlyLengthens) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    rig.engine.closed(1, {.what = link_end::kind::upgrade, .detail = "401", .http_status = 401}, rig.now);
    rig.drain();
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::refused);
    EXPECT_GE(rig.ends[0].end.retry_at - rig.now.monotonic, 30s);
    rig.pass_backoff();
    rig.engine.closed(
        2, {.what = link_end::kind::upgrade, .detail = "503", .http_status = 503, .retry_after = 120s},
        rig.now);
    rig.drain();
    EXPECT_EQ(rig.ends[1].end.cause, end_cause::transport);
    EXPECT_GE(rig.ends[1].end.retry_at - rig.now.monotonic, 120s);
}

TEST(EngineSession, AttemptsAreForgottenOnlyAfterThirtySecondsOfRegistration) {
    worker_config config = default_config();
    config.max_reconnect_attempts = 2;
    engine_rig rig{config};
    rig.become_ready();
    rig.lose();
    rig.pass_backoff();
    rig.connect();
    rig.respond();
    rig.pass(1s);
    rig.lose();
    rig.pass_backoff();
    rig.connect();
    rig.respond();
    for (int i = 0; i < 11; ++i) { // stable now
        rig.peer_ping();
        rig.pass(3s);
    }
    rig.lose();
    EXPECT_THAT(rig.stopped, IsEmpty());
    rig.pass_backoff();
    rig.lose(link_end::kind::connect);
    rig.pass_backoff();
    rig.lose(link_end::kind::connect);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::attempts_exhausted));
    EXPECT_EQ(rig.ends.size(), 5U);
}

TEST(EngineSession, SessionsOfLessThanThirtySecondsUseTheAttemptsUp) {
    worker_config config = default_config();
    config.max_reconnect_attempts = 2;
    engine_rig rig{config};
    rig.answer_pings = true;
    for (int session = 0; session < 3; ++session) {
        EXPECT_THAT(rig.stopped, IsEmpty());
        rig.become_ready();
        rig.pass(29'999ms);
        rig.lose();
        if (rig.stopped.empty()) {
            rig.pass_backoff();
        }
    }
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::attempts_exhausted));
}

TEST(EngineSession, AStableSessionEndsAtTheTenthRefusalInARow) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    config.session = session_policy::stable;
    engine_rig rig{config};
    rig.become_ready();
    rig.lose();
    int refused = 0;
    while (rig.stopped.empty() && refused < 20) {
        rig.pass_backoff();
        rig.connect();
        rig.lose();
        refused += rig.ends.back().end.cause == end_cause::refused ? 1 : 0;
    }
    EXPECT_EQ(refused, 10);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::session_gone));
}

TEST(EngineSession, AProvisionedSessionWaitsTwentySecondsAndEndsWithTheNextSilentEnd) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    engine_rig rig{config};
    rig.become_ready();
    rig.lose();
    EXPECT_EQ(rig.ends[0].end.retry_at - rig.now.monotonic, 20s);
    rig.pass(20s);
    rig.connect();
    rig.lose();
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::session_gone));
    EXPECT_EQ(rig.engine.state(), engine_state::stopped);
}

TEST(EngineSession, AProvisionedSessionThatNeverRegisteredEndsWithTheSecondSilentEnd) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    engine_rig rig{config};
    rig.connect();
    rig.lose();
    EXPECT_THAT(rig.stopped, IsEmpty());
    rig.pass_backoff();
    rig.connect();
    rig.lose();
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::session_gone));
}

TEST(EngineSession, EventsOfAnOlderConnectionAreIgnoredAndCounted) {
    engine_rig rig;
    rig.become_ready();
    rig.lose();
    rig.pass_backoff();
    rig.connect();
    const auto frames_before = rig.frames.size();
    rig.engine.received(1, message_kind::binary, response_frame(), true, 0, rig.now);
    rig.engine.pinged(1, rig.now);
    rig.engine.sent(1, rig.now);
    rig.engine.pong(1, {}, rig.now);
    rig.engine.alive(1, rig.now);
    rig.engine.opened(1, rig.now);
    rig.engine.closed(1, {}, rig.now);
    rig.drain();
    EXPECT_EQ(rig.engine.counters().stale_events, 7U);
    EXPECT_EQ(rig.engine.state(), engine_state::registering);
    EXPECT_EQ(rig.frames.size(), frames_before);
}

TEST(EngineSession, TimeThatStepsBackIsClampedAndCounted) {
    engine_rig rig;
    rig.become_ready();
    rig.now.monotonic -= 30min;
    rig.peer_ping();
    EXPECT_EQ(rig.engine.counters().clock_steps_back, 2U); // the ping, and the poll
    EXPECT_EQ(rig.engine.state(), engine_state::ready);
}

TEST(EngineSession, AfterASuspensionTheLinkIsProbedFirstAndOneHeartbeatGoes) {
    engine_rig rig;
    rig.become_ready();
    rig.leap(1h);
    rig.drain();
    EXPECT_THAT(rig.ends, IsEmpty());
    EXPECT_EQ(rig.pings.size(), 1U);
    EXPECT_EQ(rig.all<heartbeat_view>().size(), 1U);
    rig.pong();
    rig.pass(9s);
    EXPECT_THAT(rig.ends, IsEmpty());
}

TEST(EngineSession, StopsAtOnceWhileConnectingAndInBackoff) {
    engine_rig connecting;
    ASSERT_TRUE(connecting.engine.start(connecting.now));
    connecting.drain();
    ASSERT_TRUE(connecting.engine.stop(end_reason::stop_requested, 25s, connecting.now));
    connecting.drain();
    EXPECT_THAT(connecting.aborts, ElementsAre(1U));
    EXPECT_EQ(connecting.ends.size(), 1U);
    EXPECT_THAT(connecting.stopped, ElementsAre(end_reason::stop_requested));

    engine_rig waiting;
    ASSERT_TRUE(waiting.engine.start(waiting.now));
    waiting.drain();
    waiting.lose(link_end::kind::connect);
    ASSERT_TRUE(waiting.engine.stop(end_reason::signal, 25s, waiting.now));
    waiting.drain();
    EXPECT_THAT(waiting.stopped, ElementsAre(end_reason::signal));
    EXPECT_EQ(waiting.ends.size(), 1U);
}

TEST(EngineSession, AConnectThatNobodyTookHasNoEndToTell) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 25s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.connects, IsEmpty());
    EXPECT_THAT(rig.ends, IsEmpty());
    EXPECT_THAT(rig.aborts, IsEmpty());
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::stop_requested));
}

TEST(EngineSession, DoesNotLeaveBeforeItsRefusalHasItsReceipt) {
    engine_rig rig;
    rig.become_ready(60);
    for (int i = 0; i < 19; ++i) {
        rig.peer_ping();
        rig.pass(3s);
    }
    rig.pass(2900ms);
    auto damaged = assign_frame({});
    damaged.pop_back();
    rig.hold_writes = true;
    rig.receive(damaged);
    ASSERT_THAT(rig.all<task_failed_view>(), SizeIs(1));
    rig.pass(1s);
    EXPECT_EQ(rig.engine.state(), engine_state::ready) << "it is still being written";
    rig.write_done();
    rig.pass(1s);
    EXPECT_EQ(rig.engine.state(), engine_state::ready);
}

TEST(EngineSession, LeavesAfterTheControllersIdleTime) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready(60);
    for (int i = 0; i < 19; ++i) {
        rig.peer_ping();
        rig.pass(3s);
    }
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.peer_ping();
    rig.pass(4s);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::idle));
}

TEST(EngineSession, ATaskRestartsTheIdleTime) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready(10);
    rig.pass(9s);
    rig.assign();
    rig.pass(60s);
    EXPECT_THAT(rig.closes, IsEmpty());
    ASSERT_TRUE(rig.complete());
    rig.pass(9s);
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pass(2s);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
}

TEST(EngineSession, CallsOutOfPlaceAreMisuseAndChangeNothing) {
    engine_rig rig;
    EXPECT_EQ(rig.engine.stop(end_reason::signal, 1s, rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.engine.complete({}, outcome{}, rig.now).error(), misuse::invalid_value);
    EXPECT_EQ(rig.engine.progress({}, 0.5, "", rig.now).error(), misuse::stale_delivery);
    ASSERT_TRUE(rig.engine.start(rig.now));
    EXPECT_EQ(rig.engine.start(rig.now).error(), misuse::not_in_state);
    rig.drain();
    EXPECT_THAT(rig.connects, ElementsAre(1U));
}

} // namespace
} // namespace distworker::testing
