// The controller's process: the real engine, its database, its ends of the lines.
#include "system.hpp"

#include <distworker/controller_engine.hpp>
#include <distworker/openssl_crypto.hpp>

#include <algorithm>
#include <deque>

namespace distworker::sim {

using namespace std::chrono_literals;

void database::put(const task_record& task) {
    const auto [place, is_new] = places.try_emplace(task.id, made + 1);
    made += is_new ? 1U : 0U;
    tasks.insert_or_assign(place->second, task);
}

void database::erase(const std::string& id) {
    if (const auto place = places.find(id); place != places.end()) {
        tasks.erase(place->second);
        places.erase(place);
    }
}

namespace {

constexpr std::size_t kept_tasks = 200;
// A task whose assignment takes too long for its line goes round for ever. Whoever runs the system cancels it
// then.
constexpr unsigned most_assignments = 100;

controller_config settings(const system& around) {
    controller_config config;
    config.mode = around.options().mode == mode::ideal ? controller_mode::ideal : controller_mode::faithful;
    config.keep = kept_tasks;
    config.storage = true;
    config.early_assign_percent = around.faulty() && around.faults().has(fault::early_assign) ? 50 : 0;
    return config;
}

class broker final : public controller_side {
public:
    broker(system& around, database& keeps, std::uint64_t seed)
        : around_{&around}, keeps_{&keeps}, crypto_{make_openssl_crypto()},
          engine_{settings(around), crypto_, seed} {
        must(engine_.add_provisioner(
            {"sim", secret{std::string_view{around.token()}}, {std::string{queue_name}}}));
        for (const auto& [id, its] : keeps.sessions) {
            must(engine_.add_session({id, secret{std::string_view{its.token}}, "sim"}));
        }
        for (const auto& [order, task] : keeps.tasks) {
            if (task.status == task_status::finished) { // it may have died before it could say so
                around.accounts().finished(task);
            } else {
                around.log("task " + task.id + " was " + to_string(task.status) + " with " + task.worker_id);
            }
            const auto done = engine_.restore(task, around.true_time());
            if (!done) {
                around.accuse("the controller does not take its own task back: " + done.error().to_string());
            }
        }
    }

    void connected(line& to) override {
        stirred_ = true;
        engine_.connected(to.id, now());
    }
    void told(line& from, const endpoint_event& event) override;
    void ended(line& gone) override {
        stirred_ = true;
        waiting_.erase(gone.id);
        injected_.erase(gone.id);
        engine_.disconnected(gone.id, now());
    }
    bool pump() override;
    [[nodiscard]] monotonic_time wakes() const noexcept override {
        return std::min(wakes_, writes_.empty() ? never : writes_.front().done_at);
    }
    [[nodiscard]] bool quiet() const override;
    [[nodiscard]] bool dying() const noexcept override { return dying_; }
    std::optional<std::string> submit(const task_spec& spec) override;
    void cancel_any(seeded_random& random) override;
    bool add_session(const std::string& worker_id, const std::string& token, bool stays) override;
    void assign_again(const std::string& id, connection_id to) override;
    [[nodiscard]] bool all_tasks_over() const override;

private:
    struct pending_write {
        std::uint64_t serial = 0;
        store_record::action what{};
        task_record task;
        monotonic_time done_at{};
        bool forgotten = false;
    };

    [[nodiscard]] instant now() const { return around_->true_time(); }
    void must(const std::expected<void, config_fault>& done) {
        if (!done) {
            around_->accuse("the controller refuses its setting: " + done.error().to_string());
        }
    }
    bool write_back();
    static void perform(const controller_idle&) {}
    void perform(const hold_reading& out) { set_reading(out.connection, false); }
    void perform(const read_on& out) { set_reading(out.connection, true); }
    void perform(const send_message& out);
    void perform(const send_ping& out);
    void perform(const end_connection& out);
    void perform(const store_record& out);
    void perform(const task_event& out);
    void perform(const wait_over& out);
    void perform(const controller_note& out);
    void set_reading(connection_id id, bool reading);
    void send(line& to, std::span<const std::byte> message);
    void maybe_die(std::string_view when);
    void cancel(const std::string& id);

