// What became of each task: who ran it, who was told what, how it ended. From it comes the verdict.
#pragma once

#include <distworker/controller_task.hpp>
#include <distworker/sim/simulation.hpp>
#include <distworker/sim/witness.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker::sim {

class ledger {
public:
    /// `stamps`: results carry the number of their execution, as those of the built-in handler do.
    explicit ledger(bool stamps) noexcept : stamps_{stamps} {}

    /// The controller has confirmed it.
    void submitted(const std::string& id);
    /// The controller gives it to the worker on this connection.
    void assigned(const std::string& id, connection_id to);
    /// An assignment goes out on this connection. Gives the one that it went out on before; 0: none.
    connection_id sent(const std::string& id, connection_id on);
    /// A worker has got it on this connection.
    void arrived(std::string_view id, connection_id on);
    /// A handler begins; the number that its result is to carry.
    std::uint64_t begun(std::string_view id);
    void finished(const task_record& task);
    /// From a witness of this process.
    void heard(std::uint64_t process, const witness::report& what);
    /// A process died, and with it all that it knew.
    void died(std::uint64_t process);
    /// The controller runs it again, because it failed.
    void retried(const task_record& task) { fates_[task.id].retries = task.retried; }
    /// The controller runs it again, because its connection ended or its webhook failed.
    void again(const std::string& id) { ++fates_[id].reasons; }
    /// Somebody behind everybody's back lost it: damaged bytes, a database that forgets.
    void excuse(std::string_view id) { fates_[std::string{id}].excused = true; }

    [[nodiscard]] bool all_told() const noexcept { return open_.empty(); }
    /// `accuse` gets what must not be.
    [[nodiscard]] verdict judge(mode which, bool damaged,
                                const std::function<void(const std::string&)>& accuse,
                                const std::function<void(const std::string&)>& log) const;
    [[nodiscard]] bool is_finished(const std::string& id) const;
    [[nodiscard]] bool all_finished() const;

private:
    struct fate {
        bool submitted = false;
        bool finished = false;
        bool reported = false;
        bool excused = false;
        bool unexpected = false;
        connection_id sent_on = 0; // by the assignment that went out last
        connection_id owner = 0;   // by the controller's own word
        bool with_owner = false;   // and where it has arrived
        std::uint64_t executions = 0;
        std::uint64_t reasons = 0; // to execute it once more
        std::uint64_t retries = 0;
    };
    using place = std::pair<std::uint64_t, delivery>; // process

    bool stamps_;
    std::map<std::string, fate> fates_;
    std::map<place, std::string> open_; // deliveries that nothing is known of yet
    std::vector<std::string> executed_; // by the number of the execution, from 1
    std::uint64_t undeliverable_ = 0;
};

} // namespace distworker::sim
