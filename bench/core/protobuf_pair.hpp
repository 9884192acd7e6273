// The same task with protobuf instead: an assignment is parsed on a reused arena, its answer built there and
// serialized. No engine, no check.
#pragma once

#include <google/protobuf/arena.h>

#include <array>
#include <string>
#include <string_view>

namespace distworker::bench {

class protobuf_pair {
public:
    protobuf_pair();

    /// The answer's frame, valid until the next call. `read`: the handler reads the input's three fields.
    std::string_view run(std::string_view frame, bool read);

private:
    std::string out_;
    std::array<char, 16 * 1024> block_{};
    google::protobuf::Arena arena_;
};

} // namespace distworker::bench
