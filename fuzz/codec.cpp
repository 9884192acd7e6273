// The codec against protobuf: the same verdict and values, but for what is refused by design.
#include "adapters/codec_judge.hpp"
#include "target.hpp"

namespace distworker::fuzz {
namespace {

void check(std::span<const std::byte> input) {
    static_cast<void>(testing::judge({input.begin(), input.end()})); // throws where they differ
}

const registration here{{"codec", check}};

} // namespace
} // namespace distworker::fuzz
