#include "handles.hpp"
#include "worker_parts.hpp"

#include <distworker/epoll_loop.hpp>
#include <distworker/host_resources.hpp>
#include <distworker/worker.hpp>
#include <distworker/worker_driver.hpp>

#include <deque>
#include <memory>
#include <utility>

namespace dw = distworker;
namespace c_abi = distworker::c_abi;

// A driver on a loop that is never run: its owner's loop watches that one's descriptor. What the driver tells
// waits here until it is asked for.
struct dw_worker final : dw::driver_events {
    dw_worker(const dw::valid_worker_config& config, dw::signer sign, std::uint64_t seed,
              std::unique_ptr<dw::epoll_loop> runs_on, std::unique_ptr<dw::connector> connects)
        : loop{std::move(runs_on)}, connector{std::move(connects)},
          driver{dw::worker_group{config, std::move(sign), seed}, *loop, *connector, *this} {}

    void assigned(const dw::assigned_task& task) override {
        tell(task.name().slot, dw::output::assigned{task});
    }
    void stop_task(const dw::delivery& task, dw::stop_reason reason) override {
        tell(task.slot, dw::output::stop_task{task, reason});
    }
    void writable(const dw::delivery& task) override { tell(task.slot, dw::output::writable{task}); }
    void undeliverable(dw::output::undeliverable lost) override {
        const std::uint32_t slot = lost.task.slot;
        tell(slot, std::move(lost));
    }
    void state_changed(std::uint32_t slot, dw::engine_state state) override {
        tell(slot, dw::output::state_changed{state});
    }
    void disconnected(std::uint32_t slot, const dw::connection_end& end) override {
        tell(slot, dw::output::disconnected{driver.group().slot(slot).generation(), end});
    }
    dw::resource_usage usage() override {
        const dw::host_usage now = sampler.sample();
        return {.cpu_percent = now.cpu_percent, .memory_used_mb = now.memory_used_mb};
    }
    void stopped(dw::end_reason reason) override { tell(0, dw::output::stopped{reason}); }

    std::unique_ptr<dw::epoll_loop> loop;
    std::unique_ptr<dw::connector> connector;
    dw::host_usage_sampler sampler;
    std::deque<dw::group_output> told;
    c_abi::event_maker events;
    dw::worker_driver driver; // last: it goes first

private:
    void tell(std::uint32_t slot, dw::engine_output out) { told.push_back({slot, std::move(out)}); }
};

int dw_worker_new(dw_config* config, dw_worker** worker) {
    return c_abi::guarded([&]() -> int {
        auto loop = std::make_unique<dw::epoll_loop>();
        auto crypto = dw::detail::make_worker_crypto();
        if (!crypto) {
            return DW_FAILED;
        }
        auto connector = dw::detail::make_worker_connector(*loop, config->settings, *crypto);
        if (!connector) { // of a file that it names, for example
            config->of_set.push_back(std::move(connector.error()));
        }
        if (!config->check().empty()) {
            return DW_BAD_CONFIG;
        }
        std::uint64_t seed = 0;
        if (!(*crypto)->random(std::as_writable_bytes(std::span{&seed, 1}))) {
            return DW_FAILED;
        }
        auto made =
            std::make_unique<dw_worker>(dw::detail::with_host_facts(config->settings).validate().value(),
                                        dw::detail::make_worker_signer(*std::move(crypto), config->settings),
                                        seed, std::move(loop), *std::move(connector));
        static_cast<void>(made->driver.start());
        *worker = made.release();
        return DW_OK;
    });
}

void dw_worker_free(dw_worker* worker) {
    delete worker;
}

int dw_worker_descriptor(const dw_worker* worker) {
    return worker->loop->descriptor();
}

int dw_worker_timeout_ms(const dw_worker* worker) {
    return worker->told.empty() && !worker->events.owes()
               ? dw::poll_timeout(worker->loop->deadline(), worker->loop->now())
               : 0;
}

int dw_worker_step(dw_worker* worker, dw_event* event) {
    return c_abi::guarded([&]() -> int {
        if (!worker->events.owes()) {
            if (worker->told.empty()) {
                worker->loop->turn();
            }
            if (worker->told.empty()) {
                worker->events.take(0, dw::output::idle{.deadline = worker->loop->deadline()});
            } else {
                worker->events.take(worker->told.front().slot, std::move(worker->told.front().out));
                worker->told.pop_front();
            }
        }
        c_abi::write_event(worker->events.make(), event);
        return DW_OK;
    });
}

int dw_worker_complete(dw_worker* worker, dw_writer* answer) {
    return c_abi::hand_over_answer(answer, [&](const dw::delivery& task, dw::outcome& outcome) {
        return c_abi::status_of(worker->driver.complete(task, std::move(outcome)));
    });
}

int dw_worker_progress(dw_worker* worker, dw_delivery task, double fraction, const char* message,
                       std::size_t size) {
    return c_abi::guarded([&] {
        return c_abi::status_of(
            worker->driver.progress(c_abi::from_c(task), fraction, c_abi::view(message, size)));
    });
}

int dw_worker_stream(dw_worker* worker, dw_writer* item) {
    return c_abi::hand_over_item(item, [&](const dw::delivery& task, dw::stream_item& finished) {
        return c_abi::status_of(worker->driver.stream(task, std::move(finished)));
    });
}

int dw_worker_stop(dw_worker* worker, std::uint32_t drain_ms) {
    return c_abi::guarded([&] {
        return c_abi::status_of(worker->driver.stop(dw::end_reason::stop_requested,
                                                    dw::stop_limits{std::chrono::milliseconds{drain_ms}}));
    });
}

int dw_worker_pause(dw_worker* worker) {
    return c_abi::guarded([&] { return c_abi::status_of(worker->driver.pause()); });
}

int dw_worker_resume(dw_worker* worker) {
    return c_abi::guarded([&] { return c_abi::status_of(worker->driver.resume()); });
}

int dw_worker_set_slots(dw_worker* worker, std::uint32_t count) {
    return c_abi::guarded([&] { return c_abi::status_of(worker->driver.set_slots(count)); });
}

void dw_worker_wake(dw_worker* worker) {
    static_cast<void>(c_abi::guarded([&]() -> int {
        worker->loop->post([] {});
        return DW_OK;
    }));
}

const char* dw_version(void) {
    static const std::string description = [] {
        std::string made;
        static_cast<void>(c_abi::guarded([&]() -> int {
            made = dw::worker::build_description().substr(sizeof "distworker"); // and a blank
            return DW_OK;
        }));
        return made;
    }();
    return description.c_str();
}
