// configuration-reference: writes docs/configuration.md from the table of settings.
#include <distworker/settings.hpp>

#include <cstdio>
#include <string>

namespace {

constexpr const char* introduction =
    R"(# Configuration

Written by `configuration-reference` from the table that the check, the environment and `--help` come from too
(`settings()`, which adds the SDK's own to `worker_config_fields()`); the test `docs.configuration` compares. To write it
anew:

    build/release/bin/configuration-reference > docs/configuration.md

A setting is a member of `distworker::config` and, unless it is the SDK's own, of `worker_config`. In `basic_worker` it is
a flag: `heartbeat_interval` is `--heartbeat-interval`, `level` is `--log-level`. Where a variable is named, `config::from_environment` reads it. As
text a time is a number with `ms`, `s`, `min` or `h` behind it (`1.5s`), a size one with `B`, `KiB`, `MiB` or `GiB`. Every
fault is told at once, before anything runs, with what to do about it; a range includes both of its ends.
)";

// A cell of a table, as code or as it is.
std::string cell(std::string_view text, bool code) {
    return text.empty() ? "" : code ? "`" + std::string{text} + "`" : std::string{text};
}

} // namespace

int main() {
    std::fputs(introduction, stdout);
    std::string_view group;
    for (const distworker::setting& each : distworker::settings()) {
        if (each.group != group) {
            group = each.group;
            std::printf("\n## %s\n\n| setting | meaning | default | range | environment |\n"
                        "| --- | --- | --- | --- | --- |\n",
                        std::string{group}.c_str());
        }
        std::printf("| `%s` | %s | %s | %s | %s |\n", std::string{each.name}.c_str(),
                    std::string{each.meaning}.c_str(), cell(each.default_text, false).c_str(),
                    each.range_text.c_str(), cell(each.environment, true).c_str());
    }
}
