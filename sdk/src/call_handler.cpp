#include "call_handler.hpp"

#include <distworker/task_error.hpp>
#include <distworker/utf8.hpp>

#include <cxxabi.h>

namespace distworker::detail {
namespace {

std::string_view code_for_stop(std::optional<stop_reason> reason) {
    if (reason == stop_reason::shutdown) {
        return error_code::worker_shutdown;
    }
    return reason == stop_reason::timeout ? error_code::timeout : error_code::handler_error;
}

} // namespace

outcome fail(const assigned_task& task, std::string_view code, std::string_view message) {
    outcome_writer answer{task};
    return std::move(answer).fail(code, message);
}

// A thread's cancellation is caught as a reference to nothing, which the undefined-behaviour sanitizer minds.
__attribute__((no_sanitize("null"))) outcome call_handler(const erased_handler& handler, task& task) {
    const assigned_task& assigned = task.assigned();
    try {
        outcome result = handler(task);
        if (!result.empty()) {
            return result;
        }
        return fail(assigned, error_code::internal_error, "the handler returned an empty outcome");
    } catch (const task_error& e) {
        outcome_writer answer{assigned};
        return std::move(answer).fail(e.code(), e.what(), e.details());
    } catch (const task_stopped& e) {
        return fail(assigned, code_for_stop(task.stop_reason()), e.what());
    } catch (const std::exception& e) {
        return fail(assigned, error_code::handler_error, e.what());
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        return fail(assigned, error_code::handler_error,
                    "the handler threw something that is no std::exception");
    }
}

} // namespace distworker::detail
