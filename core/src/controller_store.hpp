// The controller's tasks in memory: records, one first-in-first-out line per queue, what finished. Internal.
#pragma once

#include <distworker/controller_engine.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace distworker::detail {

struct stored_task : task_record {
    /// The worker that it was given to. It stays after the outcome, which is why the deployed controller
    /// takes a second one. Empty: nobody's.
    std::string owner;
    /// Ideal mode: those that it was taken away from; their results are welcome too.
    std::vector<std::string> former_owners;
    monotonic_time timeout_at = never;
    monotonic_time return_at = never; ///< When its absent owner is given up.
    monotonic_time wake = never;      ///< Its entry among the deadlines.
    std::uint64_t created_serial = 0;
    std::uint64_t queued_serial = 0;
    std::uint64_t finished_serial = 0;
};

class task_store {
public:
    explicit task_store(std::size_t keep) noexcept : keep_{keep} {}

    /// Takes a new task and puts it in line.
    void add(std::shared_ptr<stored_task> task);
    [[nodiscard]] std::shared_ptr<stored_task> find(std::string_view id) const;
    /// The task of that serial, which is there.
    [[nodiscard]] std::shared_ptr<stored_task> at(std::uint64_t created_serial) const;
    /// The one that waits longest in any of these queues; null when none waits.
    [[nodiscard]] std::shared_ptr<stored_task> first_pending(const std::vector<std::string>& queues) const;

    /// Takes a task of an earlier life as it is. Returns what is too much then, as `finish` does.
    std::shared_ptr<stored_task> restore(const std::shared_ptr<stored_task>& task);

    /// Pending to processing.
    void start(stored_task& task, std::string_view worker_id, wall_time now);
    /// Whatever it was, it waits again, behind all that wait already.
    void requeue(const std::shared_ptr<stored_task>& task);
    /// Processing to pending, at the place in line that it had.
    void put_back(const std::shared_ptr<stored_task>& task);
    /// Whatever it was, it is finished now. Returns the one that finished first when there are too many: it
    /// is dropped.
    std::shared_ptr<stored_task> finish(const std::shared_ptr<stored_task>& task, wall_time now);

    [[nodiscard]] task_page page(std::string_view queue, std::size_t page, std::size_t limit) const;
    /// Adds this store's counts to those of `queues`.
    void count(std::map<std::string, queue_info, std::less<>>& queues) const;

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };

    void wait_in_line(const std::shared_ptr<stored_task>& task);
    void leave_line(stored_task& task);
    std::shared_ptr<stored_task> keep_finished(const std::shared_ptr<stored_task>& task);

    std::size_t keep_;
    std::uint64_t serial_ = 0;
    std::unordered_map<std::string, std::shared_ptr<stored_task>, text_hash, std::equal_to<>> by_id_;
    std::map<std::uint64_t, std::shared_ptr<stored_task>> by_creation_;
    std::map<std::uint64_t, std::shared_ptr<stored_task>> finished_;
    std::map<std::string, std::map<std::uint64_t, std::shared_ptr<stored_task>>, std::less<>> lines_;
};

} // namespace distworker::detail
