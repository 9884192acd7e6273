// What basic_worker can do: a few useful operations on numbers, text and lists, and tasks for demonstrations.
#pragma once

#include <distworker/worker.hpp>

namespace basic_worker {

/// math.*: {operation: add | subtract | multiply | divide, a, b} -> {result}
[[nodiscard]] distworker::value math(distworker::task& task);
/// text.*: {operation: upper | lower | reverse | trim | count, text} -> {result}; count -> {characters,
/// words, lines}
[[nodiscard]] distworker::value text(distworker::task& task);
/// data.*: {operation: sum | mean | min | max | sort | unique, values} -> {result}
[[nodiscard]] distworker::value data(distworker::task& task);
/// demo.sleep: {ms, steps} -> {slept_ms}; at each step progress and a stream item {step}. Stops when asked
/// to.
[[nodiscard]] distworker::value sleep(distworker::task& task);
/// demo.fail: {message}: fails with it.
[[nodiscard]] distworker::value fail(distworker::task& task);
/// demo.echo: its input.
[[nodiscard]] distworker::value echo(distworker::task& task);

/// Binds all of them.
void bind_all(distworker::worker& worker);

} // namespace basic_worker
