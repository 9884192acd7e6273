#include <distworker/worker_driver.hpp>

#include <mutex>
#include <utility>

namespace distworker {

instant read_clocks() {
    return instant::of(std::chrono::steady_clock::now(), std::chrono::system_clock::now());
}

// One connection of one slot: gives its events their slot and generation.
class worker_driver::link final : public transport_events {
public:
    link(worker_driver& driver, std::uint32_t slot, std::uint32_t generation)
        : driver_{driver}, slot_{slot}, generation_{generation} {}

    void connect(const controller_url& url) { transport_ = driver_.connector_.open(url, *this); }
    [[nodiscard]] transport& connection() noexcept { return *transport_; }
    [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }

    void opened() override { feed(input::opened{slot_, generation_}); }
    void received(message_kind kind, std::span<const std::byte> part, bool end_of_message,
                  std::uint64_t announced_size) override {
        feed(input::received{slot_, generation_, kind, part, end_of_message, announced_size});
    }
    void pinged() override { feed(input::pinged{slot_, generation_}); }
    void pong(std::span<const std::byte> payload) override { feed(input::pong{slot_, generation_, payload}); }
    void alive() override { feed(input::alive{slot_, generation_}); }
    void sent() override { feed(input::sent{slot_, generation_}); }
    void closed(link_end end) override { feed(input::closed{slot_, generation_, std::move(end)}); }

private:
    // This link may be gone behind the event. A slot that is there refuses none.
    void feed(const group_input& event) { static_cast<void>(driver_.feed(event)); }

    worker_driver& driver_;
    std::uint32_t slot_;
    std::uint32_t generation_;
    std::unique_ptr<transport> transport_;
};

struct worker_driver::remote::mailbox {
    std::mutex mutex; // guards all below
    worker_driver* driver = nullptr;
    loop* wakes = nullptr;
    std::vector<std::move_only_function<void(worker_driver&)>> calls;

