// What a running worker consists of: the driver's events turned into handler calls and log lines.
//
// Lives on its loop's thread; handlers run there or on the pool.
#pragma once

#include "call_handler.hpp"
#include "handler_pool.hpp"
#include "log.hpp"
#include "task_state.hpp"
#include "trace_file.hpp"

#include <distworker/config.hpp>
#include <distworker/crypto.hpp>
#include <distworker/host_resources.hpp>
#include <distworker/queue_pattern.hpp>
#include <distworker/worker.hpp>
#include <distworker/worker_driver.hpp>

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace distworker::detail {

struct bound_handler {
    erased_handler call;
    run_on where = run_on::pool;
};

/// What the user gave, fixed once the worker runs.
struct worker_setup {
    config settings;
    pattern_table<bound_handler> handlers;
    std::vector<config_fault> handler_faults;
    std::function<void(const undeliverable_outcome&)> on_undeliverable;
};

class worker_core final : public driver_events {
public:
    using ended_callback = std::function<void(end_reason)>;

    /// `setup`'s configuration has no faults. `trace` is its trace file. `ended` is called last, on the
    /// loop's thread.
    worker_core(std::shared_ptr<worker_setup> setup, std::shared_ptr<const crypto> crypto, std::uint64_t seed,
                loop& loop, std::unique_ptr<connector> connector, std::optional<trace_file> trace,
                ended_callback ended);
    ~worker_core() override;

    void start();
    /// On the loop's thread.
    void stop(end_reason why, stop_limits limits);
    [[nodiscard]] worker_driver::remote remote() const { return driver_->remote_access(); }

    void assigned(const assigned_task& assigned) override;
    void stop_task(const delivery& name, stop_reason reason) override;
    void writable(const delivery& name) override;
    void undeliverable(output::undeliverable lost) override;
    void state_changed(std::uint32_t slot, engine_state state) override;
    void disconnected(std::uint32_t slot, const connection_end& end) override;
    [[nodiscard]] resource_usage usage() override;
    void stopped(end_reason reason) override;

private:
    void run_inline(const bound_handler& handler, const std::shared_ptr<task_state>& state);
    void run_on_pool(const bound_handler& handler, const std::shared_ptr<task_state>& state);
    [[nodiscard]] std::size_t overrun_handlers() const;
    void warn_about_secrets() const;
    [[nodiscard]] std::unique_ptr<trace_writer> begin_trace(std::optional<trace_file> file) const;

    std::shared_ptr<worker_setup> setup_; // with handlers that may outlive this
    std::shared_ptr<const logger> log_;
    std::unique_ptr<connector> connector_;
    host_usage_sampler sampler_;
    handler_pool pool_;
    std::map<delivery, std::weak_ptr<task_state>> on_pool_;
    std::vector<std::uint64_t> told_registrations_; // by slot
    ended_callback ended_;
    std::unique_ptr<trace_writer> trace_;   // may be null
    std::unique_ptr<worker_driver> driver_; // last: it goes first
};

} // namespace distworker::detail
