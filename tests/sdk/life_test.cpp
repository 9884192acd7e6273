// The life of a worker: run, start, stop, attach, signals, and how it ended.
#include "sdk/fake_controller.hpp"
#include "support/loop_kinds.hpp"
#include "support/watched.hpp"

#include <distworker/asio_loop.hpp>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

void without_connections(config& settings) {
    settings.controller = "http://127.0.0.1:1"; // refused
}

TEST(Life, StopsFromAnyThreadAndSaysWhy) {
    stage on;
    on.it().on("q", [](task&) {});
    on.start();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] { on.it().stop(); });
    }
    on.session().await_end();
    const auto end = on.end();
    EXPECT_EQ(end.code(), exit_code::ok);
    EXPECT_EQ(static_cast<int>(end), 0);
    EXPECT_EQ(end.text(), to_string(end_reason::stop_requested));
    on.it().stop(); // nothing is left to stop
    EXPECT_EQ(on.it().wait().code(), exit_code::ok);
}

TEST(Life, StopsFromInsideAHandler) {
    for (const run_on where : {run_on::pool, run_on::inline_}) {
        stage on;
        on.it().on("q", [&](task&) { on.it().stop(); }, where);
        on.start();
        EXPECT_TRUE(on.run({}).completed);
        on.session().await_end();
        EXPECT_EQ(on.end().code(), exit_code::ok);
    }
}

TEST(Life, AStopBeforeTheStartEndsItAtOnce) {
    stage on{without_connections};
    on.it().stop();
    ASSERT_TRUE(on.it().start());
    EXPECT_EQ(on.it().wait().code(), exit_code::ok);
    EXPECT_THAT(on.log().text(), HasSubstr("ended: stop_requested"));
}

TEST(Life, AStopWhileItWaitsToReconnectEndsItAtOnce) {
    stage on{without_connections};
    ASSERT_TRUE(on.it().start());
    on.log().await("next attempt in");
    on.it().stop();
    EXPECT_EQ(on.it().wait().code(), exit_code::ok);
}

TEST(Life, StartsOnlyOnce) {
    stage on;
    on.it().on("q", [](task&) {});
    on.start();
    EXPECT_FALSE(on.it().start());
    EXPECT_THAT(on.log().text(), HasSubstr("runs already"));
    EXPECT_TRUE(on.run({}).completed);
    on.stop();
}

TEST(Life, GoesInOrderWhenItIsDestroyed) {
    std::atomic<bool> finished = false;
    {
        stage on;
        on.it().on("q", [&](task& t) {
            t.progress(percent(1), "begun");
            finished = true;
        });
        on.start().assign({});
        on.log().await("assigned task=task-1");
    }
    EXPECT_TRUE(finished);
}

TEST(Life, RunsUntilThereAreNoAttemptsLeft) {
    stage on{[](config& settings) {
        without_connections(settings);
        settings.max_reconnect_attempts = 0;
    }};
    const auto end = on.it().run();
    EXPECT_EQ(end.code(), exit_code::attempts_exhausted);
    EXPECT_THAT(on.log().text(), HasSubstr("Connection refused"));
}

/// Plays the controller while the worker runs on this thread.
template <typename Script>
worker_end run_with(stage& on, Script script) {
    const std::jthread controller{[&] {
        try {
            controller_session session{on.server().accept()};
            session.await_registration();
            script(session);
        } catch (const std::exception& e) {
            ADD_FAILURE() << e.what();
            on.it().stop();
        }
    }};
    return on.it().run();
}

TEST(Life, RunEndsWhenTheControllerHasNothingForIt) {
    stage on;
    const auto end = run_with(on, [](controller_session& session) {
        session.respond(1); // one idle second is enough
        session.await_end();
    });
    EXPECT_EQ(end.code(), exit_code::ok);
    EXPECT_EQ(end.text(), to_string(end_reason::idle));
}

TEST(Life, RunEndsInOrderAtASignalAndPutsHandlersBack) {
    for (const int signal : {SIGTERM, SIGINT}) {
        struct sigaction ignore{};
        struct sigaction before{};
        ignore.sa_handler = SIG_IGN;
        ASSERT_EQ(::sigaction(signal, &ignore, &before), 0);
        stage on;
        on.it().on("q", [&](task& t) {
            ::kill(::getpid(), signal);
            on.log().await("stopping: signal");
            t.progress(percent(100));
            return "finished";
        });
        const auto end = run_with(on, [](controller_session& session) {
            session.respond();
            EXPECT_EQ(session.run({}).result, (value{{"result", "finished"}}));
            session.await_end();
        });
        EXPECT_EQ(end.code(), exit_code::ok);
        EXPECT_EQ(end.text(), to_string(end_reason::signal));
        struct sigaction now{};
        ASSERT_EQ(::sigaction(signal, &before, &now), 0);
        EXPECT_EQ(now.sa_handler, SIG_IGN);
    }
}

