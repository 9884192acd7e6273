// fuzz-seeds FOLDER: writes the seeds of all targets, a folder each.
#include "seeds.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: fuzz-seeds FOLDER\n", stderr);
        return 2;
    }
    try {
        for (const auto& [target, make] : distworker::fuzz::seeds()) {
            const std::vector<std::string> inputs = make();
            const auto folder = std::filesystem::path{argv[1]} / target;
            std::filesystem::create_directories(folder);
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                std::ofstream out{folder / std::to_string(i), std::ios::binary};
                out << inputs[i];
            }
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "fuzz-seeds: %s\n", e.what());
        return 1;
    }
    return 0;
}
