// Each fuzz target's body over its seeds and all of its corpus: what was found once is tested for ever.
#include "../../fuzz/seeds.hpp"
#include "../../fuzz/target.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace distworker::fuzz {

void PrintTo(const target& it,
             std::ostream* out) { // NOLINT(readability-identifier-naming): GoogleTest's name
    *out << it.name;
}

namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

// On the heap and no byte longer, so that a sanitizer sees who reads behind the end.
void check(const target& it, const std::string& content, const std::string& name) {
    const auto bytes = std::make_unique<std::byte[]>(content.size());
    std::ranges::copy(std::as_bytes(std::span{content}), bytes.get());
    try {
        it.check({bytes.get(), content.size()});
    } catch (const std::exception& broken) {
        ADD_FAILURE() << name << ": " << broken.what();
    }
}

class Corpus : public ::testing::TestWithParam<target> {};

TEST_P(Corpus, KeepsTheProperties) {
    const auto files = files_in(std::filesystem::path{DISTWORKER_CORPUS} / GetParam().name);
    ASSERT_FALSE(files.empty());
    for (const auto& file : files) {
        std::ifstream in{file, std::ios::binary};
        check(GetParam(), {std::istreambuf_iterator<char>{in}, {}}, file);
    }
    const auto inputs = seeds().at(GetParam().name)();
    ASSERT_FALSE(inputs.empty());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        check(GetParam(), inputs[i], "seed " + std::to_string(i));
    }
    check(GetParam(), {}, "no input");
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, ::testing::ValuesIn(targets()),
                         [](const auto& it) { return std::string{it.param.name}; });

} // namespace
} // namespace distworker::fuzz