    system* around_;
    database* keeps_;
    std::shared_ptr<const crypto> crypto_;
    controller_engine engine_;
    monotonic_time wakes_ = monotonic_time::min();
    bool stirred_ = true;
    bool dying_ = false;
    std::deque<pending_write> writes_;
    std::deque<std::string> recent_; // tasks that may be cancelled
    std::map<std::string, unsigned> assignments_;
    std::optional<std::string> circling_; // the task that has just been sent once too often
    std::map<wait_id, std::string> confirmations_;
    // Messages that are not the engine's own go between its own.
    std::map<connection_id, std::deque<shared_bytes>> waiting_;
    std::set<connection_id> injected_; // whose message that is being written is not the engine's
};

void broker::told(line& from, const endpoint_event& event) {
    stirred_ = true;
    switch (event.what) {
    case endpoint_event::kind::part:
        from.note_outcome(event);
        engine_.received(from.id, event.message, event.bytes, event.last, now());
        break;
    case endpoint_event::kind::pong:
        engine_.alive(from.id, now());
        break;
    case endpoint_event::kind::sent: {
        auto& waiting = waiting_[from.id];
        if (injected_.erase(from.id) == 0) {
            engine_.sent(from.id, now());
        }
        if (!waiting.empty()) {
            const shared_bytes next = std::move(waiting.front());
            waiting.pop_front();
            send(from, next.bytes());
        }
        break;
    }
    case endpoint_event::kind::closed:
        around_->seen().hit("worker_closed");
        engine_.disconnected(from.id, now());
        break;
    case endpoint_event::kind::broken:
        around_->seen().hit("framing_broken_at_controller");
        engine_.disconnected(from.id, now());
        break;
    case endpoint_event::kind::pinged:
    case endpoint_event::kind::ended:
        break;
    }
}

bool broker::write_back() {
    bool did = false;
    while (!writes_.empty() && writes_.front().done_at <= around_->time()) {
        const pending_write& done = writes_.front();
        if (done.forgotten) {
            around_->accounts().excuse(done.task.id);
        } else if (done.what == store_record::action::put) {
            keeps_->put(done.task);
        } else {
            keeps_->erase(done.task.id);
        }
        engine_.stored(done.serial, now());
        writes_.pop_front();
        did = true;
    }
    return did;
}

bool broker::pump() {
    bool did = write_back();
    if (!did && !stirred_ && wakes_ > around_->time()) {
        return false;
    }
    stirred_ = false;
    for (;;) {
        controller_output out = engine_.poll(now());
        if (const auto* const idle = std::get_if<controller_idle>(&out)) {
            if (write_back()) {
                continue;
            }
            wakes_ = idle->deadline;
            return did;
        }
        did = true;
        std::visit([&](auto& o) { perform(o); }, out);
        if (const auto id = std::exchange(circling_, std::nullopt)) {
            cancel(*id);
        }
    }
}

bool broker::quiet() const {
    if (stirred_ || !writes_.empty() || dying_) {
        return false;
    }
    return std::ranges::all_of(engine_.workers(), [](const worker_info& worker) {
        return worker.state == availability::idle || worker.state == availability::busy;
    });
}

void broker::set_reading(connection_id id, bool reading) {
    if (line* const l = around_->find_line(id)) {
        l->server.set_reading(reading);
        l->stirred = true;
    }
}

void broker::send(line& to, std::span<const std::byte> message) {
    around_->sent(message);
    to.server.send(message);
    to.stirred = true;
}

void broker::perform(const send_message& out) {
    line* const l = around_->find_line(out.connection);
    if (l == nullptr || !l->at_controller) {
        return;
    }
    const auto frame = read_frame(out.message.bytes());
    const auto* const task = frame ? std::get_if<task_assign_view>(&*frame) : nullptr;
    if (task != nullptr) {
        const std::string id{task->task_id};
        if (const connection_id before = around_->accounts().sent(id, l->id);
            before != 0 && before != l->id) {
            const auto workers = engine_.workers();
            if (std::ranges::find(workers, before, &worker_info::connection) == workers.end()) {
                around_->accounts().again(id);
            }
        }
        if (++assignments_[id] % most_assignments == 0) {
            circling_ = id;
        }
    }
    if (around_->has(fault::wedge) && around_->options().mode != mode::ideal) {
        const deviation one = around_->next(deviation::kind::controller);
        seeded_random random = around_->dice(one);
        if (chance(random, 3) && task != nullptr &&
            around_->happens(one, "an assignment is not written for a while")) {
            const monotonic_time until = around_->time() + random.uniform(2s, 12s);
            l->down.choke(until);
            around_->at(until, [around = around_, id = l->id] {
                if (line* const same = around->find_line(id)) {
                    same->stirred = true;
                }
            });
        }
    }
    if (l->server.writing()) { // with something that is not the engine's
        waiting_[l->id].push_back(out.message);
    } else {
        send(*l, out.message.bytes());
    }
}

void broker::perform(const send_ping& out) {
    line* const l = around_->find_line(out.connection);
    if (l != nullptr && l->at_controller && l->server.quiet()) {
        l->server.ping({});
        l->stirred = true;
    }
}

void broker::perform(const end_connection& out) {
    waiting_.erase(out.connection);
    if (line* const l = around_->find_line(out.connection)) {
        around_->drop(*l);
    }
}

void broker::perform(const store_record& out) {
    pending_write next{out.serial, out.what, *out.task, around_->time(), false};
    if (around_->has(fault::slow_storage) || around_->has(fault::lost_writes)) {
        const deviation one = around_->next(deviation::kind::storage);
        seeded_random random = around_->dice(one);
        if (around_->has(fault::slow_storage) && chance(random, 10) &&
            around_->happens(one, "a slow write")) {
            around_->seen().hit("slow_write");
            next.done_at += exponential(random, 500ms);
            next.done_at += chance(random, 5) ? random.uniform(0s, 20s) : 0s;
        } else if (around_->has(fault::lost_writes) && around_->options().mode != mode::ideal &&
                   chance(random, 2) && around_->happens(one, "a write that is forgotten")) {
            around_->seen().hit("lost_write");
            next.forgotten = true;
        }
    }
    if (!writes_.empty()) {
        next.done_at = std::max(next.done_at, writes_.back().done_at);
    }
    writes_.push_back(std::move(next));
}

void broker::perform(const task_event& out) {
    constexpr const char* words[] = {" is assigned to ", " waits again, last with ", " progress ", " data ",
                                     " ended at "};
    around_->log("task " + out.task->id + words[static_cast<std::size_t>(out.what)] + out.task->worker_id);
    switch (out.what) {
    case task_event::kind::requeued:
        around_->accounts().retried(*out.task);
        around_->seen().hit("task_requeued");
        break;
    case task_event::kind::data:
        around_->seen().hit("stream_item_arrived");
        break;
    case task_event::kind::progress:
        around_->seen().hit("progress_arrived");
        break;
    case task_event::kind::ended: {
        around_->accounts().finished(*out.task);
        assignments_.erase(out.task->id);
        if (around_->options().finished) {
            around_->options().finished(*out.task);
        }
        if (!around_->has(fault::webhook_again) || around_->options().mode == mode::ideal) {
            break;
        }
        const deviation one = around_->next(deviation::kind::controller);
        seeded_random random = around_->dice(one);
        const auto workers = engine_.workers();
        const auto by = std::ranges::find(workers, out.task->worker_id, &worker_info::worker_id);
        if (by != workers.end() && chance(random, 5) &&
            around_->happens(one, "a finished task is assigned again")) {
            around_->at(
                around_->time() + random.uniform(1ms, 30s),
                [around = around_, id = out.task->id, to = by->connection] { around->assign_again(id, to); });
        }
        break;
    }
    case task_event::kind::assigned: {
        const auto workers = engine_.workers();
        const auto to = std::ranges::find(workers, out.task->worker_id, &worker_info::worker_id);
        around_->accounts().assigned(out.task->id, to != workers.end() ? to->connection : 0);
        break;
    }
    }
}

void broker::perform(const wait_over& out) {
    const auto waited = confirmations_.extract(out.wait);
    if (!waited.empty()) {
        around_->accounts().submitted(waited.mapped());
    }
}

void broker::perform(const controller_note& out) {
    around_->seen().hit(std::string{"controller: "} + to_string(out.what));
    around_->log(std::string{"controller: "} + to_string(out.what) + " " + out.text);
    if (out.what == note_kind::worker_registered) {
        maybe_die("registers");
    } else if (out.what == note_kind::worker_gone) {
        const auto session = keeps_->sessions.find(out.worker_id);
        if (session != keeps_->sessions.end() && !session->second.stays) {
            keeps_->sessions.erase(session);
        }
        maybe_die("leaves");
    }
}

void broker::maybe_die(std::string_view when) {
    if (!around_->has(fault::controller_crash)) {
        return;
    }
    const deviation one = around_->next(deviation::kind::controller);
    seeded_random random = around_->dice(one);
    if (chance(random, around_->faults().crash_percent) &&
        around_->happens(one, "it dies as a worker " + std::string{when})) {
        around_->seen().hit("controller_crashed");
        dying_ = true;
    }
}

std::optional<std::string> broker::submit(const task_spec& spec) {
    const auto task = engine_.submit(spec, now());
    stirred_ = true;
    if (!task) {
        return std::nullopt;
    }
    std::string id = (*task)->id;
    if (const auto wait = engine_.wait(id, wait_for::stored, never, now())) {
        confirmations_.emplace(*wait, id);
    }
    recent_.push_back(id);
    if (recent_.size() > 20) {
        recent_.pop_front();
    }
    return id;
}

void broker::cancel_any(seeded_random& random) {
    if (!recent_.empty()) {
        cancel(pick(random, recent_));
    }
}

void broker::cancel(const std::string& id) {
    if (engine_.cancel(id, now())) {
        around_->seen().hit("task_cancelled");
        stirred_ = true;
    }
}

bool broker::add_session(const std::string& worker_id, const std::string& token, bool stays) {
    if (keeps_->sessions.contains(worker_id)) {
        return true;
    }
    keeps_->sessions.emplace(worker_id, database::session{token, stays});
    must(engine_.add_session({worker_id, secret{std::string_view{token}}, "sim"}));
    return true;
}

void broker::assign_again(const std::string& id, connection_id to) {
    const auto task = engine_.find(id);
    const auto workers = engine_.workers();
    const auto worker = std::ranges::find(workers, to, &worker_info::connection);
    line* const l = around_->find_line(to);
    if (task == nullptr || worker == workers.end() || worker->state != availability::idle || l == nullptr ||
        !l->at_controller || l->server.writing()) {
        return;
    }
    around_->seen().hit("finished_task_assigned_again");
    around_->accounts().again(id);
    task_assign_view assignment;
    assignment.task_id = task->id;
    assignment.queue = task->queue;
    assignment.input = task->input.view();
    assignment.timeout_ms = task->timeout_ms;
    byte_buffer frame;
    write_task_assign(frame, assignment);
    injected_.insert(to);
    send(*l, frame.bytes());
}

bool broker::all_tasks_over() const {
    const auto workers = engine_.workers();
    const auto is_at_work = [](const worker_info& worker) {
        return worker.state == availability::busy || worker.state == availability::settling;
    };
    const auto queues = engine_.queues();
    const auto waits = [](const queue_info& queue) { return queue.pending > 0; };
    return std::ranges::none_of(workers, is_at_work) && std::ranges::none_of(queues, waits);
}

} // namespace

std::unique_ptr<controller_side> make_broker(system& around, database& keeps, std::uint64_t seed) {
    return std::make_unique<broker>(around, keeps, seed);
}

} // namespace distworker::sim
