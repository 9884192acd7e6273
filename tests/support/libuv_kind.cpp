// A user's libuv loop, which outlives the loop on it.
#include "support/loop_kinds.hpp"

#include <distworker/libuv_loop.hpp>

#include <uv.h>

#include <optional>

namespace distworker::testing {
namespace {

class libuv_kind final : public loop_runner {
public:
    libuv_kind() {
        uv_loop_init(&loop_);
        uv_async_init(&loop_, &stop_, [](uv_async_t* told) { uv_stop(told->loop); });
        own_.emplace(loop_);
    }
    libuv_kind(const libuv_kind&) = delete;
    libuv_kind& operator=(const libuv_kind&) = delete;
    // As libuv has it: whoever ends a loop runs it until all handles are closed.
    ~libuv_kind() override {
        own_.reset();
        uv_close(reinterpret_cast<uv_handle_t*>(&stop_), nullptr);
        while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
        }
        uv_loop_close(&loop_);
    }
    loop& get() override { return *own_; }
    void run() override { uv_run(&loop_, UV_RUN_DEFAULT); }
    void stop() override { uv_async_send(&stop_); }
    bool drop() override {
        const bool there = own_.has_value();
        own_.reset();
        return there;
    }

private:
    uv_loop_t loop_{};
    uv_async_t stop_{};
    std::optional<libuv_loop> own_;
};

} // namespace

std::unique_ptr<loop_runner> make_libuv_kind() {
    return std::make_unique<libuv_kind>();
}

} // namespace distworker::testing
