#include "support/loop_kinds.hpp"

#include <distworker/epoll_loop.hpp>
#ifdef DISTWORKER_WITH_BEAST
#include <distworker/asio_context_loop.hpp>
#include <distworker/asio_loop.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#endif

#include <array>
#include <optional>
#include <thread>

namespace distworker::testing {
namespace {

class epoll_kind final : public loop_runner {
public:
    loop& get() override { return own_; }
    void run() override { own_.run(); }
    void stop() override { own_.stop(); }

private:
    epoll_loop own_;
};

#ifdef DISTWORKER_WITH_BEAST
class asio_context_kind final : public loop_runner {
public:
    loop& get() override { return own_.get(); }
    void run() override { own_.run(); }
    void stop() override { own_.stop(); }

private:
    asio_context_loop own_;
};

class asio_user_kind final : public loop_runner {
public:
    loop& get() override { return *own_; }
    void run() override {
        context_.run();
        context_.restart();
    }
    void stop() override { context_.stop(); }
    bool drop() override {
        const bool there = own_.has_value();
        own_.reset();
        return there;
    }

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
    std::optional<asio_loop> own_{context_.get_executor()};
};

class asio_strand_kind final : public loop_runner {
public:
    loop& get() override { return own_; }
    void run() override {
        {
            const std::jthread other{[this] { context_.run(); }};
            context_.run();
        }
        context_.restart();
    }
    void stop() override { context_.stop(); }

private:
    boost::asio::io_context context_{2};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
    asio_loop own_{boost::asio::make_strand(context_)};
};
#endif

} // namespace

std::unique_ptr<loop_runner> make_epoll_kind() {
    return std::make_unique<epoll_kind>();
}
#ifdef DISTWORKER_WITH_BEAST
std::unique_ptr<loop_runner> make_asio_context_kind() {
    return std::make_unique<asio_context_kind>();
}
std::unique_ptr<loop_runner> make_asio_user_kind() {
    return std::make_unique<asio_user_kind>();
}
std::unique_ptr<loop_runner> make_asio_strand_kind() {
    return std::make_unique<asio_strand_kind>();
}
#endif

std::span<const loop_kind> loop_kinds() {
    static constexpr auto all = std::to_array<loop_kind>({
        {"epoll", make_epoll_kind},
#ifdef DISTWORKER_WITH_BEAST
        {"asio_context", make_asio_context_kind},
        {"asio_user_context", make_asio_user_kind},
        {"asio_strand_of_two_threads", make_asio_strand_kind},
#endif
#ifdef DISTWORKER_WITH_LIBUV
        {"libuv", make_libuv_kind},
#endif
#ifdef DISTWORKER_WITH_GLIB
        {"glib", make_glib_kind},
#endif
#ifdef DISTWORKER_WITH_QT
        {"qt", make_qt_kind},
#endif
    });
    return all;
}

} // namespace distworker::testing
