// The codec against protobuf: the same verdict and values, but for what is refused by design.
#include "adapters/codec_judge.hpp"
#include "target.hpp"

namespace distworker::fuzz {
namespace {

void check_codec(std::span<const std::byte> input) {
    static_cast<void>(testing::judge({input.begin(), input.end()})); // throws where they differ
}

const registration codec_target{{"codec", check_codec}};

} // namespace
} // namespace distworker::fuzz
