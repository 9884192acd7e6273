// The transition table against the engine that dispatches from it: every row is taken, everything else is
// answered.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace distworker::testing {
namespace {

using s = engine_state;
using e = engine_event;

worker_config no_second_attempt() {
    worker_config config = default_config();
    config.max_reconnect_attempts = 0;
    return config;
}

// Ways into each state; those with a running task are named so.
void connecting(engine_rig& rig) {
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
}
void registering(engine_rig& rig) {
    rig.connect();
}
void ready(engine_rig& rig) {
    rig.become_ready();
}
void busy(engine_rig& rig) {
    rig.become_ready();
    rig.assign();
}
void draining(engine_rig& rig) {
    busy(rig);
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 60s, rig.now));
    rig.drain();
}
void pausing(engine_rig& rig) {
    busy(rig);
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.drain();
}
void break_protocol(engine_rig& rig) {
    for (int i = 0; i <= 65'536; ++i) {
        rig.engine.received(rig.generation(), message_kind::binary, {}, false, 0, rig.now);
    }
    rig.drain();
}
void closing(engine_rig& rig) {
    busy(rig);
    break_protocol(rig);
}
void backoff_state(engine_rig& rig) {
    rig.become_ready();
    rig.lose();
}
void paused(engine_rig& rig) {
    backoff_state(rig);
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.drain();
}
void stopped(engine_rig&) {}

// A stable session's task runs on without a connection.
worker_config stable_session() {
    worker_config config = default_config();
    config.worker_id = "w-1";
    config.session = session_policy::stable;
    return config;
}
void busy_and_lost(engine_rig& rig) {
    busy(rig);
    rig.lose();
}

// What makes an event happen.
void lose(engine_rig& rig) {
    rig.lose();
}
void respond(engine_rig& rig) {
    rig.respond();
}
void assign(engine_rig& rig) {
    rig.assign();
}
void complete(engine_rig& rig) {
    ASSERT_TRUE(rig.complete());
}
void stop(engine_rig& rig) {
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 60s, rig.now));
    rig.drain();
}
void pause(engine_rig& rig) {
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.drain();
}
void resume(engine_rig& rig) {
    ASSERT_TRUE(rig.engine.resume(rig.now));
    rig.drain();
}

struct edge {
    engine_state from;
    engine_event event;
    std::function<void(engine_rig&)> arrive;
    std::function<void(engine_rig&)> act;
    worker_config config = default_config();
};

const std::vector<edge>& edges() {
    static const std::vector<edge> all{
        {s::stopped, e::started, stopped, connecting},
        {s::stopped, e::put_off, stopped,
         [](engine_rig& rig) { ASSERT_TRUE(rig.engine.start(rig.now, 1s)); }},
        {s::connecting, e::opened, connecting, registering},
        {s::connecting, e::task_ended,
         [](engine_rig& rig) {
             busy_and_lost(rig);
             rig.pass_backoff();
         },
         complete, stable_session()},
        {s::connecting, e::ended, connecting, lose},
        {s::connecting, e::halted, connecting, pause},
        {s::connecting, e::finished, connecting, stop},
        {s::registering, e::registered, registering, respond},
        {s::registering, e::task_ended,
         [](engine_rig& rig) {
             busy_and_lost(rig);
             rig.pass_backoff();
             rig.connect();
         },
         complete, stable_session()},
        {s::registering, e::close, registering, stop},
        {s::registering, e::ended, registering, lose},
        {s::registering, e::finished, registering, lose, no_second_attempt()},
        {s::ready, e::task_began, ready, assign},
        {s::ready, e::drain, ready, pause},
        {s::ready, e::close, ready, break_protocol},
        {s::ready, e::ended, ready, lose},
        {s::ready, e::finished, ready, lose, no_second_attempt()},
        {s::busy, e::task_ended, busy, complete},
        {s::busy, e::drain, busy, stop},
        {s::busy, e::close, busy, break_protocol},
        {s::busy, e::ended, busy, lose},
        {s::busy, e::finished, busy, lose, no_second_attempt()},
        {s::draining, e::task_ended, draining, complete},
        {s::draining, e::carry_on,
         [](engine_rig& rig) {
             ready(rig);
             pause(rig);
         },
         resume},
        {s::draining, e::close, draining, break_protocol},
        {s::draining, e::halted, pausing, lose},
        {s::draining, e::finished, draining, lose},
        {s::closing, e::task_ended, closing, complete},
        {s::closing, e::ended, closing, lose},
        {s::closing, e::halted, closing,
         [](engine_rig& rig) {
             pause(rig);
             rig.lose();
         }},
        {s::closing, e::finished, closing,
         [](engine_rig& rig) {
             stop(rig);
             rig.lose();
         }},
        {s::backoff, e::retry, backoff_state, [](engine_rig& rig) { rig.pass_backoff(); }},
        {s::backoff, e::task_ended, busy_and_lost, complete, stable_session()},
        {s::backoff, e::halted, backoff_state, pause},
        {s::backoff, e::finished, backoff_state, stop},
        {s::paused, e::started, paused,
         [](engine_rig& rig) {
             rig.pass(1min);
             resume(rig);
         }},
        {s::paused, e::put_off, paused, resume},
        {s::paused, e::task_ended,
         [](engine_rig& rig) {
             busy_and_lost(rig);
             pause(rig);
         },
         complete, stable_session()},
        {s::paused, e::finished, paused, stop},
    };
    return all;
}

