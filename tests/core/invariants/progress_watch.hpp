// I18: of updates without data the latest goes out, no more often than is set, and before the outcome.
#pragma once

#include "core/invariants/fingerprint.hpp"
#include "core/invariants/moment.hpp"
#include "core/invariants/rulebook.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

class progress_watch {
public:
    explicit progress_watch(rulebook& book) noexcept : book_{&book} {}

    /// An accepted call. Texts of one delivery must differ from each other.
    void called(const delivery& task, std::string_view task_id, double fraction, std::string_view message,
                const moment& m);
    void written() noexcept { in_flight_ = false; }
    void ended(bool kept);
    /// An item of the task's stream, or its outcome, goes out.
    void took_other_of(std::string_view task_id) noexcept;
    void took_outcome(const delivery& task);
    /// An update goes out.
    void took(const task_progress_view& frame, const moment& m);
    /// The wire is free, and nothing is left to be polled.
    void rests(bool may_write) const;

    void add_to(fingerprint& all) const;

private:
    struct call {
        delivery task;
        std::string task_id;
        float fraction;
        std::string message;
        monotonic_time at;
        bool sent = false;
        bool again = false; // its connection ended while it was being written

        void add_to(fingerprint& all) const {
            all.add(task.serial, task_id, fraction, message, at, sent, again);
        }
    };

    rulebook* book_;
    std::vector<call> calls_;                     // from the last one that was sent
    monotonic_time last_ = monotonic_time::min(); // when the last one that was sent was called
    bool too_soon_ = false; // unless something of its task follows, which it had to precede
    std::string last_id_;
    bool in_flight_ = false;
};

} // namespace distworker::testing
