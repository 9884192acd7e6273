// distworker-replay: plays a recorded worker again, and proves that it does the same, or shows where it does
// not.
#include <distworker/trace.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

namespace {

enum exit_code : int { identical = 0, different = 1, unreadable = 2, no_payloads = 3 };

constexpr const char* exit_codes = "Exit codes:\n"
                                   "  0  every output is identical\n"
                                   "  1  one differs: it is shown\n"
                                   "  2  the file is no trace, or damaged\n"
                                   "  3  the trace holds no payloads: it is for reading\n";

int tell(const distworker::replay_report& report) {
    const std::string size =
        std::to_string(report.inputs) + " inputs, " + std::to_string(report.outputs) + " outputs";
    if (!report.has_payloads) {
        std::printf(
            "not replayed: the trace holds no payloads and is for reading (%s). To replay one, record it "
            "with DISTWORKER_TRACE_PAYLOADS=whole.\n",
            size.c_str());
        return no_payloads;
    }
    if (report.difference) {
        std::printf("line %zu differs, after %s\n  recorded: %s\n  replayed: %s\n", report.difference->line,
                    size.c_str(), report.difference->recorded.c_str(), report.difference->replayed.c_str());
        return different;
    }
    std::printf("identical: %s\n", size.c_str());
    return identical;
}

std::optional<std::string> content_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::string content;
    for (std::array<char, 65'536> block; file.read(block.data(), block.size()) || file.gcount() > 0;) {
        content.append(block.data(), static_cast<std::size_t>(file.gcount()));
    }
    return file.eof() ? std::optional{std::move(content)} : std::nullopt;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Plays a recorded worker again and compares what it does (docs/tracing.md).",
                 "distworker-replay"};
    std::string path;
    app.add_option("file", path, "The trace")->required();
    app.footer(exit_codes);
    CLI11_PARSE(app, argc, argv);

    const auto trace = content_of(path);
    if (!trace) {
        std::fprintf(stderr, "distworker-replay: %s cannot be read\n", path.c_str());
        return unreadable;
    }
    const auto report = distworker::replay(*trace);
    if (!report) {
        std::fprintf(stderr, "distworker-replay: line %zu: %s\n", report.error().line,
                     report.error().problem.c_str());
        return unreadable;
    }
    return tell(*report);
}
