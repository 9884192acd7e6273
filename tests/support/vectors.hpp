// The shared test vectors, read at run time: whatever stands in the folder is tested.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

/// The folder of the vectors: `DISTWORKER_VECTORS`, or the project's own.
inline std::filesystem::path vectors_folder() {
    const char* given = std::getenv("DISTWORKER_VECTORS");
    return given != nullptr && *given != '\0' ? given : DISTWORKER_DEFAULT_VECTORS;
}

/// The cases of one file, "frames.json"; a missing or empty one is an error, not a pass.
inline nlohmann::json load_vectors(std::string_view name) {
    const auto path = vectors_folder() / name;
    std::ifstream in{path};
    if (!in) {
        throw std::runtime_error{"cannot read " + path.string()};
    }
    nlohmann::json cases = nlohmann::json::parse(in);
    if (!cases.is_array() || cases.empty()) {
        throw std::runtime_error{"no cases in " + path.string()};
    }
    return cases;
}

/// The bytes that a string of hexadecimal digits stands for.
inline std::vector<std::byte> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) {
        throw std::invalid_argument{"odd number of hexadecimal digits"};
    }
    std::vector<std::byte> out;
    out.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        out.push_back(static_cast<std::byte>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16)));
    }
    return out;
}

} // namespace distworker::testing
