#include "loop_timer.hpp"

#include <distworker/post_queue.hpp>
#include <distworker/qt_loop.hpp>

#include <QSocketNotifier>
#include <QTimer>
#include <unordered_map>
#include <utility>

namespace distworker {
namespace {

// An object of Qt must not be deleted while it tells of something: then Qt deletes it, once it is back in
// control.
class callbacks_under_way {
public:
    void call(auto&& callback, auto&&... with) const {
        const std::shared_ptr<int> depth = depth_; // the loop may be gone when it returns
        ++*depth;
        callback(with...);
        --*depth;
    }
    void discard(QObject* object) const {
        if (*depth_ > 0) {
            object->deleteLater();
        } else {
            delete object;
        }
    }

private:
    std::shared_ptr<int> depth_ = std::make_shared<int>(0);
};

struct notified {
    QSocketNotifier* reading;
    QSocketNotifier* writing;
    loop::watch_callback ready;
    io_interest interest{};

    void arm(io_interest wanted) {
        interest = wanted;
        reading->setEnabled(wanted.readable);
        writing->setEnabled(wanted.writable);
    }
};

} // namespace

class qt_loop::implementation {
public:
    implementation() : timer_{new QTimer} {
        timer_->setSingleShot(true);
        timer_->setTimerType(Qt::PreciseTimer);
        QObject::connect(timer_, &QTimer::timeout, [this] { tick(); });
        static_cast<void>(
            watch(posted.descriptor(), {.readable = true}, [this](io_interest) { posted.run(); }));
    }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation() {
        timer_->stop();
        calls_.discard(timer_);
        for (const auto& [id, watch] : watches_) {
            end(*watch);
        }
    }

    std::uint64_t watch(int fd, io_interest interest, watch_callback ready) {
        const std::uint64_t id = next_watch_++;
        const auto made =
            std::make_shared<notified>(notifier(fd, QSocketNotifier::Read, id),
                                       notifier(fd, QSocketNotifier::Write, id), std::move(ready));
        watches_.emplace(id, made);
        made->arm(interest);
        return id;
    }

    void set_interest(std::uint64_t id, io_interest interest) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            found->second->arm(interest);
        }
    }

    void unwatch(std::uint64_t id) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            end(*found->second);
            watches_.erase(found);
        }
    }

    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
        due_.set(deadline, std::move(expired));
        arm_timer();
    }

    post_queue posted;

private:
    QSocketNotifier* notifier(int fd, QSocketNotifier::Type what, std::uint64_t id) {
        auto* const made = new QSocketNotifier{what};
        made->setSocket(fd); // which leaves it disabled
        QObject::connect(made, &QSocketNotifier::activated, [this, what, id] {
            const auto found = watches_.find(id);
            if (found == watches_.end()) {
                return;
            }
            const std::shared_ptr<notified> alive = found->second;
            const bool reads = what == QSocketNotifier::Read;
            if (reads ? alive->interest.readable : alive->interest.writable) {
                calls_.call(alive->ready, io_interest{.readable = reads, .writable = !reads});
            }
        });
        return made;
    }

    void end(notified& watch) {
        watch.arm({});
        calls_.discard(watch.reading);
        calls_.discard(watch.writing);
    }

    void arm_timer() {
        if (due_.deadline() == never) {
            timer_->stop();
        } else {
            timer_->start(poll_timeout(due_.deadline(), detail::steady_now()));
        }
    }

    void tick() {
        if (auto expired = due_.take_due()) {
            calls_.call(std::move(expired));
        } else {
            arm_timer();
        }
    }

    callbacks_under_way calls_;
    QTimer* timer_;
    detail::loop_timer due_;
    std::uint64_t next_watch_ = 1;
    std::unordered_map<std::uint64_t, std::shared_ptr<notified>> watches_;
};

qt_loop::qt_loop() : self_{std::make_unique<implementation>()} {}
qt_loop::~qt_loop() = default;

loop::watch_id qt_loop::watch(int fd, io_interest interest, watch_callback ready) {
    return watch_id{self_->watch(fd, interest, std::move(ready))};
}

void qt_loop::set_interest(watch_id watch, io_interest interest) {
    self_->set_interest(std::to_underlying(watch), interest);
}

void qt_loop::unwatch(watch_id watch) {
    self_->unwatch(std::to_underlying(watch));
}

void qt_loop::set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
    self_->set_timer(deadline, std::move(expired));
}

void qt_loop::post(std::move_only_function<void()> task) {
    self_->posted.add(std::move(task));
}

monotonic_time qt_loop::now() const {
    return detail::steady_now();
}

} // namespace distworker
