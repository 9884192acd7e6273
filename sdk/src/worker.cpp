#include "backends.hpp"
#include "signals.hpp"
#include "worker_core.hpp"
#include "worker_parts.hpp"

#include <distworker/worker.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

namespace distworker {
namespace {

using detail::worker_core;
using detail::worker_setup;

/// What a worker cannot begin with.
using obstacle = worker_end;

void tell(const worker_setup& setup, const std::vector<config_fault>& faults) {
    const detail::logger log{setup.settings.level, setup.settings.sink};
    log(log_level::error, "the configuration cannot be used, {} fault(s):", faults.size());
    for (const config_fault& fault : faults) {
        log(log_level::error, "  {}", fault.to_string());
    }
}

std::expected<std::unique_ptr<worker_core>, obstacle>
make_core(const std::shared_ptr<worker_setup>& setup, loop& loop, worker_core::ended_callback ended) {
    std::vector<config_fault> faults = setup->settings.faults();
    faults.insert(faults.end(), setup->handler_faults.begin(), setup->handler_faults.end());
    auto crypto = detail::make_worker_crypto();
    auto connector = detail::make_worker_connector(loop, setup->settings, crypto.value_or(nullptr));
    if (!connector &&
        std::ranges::find(faults, connector.error().field, &config_fault::field) == faults.end()) {
        faults.push_back(connector.error());
    }
    std::optional<detail::trace_file> trace;
    if (const std::string& path = setup->settings.trace_file; !path.empty()) {
        if (auto opened = detail::trace_file::open(path)) {
            trace = *std::move(opened);
        } else {
            faults.push_back(std::move(opened.error()));
        }
    }
    if (!faults.empty()) {
        tell(*setup, faults);
        return std::unexpected{obstacle{exit_code::configuration, "the configuration cannot be used"}};
    }
    const auto broken = [&](const std::string& what) {
        detail::logger{setup->settings.level, setup->settings.sink}(log_level::error, "{}", what);
        return std::unexpected{obstacle{exit_code::internal, what}};
    };
    if (!crypto) {
        return broken("no cryptography: " + crypto.error().message);
    }
    std::uint64_t seed = 0;
    if (const auto drawn = (*crypto)->random(std::as_writable_bytes(std::span{&seed, 1})); !drawn) {
        return broken("no randomness: " + drawn.error().message);
    }
    return std::make_unique<worker_core>(setup, *std::move(crypto), seed, loop, *std::move(connector),
                                         std::move(trace), std::move(ended));
}

} // namespace

class worker::implementation {
public:
    explicit implementation(config settings) : setup_{std::make_shared<worker_setup>()} {
        setup_->settings = std::move(settings);
    }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation() {
        if (thread_.joinable()) {
            stop();
            thread_.join();
        }
    }

    [[nodiscard]] worker_setup& setup() noexcept { return *setup_; }

    worker_end run() {
        if (runs_already()) {
            return worker_end{exit_code::internal, "the worker runs already"};
        }
        return serve(true, [](const std::optional<worker_end>&) {});
    }

    bool start() {
        if (runs_already()) {
            return false;
        }
        std::mutex mutex;
        std::condition_variable decided;
        std::optional<bool> result;
        thread_ = std::thread{[&] {
            // The references above are good until the first call of this: `start` waits for it.
            end_ = serve(false, [&](const std::optional<worker_end>& failed) {
                const std::lock_guard lock{mutex};
                result = !failed;
                decided.notify_one();
            });
        }};
        std::unique_lock lock{mutex};
        decided.wait(lock, [&] { return result.has_value(); });
        lock.unlock();
        if (!*result) {
            thread_.join();
        }
        return *result;
    }

    worker_end wait() {
        if (thread_.joinable()) {
            thread_.join();
        }
        return end_.value_or(worker_end{exit_code::internal, "the worker was not started"});
    }

    bool attach(loop& loop, std::function<void(const worker_end&)> ended) {
        if (runs_already()) {
            return false;
        }
        auto made = make_core(setup_, loop, [this, ended = std::move(ended)](end_reason reason) {
            forget_remote();
            if (ended) {
                ended(worker_end{reason});
            }
        });
        if (!made) {
            return false;
        }
        core_ = *std::move(made);
        begin(*core_);
        return true;
    }

