// One execution of a task in a simulated worker. Internal.
#pragma once

#include "system.hpp"

#include <memory>
#include <utility>

namespace distworker::sim {

class handler_run final : public virtual_task, public std::enable_shared_from_this<handler_run> {
public:
    handler_run(system& around, machine& on, assigned_task task, std::uint64_t seed)
        : around_{&around}, on_{&on}, task_{std::move(task)}, random_{seed} {}

    [[nodiscard]] const assigned_task& task() const noexcept override { return task_; }
    [[nodiscard]] std::uint32_t worker() const noexcept override { return on_->index; }
    [[nodiscard]] seeded_random& random() noexcept override { return random_; }
    [[nodiscard]] std::optional<stop_reason> stopped() const noexcept override { return stopped_; }
    void after(std::chrono::nanoseconds delay, std::function<void(virtual_task&)> what) override;
    void on_stop(std::function<void(virtual_task&)> what) override { on_stop_ = std::move(what); }
    std::expected<void, misuse> progress(double fraction, std::string_view message) override;
    std::expected<void, misuse> stream(const value& item) override;
    std::expected<void, misuse> complete(const value& result) override;
    std::expected<void, misuse> fail(std::string_view code, std::string_view message) override;
    std::expected<void, misuse> answer(outcome made) override;
    void accuse(std::string_view what) override { around_->accuse(what); }

    [[nodiscard]] bool is_answered() const noexcept { return is_answered_; }
    /// It is asked to stop.
    void stop(stop_reason why);
    /// Ends its worker, as a handler may.
    void stop_worker() { around_->stop_worker(*on_, end_reason::stop_requested); }

private:
    system* around_;
    machine* on_;
    assigned_task task_;
    seeded_random random_;
    std::optional<stop_reason> stopped_;
    std::function<void(virtual_task&)> on_stop_;
    bool is_answered_ = false;
};

} // namespace distworker::sim
