// The parts of a trace that are neither inputs nor numbers: the configuration at its head, and the outputs.
// Internal.
#pragma once

#include "trace_text.hpp"

namespace distworker::detail {

inline constexpr std::string_view trace_header = "distworker-trace version=1";

/// Every field of the configuration that the engines look at. The URL goes without its query.
void write_config(field_writer& fields, const valid_worker_config& config);
/// Reads it back, unchecked.
[[nodiscard]] worker_config read_config(field_reader& fields);

/// One output as a line, without its end.
[[nodiscard]] std::string text_of(const group_output& output, trace_payloads payloads);

} // namespace distworker::detail
