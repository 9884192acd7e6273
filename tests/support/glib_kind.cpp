// A user's GLib main context, which outlives the loop on it.
#include "support/loop_kinds.hpp"

#include <distworker/glib_loop.hpp>

#include <glib.h>

#include <atomic>
#include <optional>

namespace distworker::testing {
namespace {

class glib_kind final : public loop_runner {
public:
    glib_kind() { own_.emplace(context_); }
    glib_kind(const glib_kind&) = delete;
    glib_kind& operator=(const glib_kind&) = delete;
    ~glib_kind() override {
        own_.reset();
        g_main_context_unref(context_);
    }
    loop& get() override { return *own_; }
    void run() override {
        while (!stopping_.exchange(false)) {
            g_main_context_iteration(context_, TRUE);
        }
    }
    void stop() override {
        stopping_ = true;
        g_main_context_wakeup(context_);
    }
    bool drop() override {
        const bool there = own_.has_value();
        own_.reset();
        return there;
    }

private:
    GMainContext* context_ = g_main_context_new();
    std::atomic<bool> stopping_ = false;
    std::optional<glib_loop> own_;
};

} // namespace

std::unique_ptr<loop_runner> make_glib_kind() {
    return std::make_unique<glib_kind>();
}

} // namespace distworker::testing
