// The code that the README shows is the code that is built.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string content_of(const char* file) {
    std::ifstream in{file};
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(Readme, ShowsTheQuickStartAsItIsBuilt) {
    const std::string readme = content_of(README_FILE);
    const std::string fence = "\n```cpp\n";
    const auto begin = readme.find(fence);
    ASSERT_NE(begin, std::string::npos) << "the README shows no C++";
    const auto code = begin + fence.size();
    const auto end = readme.find("\n```\n", code);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(readme.substr(code, end + 1 - code), content_of(QUICKSTART_FILE));
}

} // namespace
