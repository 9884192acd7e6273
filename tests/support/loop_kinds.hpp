// Every event loop of the project behind one face, for tests that hold them all to the same rules.
//
// A further loop joins by one source beside this, and its line in loop_kinds.cpp, from where
// `distworker::testing::loop_kinds` gives them all.
#pragma once

#include <distworker/testing/loop_conformance.hpp>

#include <memory>

namespace distworker::testing {

[[nodiscard]] std::unique_ptr<loop_runner> make_epoll_kind();
[[nodiscard]] std::unique_ptr<loop_runner> make_asio_context_kind();
/// A user's io_context, which outlives the loop on it.
[[nodiscard]] std::unique_ptr<loop_runner> make_asio_user_kind();
/// A strand of a context that two threads run.
[[nodiscard]] std::unique_ptr<loop_runner> make_asio_strand_kind();
/// Where their libraries are there (DISTWORKER_WITH_LIBUV, _GLIB, _QT).
[[nodiscard]] std::unique_ptr<loop_runner> make_libuv_kind();
[[nodiscard]] std::unique_ptr<loop_runner> make_glib_kind();
[[nodiscard]] std::unique_ptr<loop_runner> make_qt_kind();

} // namespace distworker::testing
