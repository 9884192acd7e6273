// The file that a worker's trace goes to: readable by its owner alone.
#pragma once

#include <distworker/config_fault.hpp>

#include <cstdio>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace distworker::detail {

class trace_file {
public:
    /// Makes the file, or takes the one that is there. What it holds stays until the first `write`.
    [[nodiscard]] static std::expected<trace_file, config_fault> open(const std::string& path);

    /// Writes a line through to the system, so that the trace of a worker that dies is whole. False when the
    /// line cannot be kept.
    [[nodiscard]] bool write(std::string_view line);

private:
    struct closer {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    explicit trace_file(std::FILE* file) noexcept : file_{file} {}

    std::unique_ptr<std::FILE, closer> file_;
    bool begun_ = false;
};

} // namespace distworker::detail