    void deliver() {
        std::vector<std::move_only_function<void(worker_driver&)>> waiting;
        worker_driver* target = nullptr;
        {
            const std::lock_guard lock{mutex};
            waiting.swap(calls);
            target = driver;
        }
        if (target == nullptr) {
            return;
        }
        target->enter();
        for (auto& call : waiting) {
            call(*target);
        }
        target->leave();
    }
};

void worker_driver::remote::post(std::move_only_function<void(worker_driver&)> call) const {
    const std::lock_guard lock{box_->mutex};
    if (box_->driver == nullptr) {
        return;
    }
    box_->calls.push_back(std::move(call));
    if (box_->calls.size() == 1) {
        box_->wakes->post([box = box_] { box->deliver(); });
    }
}

worker_driver::worker_driver(worker_group group, loop& loop, connector& connector, driver_events& events,
                             clock now, trace_writer* trace)
    : group_{std::move(group)}, loop_{loop}, connector_{connector}, events_{events}, read_clocks_{now},
      trace_{trace}, now_{now()}, links_(group_.slots()), mailbox_{std::make_shared<remote::mailbox>()} {
    mailbox_->driver = this;
    mailbox_->wakes = &loop;
}

worker_driver::~worker_driver() {
    std::vector<std::move_only_function<void(worker_driver&)>> undelivered;
    const std::lock_guard lock{mailbox_->mutex};
    mailbox_->driver = nullptr;
    undelivered.swap(mailbox_->calls);
    loop_.set_timer(never, nullptr);
}

void worker_driver::enter() {
    if (depth_++ == 0) {
        now_ = read_clocks_();
    }
}

// Performs what the group wants. Only the outermost call does: answers from within a callback are inputs
// only.
void worker_driver::leave() {
    if (depth_ > 1) {
        --depth_;
        return;
    }
    for (;;) {
        group_output next = group_.poll(now_);
        if (trace_ != nullptr) {
            trace_->took(next, now_);
        }
        if (const auto* idle = std::get_if<output::idle>(&next.out)) {
            set_timer(idle->deadline);
            break;
        }
        perform(next.slot, next.out);
    }
    --depth_;
}

void worker_driver::set_timer(monotonic_time deadline) {
    if (deadline == timer_) {
        return;
    }
    timer_ = deadline;
    loop_.set_timer(deadline, [this] {
        timer_ = never;
        static_cast<void>(feed(input::tick{}));
    });
}

void worker_driver::bury(std::uint32_t slot) {
    if (links_[slot] == nullptr) {
        return;
    }
    links_[slot]->connection().abort();
    buried_.push_back(std::move(links_[slot]));
    if (buried_.size() == 1) {
        mailbox_->wakes->post([box = mailbox_] {
            worker_driver* driver = nullptr;
            {
                const std::lock_guard lock{box->mutex};
                driver = box->driver;
            }
            if (driver != nullptr) {
                driver->buried_.clear();
            }
        });
    }
}

void worker_driver::perform(std::uint32_t slot, engine_output& out) {
    std::visit(overloaded{
                   [](output::idle&) {},
                   [&](output::connect& o) {
                       if (slot >= links_.size()) { // the group has grown
                           links_.resize(group_.slots());
                       }
                       bury(slot);
                       links_[slot] = std::make_unique<link>(*this, slot, o.generation);
                       links_[slot]->connect(*o.url);
                   },
                   [&](output::send& o) { links_[slot]->connection().send(o.bytes); },
                   [&](output::ping& o) { links_[slot]->connection().ping(o.payload); },
                   [&](output::close& o) { links_[slot]->connection().close(o.code); },
                   [&](output::abort&) { bury(slot); },
                   [&](output::assigned& o) { events_.assigned(o.task); },
                   [&](output::stop_task& o) { events_.stop_task(o.task, o.reason); },
                   [&](output::writable& o) { events_.writable(o.task); },
                   [&](output::undeliverable& o) { events_.undeliverable(std::move(o)); },
                   [&](output::sample_wanted&) {
                       static_cast<void>(give_traced(input::set_usage{slot, events_.usage()}));
                   },
                   [&](output::state_changed& o) { events_.state_changed(slot, o.state); },
                   [&](output::disconnected& o) {
                       bury(slot);
                       events_.disconnected(slot, o.end);
                   },
                   [&](output::stopped& o) { events_.stopped(o.reason); },
               },
               out);
}

std::expected<void, misuse> worker_driver::give_traced(const group_input& what) {
    if (trace_ != nullptr) {
        trace_->gave(what, now_);
    }
    auto done = give(group_, what, now_);
    if (trace_ != nullptr) {
        trace_->answered(done);
    }
    return done;
}

std::expected<void, misuse> worker_driver::feed(const group_input& what) {
    enter();
    auto done = give_traced(what);
    leave();
    return done;
}

std::expected<void, misuse> worker_driver::start() {
    return feed(input::start{});
}

std::expected<void, misuse> worker_driver::stop(end_reason why, stop_limits limits) {
    return feed(input::stop{why, limits});
}

std::expected<void, misuse> worker_driver::pause() {
    return feed(input::pause{});
}

std::expected<void, misuse> worker_driver::resume() {
    return feed(input::resume{});
}

std::expected<void, misuse> worker_driver::set_slots(std::uint32_t count) {
    return feed(input::set_slots{count});
}

std::expected<void, misuse> worker_driver::complete(const delivery& task, outcome&& answer) {
    return feed(input::complete{task, &answer});
}

std::expected<void, misuse> worker_driver::progress(const delivery& task, double fraction,
                                                    std::string_view message) {
    return feed(input::progress{task, fraction, message});
}

std::expected<void, misuse> worker_driver::stream(const delivery& task, stream_item&& item) {
    return feed(input::stream{task, &item});
}

} // namespace distworker
