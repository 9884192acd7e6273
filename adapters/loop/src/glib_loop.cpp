#include "loop_timer.hpp"

#include <distworker/glib_loop.hpp>
#include <distworker/post_queue.hpp>

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

namespace distworker {
namespace {

GIOCondition condition_of(io_interest interest) {
    unsigned condition = 0;
    if (interest.readable) {
        condition |= G_IO_IN;
    }
    if (interest.writable) {
        condition |= G_IO_OUT;
    }
    return static_cast<GIOCondition>(condition);
}

// What a source of ours calls, and owns: GLib keeps it until the call that ended its source has returned.
class callee {
public:
    callee() = default;
    callee(const callee&) = delete;
    callee& operator=(const callee&) = delete;
    virtual ~callee() = default;
    virtual void call(GSource* source) = 0;
};

GSource* attach(GMainContext* on, callee* owned) {
    static GSourceFuncs functions{.prepare = nullptr,
                                  .check = nullptr,
                                  .dispatch = [](GSource* source, GSourceFunc, gpointer data) -> gboolean {
                                      static_cast<callee*>(data)->call(source);
                                      return G_SOURCE_CONTINUE;
                                  },
                                  .finalize = nullptr,
                                  .closure_callback = nullptr,
                                  .closure_marshal = nullptr};
    GSource* const source = g_source_new(&functions, sizeof(GSource));
    g_source_set_callback(source, nullptr, owned, [](gpointer data) { delete static_cast<callee*>(data); });
    g_source_attach(source, on);
    return source;
}

void end(GSource* source) {
    g_source_destroy(source);
    g_source_unref(source);
}

struct watched final : callee {
    watched(int descriptor, loop::watch_callback callback) : fd{descriptor}, ready{std::move(callback)} {}

    // A descriptor of no interest leaves its source: GLib would report its hang-up again and again.
    void arm(GSource* source, io_interest wanted) {
        interest = wanted;
        if (tag != nullptr && wanted == io_interest{}) {
            g_source_remove_unix_fd(source, std::exchange(tag, nullptr));
        } else if (tag != nullptr) {
            g_source_modify_unix_fd(source, tag, condition_of(wanted));
        } else if (wanted != io_interest{}) {
            tag = g_source_add_unix_fd(source, fd, condition_of(wanted));
        }
    }
    void call(GSource* source) override {
        const GIOCondition events = tag == nullptr ? GIOCondition{} : g_source_query_unix_fd(source, tag);
        const bool broken = (events & (G_IO_ERR | G_IO_HUP)) != 0;
        const io_interest now{.readable = interest.readable && (broken || (events & G_IO_IN) != 0),
                              .writable = interest.writable && (broken || (events & G_IO_OUT) != 0)};
        if (now != io_interest{}) {
            ready(now);
        }
    }

    int fd;
    loop::watch_callback ready;
    io_interest interest{};
    gpointer tag = nullptr;
};

// The loop's one timer. GLib counts microseconds of the same clock.
struct timer final : callee {
    void arm(GSource* source) const {
        const monotonic_time deadline = due.deadline();
        const auto at = std::chrono::ceil<std::chrono::microseconds>(deadline.time_since_epoch()).count();
        g_source_set_ready_time(source, deadline == never ? -1 : std::max<gint64>(at, 0));
    }
    void call(GSource* source) override {
        auto expired = due.take_due();
        arm(source);
        if (expired) {
            expired();
        }
    }

    detail::loop_timer due;
};

} // namespace

class glib_loop::implementation {
public:
    explicit implementation(GMainContext* on)
        : on_{g_main_context_ref(on != nullptr ? on : g_main_context_default())}, timer_{new timer},
          timer_source_{attach(on_, timer_)} {
        static_cast<void>(
            watch(posted.descriptor(), {.readable = true}, [this](io_interest) { posted.run(); }));
    }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation() {
        end(timer_source_);
        for (const auto& [id, watch] : watches_) {
            end(watch.source);
        }
        g_main_context_unref(on_);
    }

    std::uint64_t watch(int fd, io_interest interest, watch_callback ready) {
        auto* const made = new watched{fd, std::move(ready)};
        GSource* const source = attach(on_, made);
        made->arm(source, interest);
        watches_.emplace(next_watch_, attached{source, made});
        return next_watch_++;
    }

    void set_interest(std::uint64_t id, io_interest interest) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            found->second.watch->arm(found->second.source, interest);
        }
    }

    void unwatch(std::uint64_t id) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            end(found->second.source);
            watches_.erase(found);
        }
    }

    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
        timer_->due.set(deadline, std::move(expired));
        timer_->arm(timer_source_);
    }

    post_queue posted;

private:
    struct attached {
        GSource* source;
        watched* watch; // of the source
    };

    GMainContext* on_;
    timer* timer_; // of its source
    GSource* timer_source_;
    std::uint64_t next_watch_ = 1;
    std::unordered_map<std::uint64_t, attached> watches_;
};

glib_loop::glib_loop(GMainContext* on) : self_{std::make_unique<implementation>(on)} {}
glib_loop::~glib_loop() = default;

loop::watch_id glib_loop::watch(int fd, io_interest interest, watch_callback ready) {
    return watch_id{self_->watch(fd, interest, std::move(ready))};
}

void glib_loop::set_interest(watch_id watch, io_interest interest) {
    self_->set_interest(std::to_underlying(watch), interest);
}

void glib_loop::unwatch(watch_id watch) {
    self_->unwatch(std::to_underlying(watch));
}

void glib_loop::set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
    self_->set_timer(deadline, std::move(expired));
}

void glib_loop::post(std::move_only_function<void()> task) {
    self_->posted.add(std::move(task));
}

monotonic_time glib_loop::now() const {
    return detail::steady_now();
}

} // namespace distworker
