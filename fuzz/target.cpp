#include "target.hpp"

#include <stdexcept>
#include <string>

namespace distworker::fuzz {

std::vector<target>& targets() {
    static std::vector<target> all;
    return all;
}

void require(bool holds, std::string_view property) {
    if (!holds) {
        throw std::logic_error{std::string{property}};
    }
}

} // namespace distworker::fuzz
