// What the other side of a connection cannot go on without: its test fails by an exception that says what was
// missing.
#pragma once

#include <stdexcept>
#include <string>

namespace distworker::testing {

inline void require(bool good, const char* what) {
    if (!good) {
        throw std::runtime_error{std::string{"test server: "} + what};
    }
}

} // namespace distworker::testing
