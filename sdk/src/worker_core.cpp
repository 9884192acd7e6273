#include "worker_core.hpp"

#include "token_file.hpp"
#include "worker_parts.hpp"

#include <distworker/utf8.hpp>

#include <algorithm>

namespace distworker::detail {
namespace {

constexpr std::chrono::milliseconds slow_inline_handler{100};

// Answers even when the handler's thread is cancelled under it.
class answer_guard {
public:
    explicit answer_guard(task_state& state) : state_{state} {}
    answer_guard(const answer_guard&) = delete;
    answer_guard& operator=(const answer_guard&) = delete;
    ~answer_guard() {
        if (result_.empty()) {
            result_ = fail(state_.assigned(), error_code::handler_error, "the handler ended its thread");
        }
        state_.answer(std::move(result_));
    }
    void set(outcome result) { result_ = std::move(result); }

private:
    task_state& state_;
    outcome result_;
};

} // namespace

worker_core::worker_core(std::shared_ptr<worker_setup> setup, std::shared_ptr<const crypto> crypto,
                         std::uint64_t seed, loop& loop, std::unique_ptr<connector> connector,
                         std::optional<trace_file> trace, ended_callback ended)
    : setup_{std::move(setup)},
      log_{std::make_shared<const logger>(setup_->settings.level, setup_->settings.sink)},
      connector_{std::move(connector)},
      pool_{setup_->settings.handler_threads == 0 ? setup_->settings.slots
                                                  : setup_->settings.handler_threads},
      ended_{std::move(ended)}, trace_{begin_trace(std::move(trace))} {
    const valid_worker_config checked = with_host_facts(setup_->settings).validate().value();
    signer sign = make_worker_signer(std::move(crypto), setup_->settings);
    if (trace_ != nullptr) {
        trace_->begin(checked, seed);
        sign = trace_->noting(std::move(sign));
    }
    driver_ = std::make_unique<worker_driver>(worker_group{checked, std::move(sign), seed}, loop, *connector_,
                                              *this, read_clocks, trace_.get());
}

std::unique_ptr<trace_writer> worker_core::begin_trace(std::optional<trace_file> file) const {
    if (!file) {
        return nullptr;
    }
    return std::make_unique<trace_writer>(
        [file = *std::move(file), log = log_](std::string_view line) mutable {
            const bool kept = file.write(line);
            if (!kept) {
                (*log)(log_level::error, "the trace ends here: its file takes no more");
            }
            return kept;
        },
        setup_->settings.trace);
}

worker_core::~worker_core() {
    for (const auto& [name, weak] : on_pool_) {
        if (const auto state = weak.lock()) {
            state->request_stop(stop_reason::connection_lost);
        }
    }
    driver_.reset();
    for (const auto& [name, weak] : on_pool_) {
        if (const auto state = weak.lock()) {
            state->let_go();
        }
    }
    if (!pool_.wait_until_idle(setup_->settings.stop_grace)) {
        (*log_)(log_level::warning, "handlers are still running; they are left to themselves");
    }
}

void worker_core::start() {
    warn_about_secrets();
    if (setup_->settings.insecure_skip_verification) {
        (*log_)(log_level::warning,
                "insecure_skip_verification is set: any certificate is accepted, and so is any machine "
                "in the middle");
    }
    const valid_worker_config checked = setup_->settings.validate().value();
    if (!checked.url().secure && !checked.url().is_loopback()) {
        (*log_)(log_level::warning, "plain ws:// to {}: who listens can replay a registration for 5 minutes",
                checked.url().to_string());
    }
    (*log_)(log_level::info, "starting controller={} provisioner={} slots={} transport={}",
            checked.url().to_string(), escape_for_log(setup_->settings.provisioner), setup_->settings.slots,
            connector_->description());
    static_cast<void>(driver_->start());
}

void worker_core::warn_about_secrets() const {
    const config& settings = setup_->settings;
    const auto warn = [this](const char* what, const std::string& file) {
        if (!file.empty() && readable_by_others(file)) {
            (*log_)(log_level::warning, "{} can be read by others than its owner; chmod 600 it", what);
        }
    };
    if (settings.token.empty()) {
        warn("the token file", settings.token_file);
    }
    warn("the file of the proxy's credentials", settings.proxy_credentials_file);
    warn("the file of the worker's private key", settings.key_file);
}

void worker_core::stop(end_reason why, stop_limits limits) {
    (*log_)(log_level::info, "stopping: {}", to_string(why));
    static_cast<void>(driver_->stop(why, limits)); // after the end there is nothing to stop
}

void worker_core::assigned(const assigned_task& assigned) {
    if (log_->wants(log_level::debug)) {
        (*log_)(log_level::debug, "assigned task={} queue={}", escape_for_log(assigned.id()),
                escape_for_log(assigned.queue()));
    }
    const bound_handler* const handler = setup_->handlers.find(assigned.queue());
    if (handler == nullptr) {
        const std::string queue = escape_for_log(assigned.queue());
        (*log_)(log_level::warning, "no handler for queue {}", queue);
        static_cast<void>(
            driver_->complete(assigned.name(), fail(assigned, error_code::no_handler,
                                                    "no handler is bound to queue '" + queue + "'")));
        return;
    }
    const auto state = std::make_shared<task_state>(assigned, driver_->remote_access());
    if (handler->where == run_on::inline_) {
        run_inline(*handler, state);
    } else {
        run_on_pool(*handler, state);
    }
}

void worker_core::run_inline(const bound_handler& handler, const std::shared_ptr<task_state>& state) {
    state->set_inline(driver_.get());
    const auto begin = std::chrono::steady_clock::now();
    task handed{state};
    state->answer(call_handler(handler.call, handed));
    state->set_inline(nullptr);
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    if (took > slow_inline_handler) {
        (*log_)(log_level::warning,
                "an inline handler held the connection for {} ms, queue {}; run it on the pool", took.count(),
                escape_for_log(state->assigned().queue()));
    }
}

void worker_core::run_on_pool(const bound_handler& handler, const std::shared_ptr<task_state>& state) {
    std::erase_if(on_pool_, [](const auto& entry) { return entry.second.expired(); });
    on_pool_.emplace(state->assigned().name(), state);
    const auto job = [setup = setup_, &handler, state] { // `setup` keeps the handler
        answer_guard answer{*state};
        task handed{state};
        answer.set(call_handler(handler.call, handed));
    };
    if (!pool_.submit(job, overrun_handlers())) {
        state->answer(fail(state->assigned(), error_code::internal_error,
                           "the system gives no thread for the handler"));
    }
}

// Handlers that still run although their slot has gone on to another task.
std::size_t worker_core::overrun_handlers() const {
    std::size_t count = 0;
    for (auto entry = on_pool_.begin(); entry != on_pool_.end(); ++entry) {
        const auto next = std::next(entry);
        if (next != on_pool_.end() && next->first.slot == entry->first.slot) {
            const auto state = entry->second.lock();
            count += state != nullptr && !state->has_returned() ? 1U : 0U;
        }
    }
    return count;
}

void worker_core::stop_task(const delivery& name, stop_reason reason) {
    const auto found = on_pool_.find(name);
    const auto state = found == on_pool_.end() ? nullptr : found->second.lock();
    if (state != nullptr) {
        (*log_)(log_level::warning, "asking task={} to stop: {}", escape_for_log(state->assigned().id()),
                to_string(reason));
        state->request_stop(reason);
        state->feed(*driver_); // an answer that waited behind stream items need not any more
    }
}

void worker_core::writable(const delivery& name) {
    const auto found = on_pool_.find(name);
    if (const auto state = found == on_pool_.end() ? nullptr : found->second.lock()) {
        state->feed(*driver_);
    }
}

void worker_core::undeliverable(output::undeliverable lost) {
    const frame_view frame = lost.answer.read();
    const auto* const completed = std::get_if<task_complete_view>(&frame);
    const auto* const failed = std::get_if<task_failed_view>(&frame);
    const std::string_view id = completed != nullptr ? completed->task_id : failed->task_id;
    (*log_)(log_level::error, "undeliverable outcome task={} {} {}", escape_for_log(id),
            completed != nullptr ? "completed" : "failed", to_string(lost.how_sure));
    if (setup_->on_undeliverable) {
        setup_->on_undeliverable({std::string{id}, completed != nullptr, lost.how_sure, lost.answer});
    }
}

void worker_core::state_changed(std::uint32_t slot, engine_state state) {
    const bool milestone = state == engine_state::draining;
    (*log_)(milestone ? log_level::info : log_level::debug, "state={} slot={}", to_string(state), slot);
    if (state == engine_state::ready || state == engine_state::busy) {
        const std::uint64_t registrations = driver_->group().slot(slot).counters().registrations;
        if (slot >= told_registrations_.size()) {
            told_registrations_.resize(slot + 1);
        }
        if (std::exchange(told_registrations_[slot], registrations) != registrations) {
            (*log_)(log_level::info, "registered slot={}", slot);
        }
    }
}

void worker_core::disconnected(std::uint32_t slot, const connection_end& end) {
    const bool wanted = end.cause == end_cause::local;
    if (end.retry_at == never) {
        (*log_)(wanted ? log_level::info : log_level::error, "disconnected slot={} {}: {}", slot,
                to_string(end.cause), escape_for_log(end.detail, 600));
        return;
    }
    const auto delay =
        std::chrono::duration_cast<std::chrono::milliseconds>(end.retry_at - read_clocks().monotonic);
    (*log_)(log_level::warning, "disconnected slot={} {}: {}; next attempt in {} ms", slot,
            to_string(end.cause), escape_for_log(end.detail, 600), std::max<std::int64_t>(delay.count(), 0));
}

resource_usage worker_core::usage() {
    const host_usage now = sampler_.sample();
    return {.cpu_percent = now.cpu_percent, .memory_used_mb = now.memory_used_mb};
}

void worker_core::stopped(end_reason reason) {
    const engine_counters counts = driver_->group().counters();
    (*log_)(exit_code_for(reason) == exit_code::ok ? log_level::info : log_level::error,
            "ended: {}; completed={} failed={} refused={} undeliverable={}", to_string(reason),
            counts.completed, counts.failed, counts.refused, counts.undeliverable);
    ended_(reason);
}

} // namespace distworker::detail
