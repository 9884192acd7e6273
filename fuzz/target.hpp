// One thing to fuzz: a name, and a body that checks what must be true of any bytes.
//
// Each `NAME.cpp` beside this file registers one. The same body runs under libFuzzer, as the program
// `fuzz_NAME`, and over the files in `corpus/NAME` as a unit test. docs/fuzzing.md says how to add one.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace distworker::fuzz {

struct target {
    std::string_view name;
    /// Checks one input and throws what is broken. The same input does the same, whatever ran before.
    void (*check)(std::span<const std::byte> input);
};

/// The targets that are linked into this program.
[[nodiscard]] std::vector<target>& targets();

/// Adds a target before `main` begins.
struct registration {
    explicit registration(const target& it) { targets().push_back(it); }
};

/// Throws `std::logic_error` when a property, given in words, does not hold.
void require(bool holds, std::string_view property);

} // namespace distworker::fuzz
