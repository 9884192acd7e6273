// A worker in a program on libuv.
#include "pulse.hpp"

#include <distworker/libuv_loop.hpp>

#include <uv.h>

#include <csignal>
#include <optional>

namespace {

struct program {
    uv_loop_t* loop = uv_default_loop();
    pulse own;
    uv_timer_t timer{};
    uv_signal_t signals[2] = {};
    std::optional<distworker::libuv_loop> inside{*loop};
    std::optional<distworker::worker> worker{distworker::config::from_environment()};
    int code = 2; // of a worker that cannot begin; its log says why

    void begin() {
        uv_timer_init(loop, &timer);
        timer.data = this;
        const auto every = static_cast<std::uint64_t>(pulse::interval.count());
        uv_timer_start(
            &timer, [](uv_timer_t* due) { static_cast<program*>(due->data)->own.beat(); }, every, every);
        for (const int number : {SIGINT, SIGTERM}) {
            uv_signal_t& signal = signals[number == SIGINT ? 0 : 1];
            uv_signal_init(loop, &signal);
            signal.data = this;
            // It finishes what runs, then tells its end below.
            uv_signal_start(
                &signal, [](uv_signal_t* came, int) { static_cast<program*>(came->data)->worker->stop(); },
                number);
        }
        serve(*worker, own);
        if (!worker->attach(*inside, [this](const distworker::worker_end& end) {
                code = end;
                uv_stop(loop);
            })) {
            uv_stop(loop);
        }
    }

    // The worker goes before its loop, and that before libuv's, which runs once more to close what it has.
    void end() {
        worker.reset();
        inside.reset();
        uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
        for (uv_signal_t& signal : signals) {
            uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
        }
        uv_run(loop, UV_RUN_DEFAULT);
        uv_loop_close(loop);
    }
};

} // namespace

int main() {
    program all;
    all.begin();
    uv_run(all.loop, UV_RUN_DEFAULT);
    all.end();
    return all.code;
}
