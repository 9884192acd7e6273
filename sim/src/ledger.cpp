#include "ledger.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace distworker::sim {
namespace {

// What a task of ours may fail with.
constexpr std::array<std::string_view, 13> failure_codes{error_code::invalid_task,
                                                         error_code::worker_busy,
                                                         error_code::worker_shutdown,
                                                         error_code::timeout,
                                                         error_code::handler_error,
                                                         error_code::result_not_utf8,
                                                         error_code::result_not_finite,
                                                         error_code::result_too_deep,
                                                         error_code::result_too_large,
                                                         error_code::result_bad_key,
                                                         "CANCELLED",
                                                         "STOPPED",
                                                         "PLANNED"};

} // namespace

verdict& verdict::operator+=(const verdict& more) noexcept {
    submitted += more.submitted;
    finished += more.finished;
    lost += more.lost;
    unexpected += more.unexpected;
    duplicated += more.duplicated;
    undeliverable += more.undeliverable;
    reported += more.reported;
    stranded += more.stranded;
    excused += more.excused;
    return *this;
}

void ledger::submitted(const std::string& id) {
    fates_[id].submitted = true;
}

void ledger::assigned(const std::string& id, connection_id to) {
    fate& its = fates_[id];
    its.owner = to;
    its.with_owner = false;
}

connection_id ledger::sent(const std::string& id, connection_id on) {
    return std::exchange(fates_[id].sent_on, on);
}

void ledger::arrived(std::string_view id, connection_id on) {
    fate& its = fates_[std::string{id}];
    its.with_owner = its.with_owner || its.owner == on;
}

std::uint64_t ledger::begun(std::string_view id) {
    ++fates_[std::string{id}].executions;
    executed_.emplace_back(id);
    return executed_.size();
}

bool ledger::is_finished(const std::string& id) const {
    const auto found = fates_.find(id);
    return found != fates_.end() && found->second.finished;
}

bool ledger::all_finished() const {
    return std::ranges::all_of(
        fates_, [](const auto& entry) { return entry.second.finished || !entry.second.submitted; });
}

void ledger::finished(const task_record& task) {
    fate& its = fates_[task.id];
    its.finished = true;
    if (!stamps_) {
        return;
    }
    if (task.error) {
        its.unexpected = std::ranges::find(failure_codes, task.error->code) == failure_codes.end();
    } else if (task.result) {
        const value result{task.result->view()};
        const value* const by = result.find("by");
        const double* const number = by != nullptr ? by->number() : nullptr;
        const bool ours = number != nullptr && *number >= 1 &&
                          *number <= static_cast<double>(executed_.size()) &&
                          executed_[static_cast<std::size_t>(*number) - 1] == task.id;
        its.unexpected = !ours;
    }
}

void ledger::heard(std::uint64_t process, const witness::report& what) {
    using kind = witness::report::kind;
    const std::string id{what.id};
    switch (what.what) {
    case kind::accepted:
        open_.emplace(place{process, what.task}, id);
        break;
    case kind::answered:
        break;
    case kind::receipted:
        open_.erase({process, what.task});
        break;
    case kind::undelivered:
        ++undeliverable_;
        fates_[id].reported = true;
        open_.erase({process, what.task});
        break;
    case kind::cut_off:
    case kind::unseen:
        fates_[id].reported = true;
        open_.erase({process, what.task});
        break;
    }
}

void ledger::died(std::uint64_t process) {
    auto entry = open_.lower_bound({process, delivery{}});
    while (entry != open_.end() && entry->first.first == process) {
        fates_[entry->second].reported = true;
        entry = open_.erase(entry);
    }
}

verdict ledger::judge(mode which, bool damaged, const std::function<void(const std::string&)>& accuse,
                      const std::function<void(const std::string&)>& log) const {
    verdict sum;
    sum.undeliverable = undeliverable_;
    for (const auto& [id, its] : fates_) {
        if (which == mode::hostile && !its.submitted) {
            continue; // what a hostile peer makes up
        }
        sum.submitted += its.submitted ? 1U : 0U;
        sum.finished += its.submitted && its.finished ? 1U : 0U;
        sum.duplicated += its.executions > 1 ? 1U : 0U;
        if (its.unexpected && !damaged) {
            ++sum.unexpected;
            accuse("verdict: task " + id + " ended with what nobody gave");
        }
        if (which == mode::ideal && its.executions > 1 + its.reasons + its.retries) {
            accuse("verdict: task " + id + " ran " + std::to_string(its.executions) +
                   " times, although its connection ended only " + std::to_string(its.reasons) + " times");
        }
        if (!its.submitted || its.finished) {
            continue;
        }
        if (its.excused) {
            ++sum.excused;
        } else if (its.reported && which != mode::ideal) {
            ++sum.reported;
        } else if (!its.with_owner && which != mode::ideal) {
            ++sum.stranded;
        } else {
            ++sum.lost;
            accuse("verdict: task " + id + " is lost" + (its.reported ? ", although it was reported" : ""));
        }
        log("not finished: " + id);
    }
    return sum;
}

} // namespace distworker::sim
