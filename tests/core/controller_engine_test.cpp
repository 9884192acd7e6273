// The broker without sockets: registration, deadlines, bad messages.
#include "core/controller_harness.hpp"
#include "core/failing_crypto.hpp"
#include "support/vectors.hpp"

#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

TEST(controller_registration, is_answered_with_the_idle_time) {
    controller_harness host{{.idle_time = 42}};
    host.join(1);
    ASSERT_EQ(host.messages[1].size(), 1U);
    const auto frame = read_frame(host.messages[1][0]);
    ASSERT_TRUE(frame);
    EXPECT_EQ(std::get<register_response_view>(*frame).idle_time, 42);
    const auto workers = host.engine.workers();
    ASSERT_EQ(workers.size(), 1U);
    EXPECT_EQ(workers[0].hostname, "host");
    EXPECT_EQ(workers[0].cpu_cores, 8);
    EXPECT_EQ(workers[0].memory_mb, 16'000);
    EXPECT_TRUE(workers[0].worker_id.starts_with("p-")) << workers[0].worker_id;
    EXPECT_EQ(workers[0].worker_id.size(), 2U + 36U);
}

TEST(controller_registration, is_refused_in_silence) {
    const std::vector<std::pair<const char*, registration>> refused = {
        {"token", {.token = "other"}},        {"provisioner", {.provisioner = "q"}},
        {"worker id", {.worker_id = "w"}},    {"late clock", {.clock_off = -301s}},
        {"early clock", {.clock_off = 301s}},
    };
    for (const auto& [what, who] : refused) {
        controller_harness host;
        host.join(1, who);
        EXPECT_TRUE(host.messages[1].empty()) << what;
        EXPECT_EQ(host.hung_up, std::vector<connection_id>{1}) << what;
        EXPECT_EQ(host.count(note_kind::refused), 1U) << what;
        EXPECT_TRUE(host.engine.workers().empty()) << what;
    }
}

TEST(controller_registration, takes_a_clock_that_is_five_minutes_off) {
    controller_harness host;
    host.join(1, {.clock_off = 300s});
    host.join(2, {.clock_off = -300s});
    EXPECT_EQ(host.engine.workers().size(), 2U);
}

TEST(controller_registration, refuses_a_changed_byte) {
    controller_harness host;
    host.engine.connected(1, host.now());
    message frame = register_frame({}, host.now().wall);
    frame.back() ^= std::byte{1};
    host.receive(1, frame);
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
}

TEST(controller_registration, must_come_first) {
    controller_harness host;
    host.engine.connected(1, host.now());
    host.receive(1, progress_frame("id", 0.5F, ""));
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
}

TEST(controller_registration, counts_only_once) {
    controller_harness host;
    host.join(1);
    host.receive(1, register_frame({}, host.now().wall));
    EXPECT_EQ(host.messages[1].size(), 1U);
    EXPECT_TRUE(host.hung_up.empty());
    EXPECT_EQ(host.count(note_kind::unexpected), 1U);
}

TEST(controller_registration, is_the_same_however_it_is_cut) {
    const message frame = register_frame({}, controller_harness{}.now().wall);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, frame.size() - 1}) {
        controller_harness host;
        host.engine.connected(1, host.now());
        for (std::size_t at = 0; at < frame.size(); at += step) {
            const std::size_t size = std::min(step, frame.size() - at);
            host.engine.received(1, message_kind::binary, std::span{frame}.subspan(at, size), false,
                                 host.now());
            EXPECT_TRUE(host.engine.workers().empty());
        }
        host.engine.received(1, message_kind::binary, {}, true, host.now());
        host.drain();
        EXPECT_EQ(host.messages[1].size(), 1U) << step;
    }
}

TEST(controller_session, is_good_for_one_connection) {
    controller_harness host;
    host.add_session("w1");
    const registration who{.worker_id = "w1", .token = "once"};
    host.join(1, who);
    ASSERT_EQ(host.engine.workers().size(), 1U);
    EXPECT_EQ(host.engine.workers()[0].worker_id, "w1");
    host.disconnect(1);
    host.join(2, who);
    EXPECT_EQ(host.hung_up, (std::vector<connection_id>{2}));
}

TEST(controller_session, needs_its_own_token_and_provisioner) {
    controller_harness host;
    ASSERT_TRUE(host.engine.add_provisioner({"q", secret{std::string_view{"other"}}, {"a"}}));
    ASSERT_TRUE(host.engine.add_session({"w1", secret{std::string_view{"once"}}, "p"}));
    host.join(1, {.worker_id = "w1", .token = "token"});
    host.join(2, {.provisioner = "q", .worker_id = "w1", .token = "once"});
    EXPECT_EQ(host.hung_up, (std::vector<connection_id>{1, 2}));
    host.join(3, {.worker_id = "w1", .token = "once"});
    EXPECT_EQ(host.engine.workers().size(), 1U);
}

