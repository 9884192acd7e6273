// The field numbers of protobuf's Struct, Value and ListValue (google/protobuf/struct.proto), in one place.
#pragma once

#include <cstdint>

namespace distworker::wire {

namespace struct_field {
inline constexpr std::uint32_t entry = 1;
inline constexpr std::uint32_t key = 1;   // in an entry
inline constexpr std::uint32_t value = 2; // in an entry
} // namespace struct_field

namespace value_field {
inline constexpr std::uint32_t null = 1;
inline constexpr std::uint32_t number = 2;
inline constexpr std::uint32_t string = 3;
inline constexpr std::uint32_t boolean = 4;
inline constexpr std::uint32_t object = 5;
inline constexpr std::uint32_t list = 6;
} // namespace value_field

/// The one field of a `ListValue`.
inline constexpr std::uint32_t list_item = 1;

} // namespace distworker::wire