TEST(EngineTable, EveryRowIsTaken) {
    std::set<std::pair<engine_state, engine_event>> taken;
    for (const edge& edge : edges()) {
        SCOPED_TRACE(std::string{to_string(edge.from)} + " on " + to_string(edge.event));
        engine_rig rig{edge.config};
        edge.arrive(rig);
        ASSERT_EQ(rig.engine.state(), edge.from);
        edge.act(rig);
        const engine_transition* const row = find_transition(edge.from, edge.event);
        ASSERT_NE(row, nullptr);
        EXPECT_EQ(rig.engine.state(), row->to) << to_string(rig.engine.state());
        taken.emplace(edge.from, edge.event);
    }
    for (const engine_transition& row : engine_transitions) {
        EXPECT_TRUE(taken.contains({row.from, row.event}))
            << "not taken: " << to_string(row.from) << " on " << to_string(row.event);
    }
}

TEST(EngineTable, EveryRowIsThereOnceAndIsFound) {
    std::size_t found = 0;
    for (std::size_t state = 0; state < engine_states; ++state) {
        for (std::size_t event = 0; event < engine_events; ++event) {
            const auto from = static_cast<engine_state>(state);
            const auto on = static_cast<engine_event>(event);
            const engine_transition* const row = find_transition(from, on);
            if (row != nullptr) {
                ++found;
                EXPECT_EQ(row->from, from);
                EXPECT_EQ(row->event, on);
            }
        }
    }
    EXPECT_EQ(found, engine_transitions.size());
}

TEST(EngineTable, StoppedIsReachableFromEveryStateAndFinalOnlyAtTheEnd) {
    for (std::size_t state = 1; state < engine_states; ++state) {
        const auto* const row = find_transition(static_cast<engine_state>(state), e::finished);
        ASSERT_NE(row, nullptr) << to_string(static_cast<engine_state>(state));
        EXPECT_EQ(row->to, s::stopped);
    }
    EXPECT_EQ(find_transition(s::stopped, e::finished), nullptr);
}

// What an application or a peer can do at any time, by the event that it would be in its place.
struct attempt {
    engine_event event;
    const char* name;
    bool (*act)(engine_rig&); // whether it was answered with misuse, or had no one to answer
};

const attempt attempts[] = {
    {e::started, "start", [](engine_rig& rig) { return !rig.engine.start(rig.now).has_value(); }},
    {e::opened, "opened",
     [](engine_rig& rig) {
         rig.engine.opened(rig.generation(), rig.now);
         return true;
     }},
    {e::registered, "response",
     [](engine_rig& rig) {
         rig.receive(response_frame());
         return true;
     }},
    {e::task_began, "assignment",
     [](engine_rig& rig) {
         rig.receive(assign_frame({.id = "another"}));
         return true;
     }},
    {e::task_ended, "complete",
     [](engine_rig& rig) {
         assigned_task unknown{shared_bytes{}, {}, delivery{0, 99, 99}, never, buffer_pool::none()};
         return rig.engine.complete(unknown.name(), engine_rig::result_for(unknown), rig.now).error() ==
                misuse::stale_delivery;
     }},
};

TEST(EngineTable, WhatIsNoTransitionIsAnsweredAndMovesNothing) {
    const std::pair<const char*, void (*)(engine_rig&)> places[] = {
        {"connecting", connecting},
        {"registering", registering},
        {"ready", ready},
        {"busy", busy},
        {"draining", draining},
        {"pausing", pausing},
        {"closing", closing},
        {"backoff", backoff_state},
        {"paused", paused},
        {"stopped",
         [](engine_rig& rig) {
             backoff_state(rig);
             stop(rig);
         }},
    };
    for (const auto& [name, arrive] : places) {
        for (const attempt& attempt : attempts) {
            SCOPED_TRACE(std::string{attempt.name} + " while " + name);
            engine_rig rig;
            arrive(rig);
            const engine_state before = rig.engine.state();
            if (find_transition(before, attempt.event) != nullptr && attempt.event != e::task_ended &&
                !(attempt.event == e::started && before == s::paused)) {
                continue;
            }
            const std::size_t ends = rig.ends.size();
            const std::size_t stops = rig.stopped.size();
            EXPECT_TRUE(attempt.act(rig));
            rig.drain();
            EXPECT_EQ(rig.engine.state(), before);
            EXPECT_EQ(rig.ends.size(), ends);
            EXPECT_EQ(rig.stopped.size(), stops);
        }
    }
}

} // namespace
} // namespace distworker::testing
