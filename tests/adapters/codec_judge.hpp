// protobuf as the judge of the core's codec: does it say the same of an input, in verdict and values?
#pragma once

#include <distworker/protobuf.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

inline constexpr std::string_view both_take = "both take it";
inline constexpr std::string_view both_refuse = "both refuse it";

/// All that core refuses and protobuf takes, each with a frame for example (hexadecimal; empty where it is
/// too long to stand there); docs/wire_codec.md says why.
const std::map<std::string_view, std::string>& stricter_by_design();

/// Compares the two on one input. Says what both did, or which refusal of the list it met; throws what is
/// wrong when they differ in any other way.
std::string_view judge(const std::vector<std::byte>& input);

/// The same content, numbers bit for bit.
bool same(const value& ours, const google::protobuf::Value& theirs);
bool same(const value& ours, const google::protobuf::Struct& theirs);

} // namespace distworker::testing