TEST(controller_setup, names_the_fault) {
    controller_harness host;
    const auto provisioner = [&](std::string name, std::string_view token, std::vector<std::string> queues) {
        const auto added = host.engine.add_provisioner({std::move(name), secret{token}, std::move(queues)});
        return added ? std::string{} : added.error().problem;
    };
    EXPECT_EQ(provisioner("p", "t", {"a"}), "'p' is given twice");
    EXPECT_EQ(provisioner("", "t", {"a"}), "the name is empty");
    EXPECT_EQ(provisioner("x", "", {"a"}), "'x' has an empty token");
    EXPECT_EQ(provisioner("x", "t", {}), "'x' serves no queue");
    EXPECT_EQ(provisioner("x", "t", {""}), "a queue of 'x' is empty");
    EXPECT_EQ(provisioner(std::string(1025, 'x'), "t", {"a"}), "the name is longer than 1024 bytes");
    EXPECT_EQ(provisioner("\xFF", "t", {"a"}), "the name is not UTF-8");
    EXPECT_EQ(provisioner("a\nb", "t", {"a"}), "the name holds a control character");
    EXPECT_EQ(provisioner("a\x1F", "t", {"a"}), "the name holds a control character");
    EXPECT_EQ(provisioner("a\x7F", "t", {"a"}), "the name holds a control character");
    EXPECT_EQ(provisioner("x", "t", {"a", "b\x1B"}), "a queue of 'x' holds a control character");

    const auto session = [&](std::string id, std::string_view token, std::string of) {
        const auto added = host.engine.add_session({std::move(id), secret{token}, std::move(of)});
        return added ? std::string{} : added.error().problem;
    };
    EXPECT_EQ(session("w", "t", "nobody"), "'w' names the unknown provisioner 'nobody'");
    EXPECT_EQ(session("", "t", "p"), "the worker id is empty");
    EXPECT_EQ(session("w", "", "p"), "'w' has an empty token");
    EXPECT_EQ(session("w", "t", "p"), "");
    EXPECT_EQ(session("w", "t", "p"), "'w' is given twice");
}

// A registration whose signed part is made by hand.
message register_frame_of(std::span<const std::byte> data) {
    byte_buffer out;
    write_register(out, data, digest32{});
    return to_message(out.bytes());
}

TEST(controller_registration, that_cannot_be_judged_is_refused) {
    controller_harness host;
    host.engine.connected(1, host.now());
    host.receive(1, register_frame_of(as_byte_span("\xFF")));
    host.engine.connected(2, host.now());
    signed_register_view content;
    content.provisioner = "p";
    content.date = "yesterday";
    byte_buffer data;
    write_signed_register(data, content);
    host.receive(2, register_frame_of(data.bytes()));
    EXPECT_EQ(host.hung_up, (std::vector<connection_id>{1, 2}));
    EXPECT_EQ(host.count(note_kind::refused), 2U);
}

TEST(controller_registration, is_refused_while_it_cannot_be_verified) {
    const controller_harness host; // for its time
    controller_engine engine{{}, std::make_shared<failing_crypto>(0), 1};
    ASSERT_TRUE(engine.add_provisioner({"p", secret{std::string_view{"token"}}, {"a"}}));
    engine.connected(1, host.now());
    engine.received(1, message_kind::binary, register_frame({}, host.now().wall), true, host.now());
    const auto told = engine.poll(host.now());
    EXPECT_EQ(std::get<controller_note>(told).text,
              "it could not be verified: HMAC-SHA256 failed: no entropy in the test");
    EXPECT_TRUE(engine.workers().empty());
}

TEST(controller_deadlines, end_a_connection_that_does_not_register) {
    controller_harness host;
    host.engine.connected(1, host.now());
    host.pass(14s);
    host.engine.alive(1, host.now()); // a pong is no registration
    EXPECT_TRUE(host.hung_up.empty());
    host.pass(1s);
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
}

TEST(controller_deadlines, ping_every_three_seconds) {
    controller_harness host;
    host.join(1);
    host.pass(9s);
    EXPECT_EQ(host.pings, (std::vector<connection_id>{1, 1, 1}));
}

TEST(controller_deadlines, end_a_silent_worker_after_fifteen_seconds) {
    controller_harness host;
    host.join(1);
    host.pass(10s);
    host.engine.alive(1, host.now());
    host.pass(14s);
    EXPECT_TRUE(host.hung_up.empty());
    host.receive(1, {std::byte{1}}, message_kind::text); // any complete data message will do
    host.pass(14s);
    // A part of a message will not.
    host.engine.received(1, message_kind::binary, message(10), false, host.now());
    host.pass(999ms);
    EXPECT_TRUE(host.hung_up.empty());
    host.pass(1ms);
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
    EXPECT_EQ(host.count(note_kind::timed_out), 1U);
}

TEST(controller_deadlines, end_a_worker_that_does_not_read) {
    controller_harness host;
    host.write_at_once = false;
    host.join(1);
    for (int i = 0; i < 9; ++i) {
        host.pass(1s);
        host.engine.alive(1, host.now());
    }
    EXPECT_TRUE(host.hung_up.empty());
    host.pass(1s);
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
}

