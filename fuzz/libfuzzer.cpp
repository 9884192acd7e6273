// libFuzzer's way into the one target that a program is linked with.
#include "target.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const distworker::fuzz::target& only = distworker::fuzz::targets().front();
    try {
        only.check(std::as_bytes(std::span{data, size}));
    } catch (const std::exception& broken) {
        std::fprintf(stderr, "%.*s: broken: %s\n", static_cast<int>(only.name.size()), only.name.data(),
                     broken.what());
        std::abort();
    }
    return 0;
}
