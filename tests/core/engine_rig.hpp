// A worker engine on virtual time with a scripted peer: what goes in is a call, what comes out is recorded.
//
// No sockets, no sleeping. The rig performs `send` by recording the frame and reporting `sent` (unless told
// to hold writes back), and keeps everything else the engine says for the test to look at.
#pragma once

#include <distworker/value_writer.hpp>
#include <distworker/worker_engine.hpp>

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace distworker::testing {

using namespace std::chrono_literals;

inline std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

/// Serialized Struct of `object`.
inline std::vector<std::byte> struct_bytes(const value& object) {
    byte_buffer buffer;
    wire::writer wire{buffer};
    value_writer members{wire, "test", max_document_bytes};
    write_members(members, object);
    wire.finish();
    return copy_of(buffer.bytes());
}

struct assign_spec {
    std::string id = "task-1";
    std::string queue = "math.add";
    value input = value{{"a", 1}, {"b", 2}};
    std::int64_t timeout_ms = 0;
};

inline std::vector<std::byte> assign_frame(const assign_spec& spec) {
    const auto input = struct_bytes(spec.input);
    task_assign_view view;
    view.task_id = spec.id;
    view.queue = spec.queue;
    view.input = object_view{input};
    view.timeout_ms = spec.timeout_ms;
    byte_buffer buffer;
    write_task_assign(buffer, view);
    return copy_of(buffer.bytes());
}

inline std::vector<std::byte> response_frame(std::int32_t idle_time = 0) {
    byte_buffer buffer;
    write_register_response(buffer, idle_time);
    return copy_of(buffer.bytes());
}

inline signer fake_signer() {
    return [](std::string_view, std::span<const std::byte>) -> std::expected<digest32, signing_error> {
        return digest32{};
    };
}

inline worker_config default_config() {
    worker_config config;
    config.controller = "http://localhost:8081";
    config.provisioner = "example";
    return config;
}

/// A frame that the engine sent: the bytes, read.
struct sent_frame {
    std::shared_ptr<std::vector<std::byte>> bytes;
    frame_view frame;
    monotonic_time at;

    [[nodiscard]] std::string kind() const {
        static constexpr const char* names[] = {"register", "response", "heartbeat", "assign",
                                                "progress", "complete", "failed"};
        return names[frame.index()];
    }
};

class engine_rig {
public:
    explicit engine_rig(const worker_config& config = default_config(), std::uint64_t seed = 1)
        : engine{config.validate().value(), fake_signer(), seed} {}

    worker_engine engine;
    instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};

    std::vector<sent_frame> frames;
    std::deque<assigned_task> tasks;
    std::vector<output::stop_task> stops;
    std::vector<output::undeliverable> returned;
    std::vector<output::disconnected> ends;
    std::vector<std::array<std::byte, 16>> pings;
    std::vector<std::uint16_t> closes;
    std::vector<std::uint32_t> connects;
    std::vector<std::uint32_t> aborts;
    std::vector<engine_state> states;
    std::vector<end_reason> stopped;
    int writables = 0;
    int samples = 0;
    output::idle last_idle;
    bool hold_writes = false;
    bool write_held = false;
    bool answer_pings = false;

    [[nodiscard]] std::uint32_t generation() const { return engine.generation(); }

    /// Performs outputs until the engine is idle.
    void drain() {
        for (int guard = 0; guard < 100'000; ++guard) {
            engine_output out = engine.poll(now);
            if (const auto* idle = std::get_if<output::idle>(&out)) {
                last_idle = *idle;
                return;
            }
            std::visit([this](auto& o) { perform(o); }, out);
        }
        throw std::logic_error{"the engine never becomes idle"};
    }
    /// Lets time pass, waking the engine at each of its deadlines.
    void pass(std::chrono::nanoseconds time) {
        const monotonic_time end = now.monotonic + time;
        drain();
        while (last_idle.deadline <= end) {
            set_time(std::max(last_idle.deadline, now.monotonic));
            drain();
        }
        set_time(end);
        drain();
    }
    /// Waits for the next attempt to connect.
    void pass_backoff() { pass(ends.back().end.retry_at - now.monotonic); }
    /// Lets time pass without waking the engine, as when the machine is suspended.
    void leap(std::chrono::nanoseconds time) { set_time(now.monotonic + time); }

    void connect() {
        if (engine.state() == engine_state::stopped) {
            static_cast<void>(engine.start(now));
        }
        drain();
        engine.opened(generation(), now);
        drain();
    }
    void respond(std::int32_t idle_time = 0) { receive(response_frame(idle_time)); }
    /// Connected, registered, first heartbeat sent; what happened so far is forgotten.
    void become_ready(std::int32_t idle_time = 0) {
        connect();
        respond(idle_time);
        frames.clear();
    }
    void receive(std::span<const std::byte> message, message_kind kind = message_kind::binary) {
        engine.received(generation(), kind, message, true, message.size(), now);
        drain();
    }
    void assign(const assign_spec& spec = {}) { receive(assign_frame(spec)); }
    void peer_ping() {
        engine.pinged(generation(), now);
        drain();
    }
    /// Answers the newest ping.
    void pong() {
        engine.pong(generation(), pings.back(), now);
        drain();
    }
    void lose(link_end::kind what = link_end::kind::lost) {
        engine.closed(generation(), {.what = what, .detail = "test"}, now);
        drain();
    }
    void write_done() {
        write_held = false;
        engine.sent(generation(), now);
        drain();
    }

    [[nodiscard]] static outcome result_for(const assigned_task& task, double result = 3) {
        outcome_writer answer{task};
        answer.result().member("result", result);
        return std::move(answer).complete();
    }
    std::expected<void, misuse> complete(const assigned_task& task) {
        auto done = engine.complete(task.name(), result_for(task), now);
        drain();
        return done;
    }
    std::expected<void, misuse> complete() { return complete(tasks.back()); }

    [[nodiscard]] std::vector<std::string> kinds() const {
        std::vector<std::string> out;
        for (const sent_frame& f : frames) {
            out.push_back(f.kind());
        }
        return out;
    }
    template <typename View>
    [[nodiscard]] std::vector<View> all() const {
        std::vector<View> out;
        for (const sent_frame& f : frames) {
            if (const auto* view = std::get_if<View>(&f.frame)) {
                out.push_back(*view);
            }
        }
        return out;
    }

private:
    void set_time(monotonic_time t) {
        now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(t - now.monotonic);
        now.monotonic = t;
    }

    void perform(output::idle&) {}
    void perform(output::connect& c) { connects.push_back(c.generation); }
    void perform(output::send& s) {
        auto bytes = std::make_shared<std::vector<std::byte>>(copy_of(s.bytes));
        const auto frame = read_frame(*bytes);
        if (!frame) {
            throw std::logic_error{"the engine sent a frame that cannot be read"};
        }
        frames.push_back({bytes, *frame, now.monotonic});
        if (hold_writes) {
            write_held = true;
        } else {
            engine.sent(s.generation, now);
        }
    }
    void perform(output::ping& p) {
        pings.push_back(p.payload);
        if (answer_pings) {
            engine.pong(p.generation, p.payload, now);
        }
    }
    void perform(output::close& c) { closes.push_back(c.code); }
    void perform(output::abort& a) { aborts.push_back(a.generation); }
    void perform(output::assigned& a) { tasks.push_back(a.task); }
    void perform(output::stop_task& s) { stops.push_back(s); }
    void perform(output::writable&) { ++writables; }
    void perform(output::undeliverable& u) { returned.push_back(std::move(u)); }
    void perform(output::sample_wanted&) { ++samples; }
    void perform(output::state_changed& s) { states.push_back(s.state); }
    void perform(output::disconnected& d) { ends.push_back(d); }
    void perform(output::stopped& s) { stopped.push_back(s.reason); }
};

} // namespace distworker::testing
