// The transition table against the engine that dispatches from it: every row is taken, everything else is
// answered.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace distworker::testing {
namespace {

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
        {engine_state::stopped, engine_event::started, stopped, connecting},
        {engine_state::stopped, engine_event::put_off, stopped,
         [](engine_rig& rig) { ASSERT_TRUE(rig.engine.start(rig.now, 1s)); }},
        {engine_state::connecting, engine_event::opened, connecting, registering},
        {engine_state::connecting, engine_event::task_ended,
         [](engine_rig& rig) {
             busy_and_lost(rig);
             rig.pass_backoff();
         },
         complete, stable_session()},
        {engine_state::connecting, engine_event::ended, connecting, lose},
        {engine_state::connecting, engine_event::halted, connecting, pause},
        {engine_state::connecting, engine_event::finished, connecting, stop},
        {engine_state::registering, engine_event::registered, registering, respond},
        {engine_state::registering, engine_event::task_ended,
         [](engine_rig& rig) {
             busy_and_lost(rig);
             rig.pass_backoff();
             rig.connect();
         },
         complete, stable_session()},
        {engine_state::registering, engine_event::close, registering, stop},
        {engine_state::registering, engine_event::ended, registering, lose},
        {engine_state::registering, engine_event::finished, registering, lose, no_second_attempt()},
        {engine_state::ready, engine_event::task_began, ready, assign},
        {engine_state::ready, engine_event::drain, ready, pause},
        {engine_state::ready, engine_event::close, ready, break_protocol},
        {engine_state::ready, engine_event::ended, ready, lose},
        {engine_state::ready, engine_event::finished, ready, lose, no_second_attempt()},
        {engine_state::busy, engine_event::task_ended, busy, complete},
        {engine_state::busy, engine_event::drain, busy, stop},
        {engine_state::busy, engine_event::close, busy, break_protocol},
        {engine_state::busy, engine_event::ended, busy, lose},
        {engine_state::busy, engine_event::finished, busy, lose, no_second_attempt()},
        {engine_state::draining, engine_event::task_ended, draining, complete},
        {engine_state::draining, engine_event::carry_on,
         [](engine_rig& rig) {
             ready(rig);
             pause(rig);
         },
         resume},
        {engine_state::draining, engine_event::close, draining, break_protocol},
        {engine_state::draining, engine_event::halted, pausing, lose},
        {engine_state::draining, engine_event::finished, draining, lose},
        {engine_state::closing, engine_event::task_ended, closing, complete},
        {engine_state::closing, engine_event::ended, closing, lose},
        {engine_state::closing, engine_event::halted, closing,
         [](engine_rig& rig) {
             pause(rig);
             rig.lose();
         }},
        {engine_state::closing, engine_event::finished, closing,
         [](engine_rig& rig) {
             stop(rig);
             rig.lose();
         }},
        {engine_state::backoff, engine_event::retry, backoff_state,
         [](engine_rig& rig) { rig.pass_backoff(); }},
        {engine_state::backoff, engine_event::task_ended, busy_and_lost, complete, stable_session()},
        {engine_state::backoff, engine_event::halted, backoff_state, pause},
        {engine_state::backoff, engine_event::finished, backoff_state, stop},
        {engine_state::paused, engine_event::started, paused,
         [](engine_rig& rig) {
             rig.pass(1min);
             resume(rig);
         }},
        {engine_state::paused, engine_event::put_off, paused, resume},
        {engine_state::paused, engine_event::task_ended,
         [](engine_rig& rig) {
             busy_and_lost(rig);
             pause(rig);
         },
         complete, stable_session()},
        {engine_state::paused, engine_event::finished, paused, stop},
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
        const auto* const row = find_transition(static_cast<engine_state>(state), engine_event::finished);
        ASSERT_NE(row, nullptr) << to_string(static_cast<engine_state>(state));
        EXPECT_EQ(row->to, engine_state::stopped);
    }
    EXPECT_EQ(find_transition(engine_state::stopped, engine_event::finished), nullptr);
}

// What an application or a peer can do at any time, by the event that it would be in its place.
struct attempt {
    engine_event event;
    const char* name;
    bool (*act)(engine_rig&); // whether it was answered with misuse, or had no one to answer
};

const attempt attempts[] = {
    {engine_event::started, "start", [](engine_rig& rig) { return !rig.engine.start(rig.now).has_value(); }},
    {engine_event::opened, "opened",
     [](engine_rig& rig) {
         rig.engine.opened(rig.generation(), rig.now);
         return true;
     }},
    {engine_event::registered, "response",
     [](engine_rig& rig) {
         rig.receive(response_frame());
         return true;
     }},
    {engine_event::task_began, "assignment",
     [](engine_rig& rig) {
         rig.receive(assign_frame({.id = "another"}));
         return true;
     }},
    {engine_event::task_ended, "complete",
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
            if (find_transition(before, attempt.event) != nullptr &&
                attempt.event != engine_event::task_ended &&
                !(attempt.event == engine_event::started && before == engine_state::paused)) {
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