TEST(controller_deadlines, survive_a_suspended_machine_and_a_clock_that_steps_back) {
    controller_harness host;
    host.join(1);
    host.leap(1h);
    host.drain();
    EXPECT_TRUE(host.hung_up.empty());
    EXPECT_EQ(host.pings.size(), 1U);
    host.leap(-2h);
    host.drain();
    EXPECT_TRUE(host.hung_up.empty());
    host.leap(2h);
    host.pass(5s);
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
}

TEST(controller_messages, that_are_bad_are_counted_and_ignored) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, {std::byte{0xFF}});
    host.receive(1, {});
    host.receive(1, {std::byte{'x'}}, message_kind::text);
    EXPECT_TRUE(host.hung_up.empty());
    EXPECT_EQ(host.count(note_kind::malformed), 2U);
    EXPECT_EQ(host.count(note_kind::text_ignored), 1U);
    host.receive(1, complete_frame(task->id, {{"x", 1}}));
    EXPECT_EQ(task->status, task_status::finished);
}

TEST(controller_messages, that_are_too_large_end_the_connection) {
    controller_harness host{{.max_message_bytes = 1000}};
    host.join(1);
    host.engine.received(1, message_kind::binary, message(600), false, host.now());
    host.engine.received(1, message_kind::binary, message(401), false, host.now());
    host.drain();
    EXPECT_EQ(host.hung_up, std::vector<connection_id>{1});
    EXPECT_EQ(host.count(note_kind::message_too_large), 1U);
    host.join(2);
    host.receive(2, message(1001));
    EXPECT_EQ(host.hung_up, (std::vector<connection_id>{1, 2}));
    EXPECT_EQ(host.count(note_kind::message_too_large), 2U);
    EXPECT_EQ(host.count(note_kind::malformed), 0U) << "what is too large is not read";
    EXPECT_EQ(host.count(note_kind::worker_gone), 2U) << "each has gone once";
    host.join(3);
    host.disconnect(3);
    EXPECT_EQ(host.count(note_kind::worker_gone), 3U);
}

// Whatever a registered worker sends, the engine says so by a note at most.
TEST(controller_messages, of_the_vectors_never_end_the_connection) {
    for (const char* file : {"frames.json", "malformed_frames.json"}) {
        controller_harness host;
        host.join(1);
        std::size_t cases = 0;
        for (const auto& entry : load_vectors(file)) {
            const message frame = from_hex(entry.at("hex").get<std::string>());
            host.receive(1, frame);
            ASSERT_TRUE(host.hung_up.empty()) << file << " case " << cases;
            ++cases;
        }
        EXPECT_EQ(host.messages[1].size(), 1U) << "nothing but the registration's answer";
    }
}

TEST(controller_messages, registrations_of_the_vectors_are_verified) {
    std::size_t verified = 0;
    for (const auto& entry : load_vectors("frames.json")) {
        if (entry.at("type") != "WORKER_REGISTER") {
            continue;
        }
        const auto& told = entry.at("signed");
        const std::string provisioner = told.value("provisioner_name", "");
        const std::string worker_id = told.value("worker_id", "");
        const std::string token = entry.at("token").get<std::string>();
        if (provisioner.empty() || token.empty()) {
            continue; // the codec takes these, a controller cannot be set up with them
        }
        const auto date = parse_signing_date(told.at("date").get<std::string>());
        ASSERT_TRUE(date);
        controller_engine engine{{}, make_openssl_crypto(), 1};
        ASSERT_TRUE(engine.add_provisioner({provisioner, secret{std::string_view{token}}, {"a"}}));
        if (!worker_id.empty()) {
            ASSERT_TRUE(engine.add_session({worker_id, secret{std::string_view{token}}, provisioner}));
        }
        const instant now{monotonic_time{}, *date};
        engine.connected(1, now);
        engine.received(1, message_kind::binary, from_hex(entry.at("hex").get<std::string>()), true, now);
        EXPECT_EQ(engine.workers().size(), 1U) << entry.dump();
        ++verified;
    }
    EXPECT_GT(verified, 0U);
}

TEST(controller_messages, heartbeats_are_kept) {
    controller_harness host;
    host.join(1);
    byte_buffer heartbeat;
    write_heartbeat(heartbeat,
                    {.timestamp_ms = 1, .health = worker_health::warn, .usage = {.cpu_percent = 12.5F}});
    host.receive(1, to_message(heartbeat.bytes()));
    const auto workers = host.engine.workers();
    EXPECT_EQ(workers[0].health, worker_health::warn);
    EXPECT_EQ(workers[0].usage.cpu_percent, 12.5F);
    EXPECT_EQ(workers[0].heartbeat_at, host.now().wall);
}

TEST(controller_engine, ignores_connections_that_it_does_not_know) {
    controller_harness host;
    host.receive(7, register_frame({}, host.now().wall));
    host.engine.sent(7, host.now());
    host.engine.alive(7, host.now());
    host.engine.disconnected(7, host.now());
    host.drain();
    EXPECT_TRUE(host.messages.empty());
    EXPECT_EQ(host.deadline, never);
}

} // namespace
} // namespace distworker::testing