    void stop() { request_stop(end_reason::stop_requested, setup_->settings.drain_timeout); }

private:
    // True, and said, when this worker was begun before and has not been waited for.
    bool runs_already() {
        bool runs = thread_.joinable() || core_ != nullptr;
        {
            const std::lock_guard lock{mutex_};
            runs = runs || remote_.has_value();
        }
        if (runs) {
            detail::logger{setup_->settings.level, setup_->settings.sink}(log_level::error,
                                                                          "the worker runs already");
        }
        return runs;
    }

    // Runs on this thread until the end. `begun` is called once: with the obstacle, or with nothing.
    template <typename Begun>
    worker_end serve(bool with_signals, Begun begun) {
        detail::own_loop loop;
        std::optional<end_reason> reason;
        auto core = make_core(setup_, loop.get(), [&](end_reason why) {
            reason = why;
            loop.stop();
        });
        if (!core) {
            begun(core.error());
            return core.error();
        }
        std::optional<detail::termination_signals> signals;
        if (with_signals) {
            signals.emplace(loop.get(), [this, first = true](int signal) mutable {
                on_signal(signal, std::exchange(first, false));
            });
        }
        begin(**core);
        begun(std::nullopt);
        loop.run();
        forget_remote();
        return worker_end{*reason};
    }

    void begin(worker_core& core) {
        bool stop_already = false;
        {
            const std::lock_guard lock{mutex_};
            remote_ = core.remote();
            running_ = &core;
            stop_already = stop_asked_;
        }
        core.start();
        if (stop_already) {
            core.stop(end_reason::stop_requested, setup_->settings.drain_timeout);
        }
    }

    void on_signal(int signal, bool first) {
        const bool provisioned = !setup_->settings.worker_id.empty() && signal == SIGINT;
        stop_limits limits = provisioned ? provisioned_interrupt : setup_->settings.drain_timeout;
        if (!first) {
            limits.drain = {};
        }
        request_stop(end_reason::signal, limits);
    }

    void request_stop(end_reason why, stop_limits limits) {
        const std::lock_guard lock{mutex_};
        stop_asked_ = true;
        if (remote_) {
            remote_->post([core = running_, why, limits](worker_driver&) { core->stop(why, limits); });
        }
    }

    void forget_remote() {
        const std::lock_guard lock{mutex_};
        remote_.reset();
        running_ = nullptr;
    }

    std::shared_ptr<worker_setup> setup_;
    std::mutex mutex_; // guards the three below
    std::optional<worker_driver::remote> remote_;
    worker_core* running_ = nullptr;
    bool stop_asked_ = false;
    std::unique_ptr<worker_core> core_; // of `attach`
    std::thread thread_;                // of `start`
    std::optional<worker_end> end_;
};

worker::worker(config settings) : self_{std::make_unique<implementation>(std::move(settings))} {}
worker::~worker() = default;

worker& worker::on_undeliverable(std::function<void(const undeliverable_outcome&)> told) {
    self_->setup().on_undeliverable = std::move(told);
    return *this;
}

worker_end worker::run() {
    return self_->run();
}
bool worker::start() {
    return self_->start();
}
bool worker::attach(loop& loop, std::function<void(const worker_end&)> ended) {
    return self_->attach(loop, std::move(ended));
}
void worker::stop() {
    self_->stop();
}
worker_end worker::wait() {
    return self_->wait();
}

void worker::bind(std::string_view pattern, erased_handler handler, run_on where) {
    worker_setup& setup = self_->setup();
    if (auto fault = validate_pattern(pattern)) {
        setup.handler_faults.push_back(*std::move(fault));
    } else if (!setup.handlers.add(pattern, {std::move(handler), where})) {
        setup.handler_faults.push_back(
            {"handler '" + std::string{pattern} + "'", "is bound twice", "bind one handler to each pattern"});
    }
}

outcome worker::answer(const task& task, const value& result) {
    outcome_writer answer{task.assigned()};
    if (result.is_null() || result.members() != nullptr) {
        write_members(answer.result(), result);
    } else {
        answer.result().key("result");
        write(answer.result(), result);
    }
    return std::move(answer).complete();
}

std::string worker::build_description() {
    // The transport's own words need a loop to hang it on.
    detail::own_loop loop;
    const auto crypto = detail::make_worker_crypto();
    const auto connector = detail::make_worker_connector(loop.get(), {}, crypto.value_or(nullptr));
    return std::string{"distworker "} + DISTWORKER_VERSION + ", " +
           (connector ? (*connector)->description() : connector.error().problem) + ", " +
           (crypto ? (*crypto)->description() : crypto.error().message);
}

} // namespace distworker
