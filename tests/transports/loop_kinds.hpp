// Every event loop of the project behind one face, for tests that hold them all to the same rules.
//
// A further loop joins by one struct here and its name in `all_loops`.
#pragma once

#include "support/watched.hpp"

#include <distworker/asio_context_loop.hpp>
#include <distworker/asio_loop.hpp>
#include <distworker/epoll_loop.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace distworker::testing {

struct epoll_kind {
    static constexpr const char* name = "epoll";
    epoll_loop own;
    loop& get() { return own; }
    void run() { own.run(); }
    void stop() { own.stop(); }
};

struct asio_context_kind {
    static constexpr const char* name = "asio_context";
    asio_context_loop own;
    loop& get() { return own.get(); }
    void run() { own.run(); }
    void stop() { own.stop(); }
};

/// A user's io_context, which outlives the loop on it.
struct asio_user_kind {
    static constexpr const char* name = "asio_user_context";
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    asio_loop own{context.get_executor()};
    loop& get() { return own; }
    void run() {
        context.run();
        context.restart();
    }
    void stop() { context.stop(); }
};

/// A strand of a context that two threads run.
struct asio_strand_kind {
    static constexpr const char* name = "asio_strand_of_two_threads";
    boost::asio::io_context context{2};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    asio_loop own{boost::asio::make_strand(context)};
    loop& get() { return own; }
    void run() {
        {
            const std::jthread other{[this] { context.run(); }};
            context.run();
        }
        context.restart();
    }
    void stop() { context.stop(); }
};

using all_loops = ::testing::Types<epoll_kind, asio_context_kind, asio_user_kind, asio_strand_kind>;

struct loop_names {
    template <typename Kind>
    static std::string GetName(int) {
        return Kind::name;
    }
};

} // namespace distworker::testing