TEST(Life, ASecondSignalEndsItWithoutWaiting) {
    stage on;
    std::promise<void> give_up;
    on.it().on("q", [&, wait = give_up.get_future().share()](task& t) {
        ::kill(::getpid(), SIGTERM);
        on.log().await("stopping: signal");
        ::kill(::getpid(), SIGTERM);
        EXPECT_FALSE(t.wait_for(1h)); // the first one alone would not stop it for 20 s
    });
    const auto end = run_with(on, [](controller_session& session) {
        session.respond();
        session.assign({});
        session.await_end();
    });
    EXPECT_EQ(end.code(), exit_code::ok);
}

TEST(Life, StartLeavesSignalsAlone) {
    struct sigaction before{};
    struct sigaction during{};
    ASSERT_EQ(::sigaction(SIGTERM, nullptr, &before), 0);
    stage on;
    on.start();
    ASSERT_EQ(::sigaction(SIGTERM, nullptr, &during), 0);
    EXPECT_EQ(before.sa_handler, during.sa_handler);
    on.stop();
}

// On a loop of the user's

class Attached : public ::testing::TestWithParam<loop_kind> {
protected:
    stage on;
    std::unique_ptr<loop_runner> kind = GetParam().make();
    std::unique_ptr<worker> it = std::make_unique<worker>(on.settings());
};
INSTANTIATE_TEST_SUITE_P(To, Attached, ::testing::ValuesIn(loop_kinds().begin(), loop_kinds().end()),
                         [](const auto& kind) { return std::string{kind.param.name}; });

TEST_P(Attached, RunsTasksAndEndsInOrder) {
    std::optional<worker_end> ended;
    std::atomic<bool> handled_inline = false;
    it->on("pool", [](task& t) { return t.input<int>("a") + 1; });
    it->on("inline", [&](task&) { handled_inline = true; }, run_on::inline_);
    ASSERT_TRUE(it->attach(kind->get(), [&](const worker_end& end) {
        ended = end;
        kind->stop();
    }));
    const std::jthread controller{[&] {
        controller_session session{on.server().accept()};
        session.await_registration();
        session.respond();
        EXPECT_EQ(session.run({.queue = "pool", .input = value{{"a", 1}}}).result, (value{{"result", 2}}));
        EXPECT_TRUE(session.run({.queue = "inline", .id = "task-2"}).completed);
        it->stop();
        session.await_end();
    }};
    run_watched(*kind);
    EXPECT_TRUE(handled_inline);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->code(), exit_code::ok);
    it.reset(); // before its loop
}

TEST_P(Attached, DropsItsConnectionWhenItIsDestroyed) {
    std::promise<void> begun;
    std::promise<void> released;
    it->on("q", [&](task& t) {
        begun.set_value();
        EXPECT_FALSE(t.wait_for(1h));
        EXPECT_EQ(t.stop_reason(), stop_reason::connection_lost);
        released.set_value();
    });
    ASSERT_TRUE(
        it->attach(kind->get(), [](const worker_end&) { FAIL() << "it did not end, it was destroyed"; }));
    {
        const std::jthread controller{[&] {
            controller_session session{on.server().accept()};
            session.await_registration();
            session.respond();
            session.assign({});
            begun.get_future().get();
            kind->stop();
        }};
        run_watched(*kind);
    }
    it.reset();
    released.get_future().get();
}

TEST_P(Attached, TellsFaultsAndTouchesNothing) {
    worker faulty{on.settings([](config& settings) { settings.provisioner.clear(); })};
    EXPECT_FALSE(faulty.attach(kind->get(), [](const worker_end&) { FAIL(); }));
    EXPECT_THAT(on.log().text(), HasSubstr("provisioner"));
    faulty.stop();
}

// Each on a loop object of its own: such a one has one timer.
TEST(AttachedToAsio, TwoWorkersShareAContext) {
    stage on;
    boost::asio::io_context context{1};
    asio_loop loops[] = {asio_loop{context.get_executor()}, asio_loop{context.get_executor()}};
    std::vector<std::unique_ptr<worker>> workers;
    int ended = 0;
    for (asio_loop& each : loops) {
        auto& made = workers.emplace_back(std::make_unique<worker>(on.settings()));
        made->on("q", [](task&) {}, run_on::inline_);
        ASSERT_TRUE(made->attach(each, [&](const worker_end&) { ++ended; }));
    }
    const std::jthread controller{[&] {
        std::vector<controller_session> sessions;
        for (int i = 0; i < 2; ++i) {
            sessions.emplace_back(on.server().accept());
            sessions.back().await_registration();
            sessions.back().respond();
        }
        for (auto& session : sessions) {
            EXPECT_TRUE(session.run({}).completed);
        }
        for (const auto& each : workers) {
            each->stop();
        }
        for (auto& session : sessions) {
            session.await_end();
        }
    }};
    context.run(); // until both have ended: nothing else keeps it busy
    EXPECT_EQ(ended, 2);
}

} // namespace
} // namespace distworker::testing
