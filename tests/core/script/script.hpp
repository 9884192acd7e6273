// Scripts: what a worker engine is given, and exactly what must come of it, as text that a person reads.
//
//     == A task is answered and its outcome receipted
//     after A worker is ready                      begins where that script ends, with what that configures
//     config receipt_delay=1s                      of the worker, which else tries at fixed intervals
//     assign task-1                                an input: what is given, with no blank before it
//       state busy                                 what must come of it, all of it, in this order …
//       assigned #1 task-1 math.add
//       idle silence_probe 10s                     … until there is no more, with the deadline and its reason
//       : assigned +1                              what else changed (`shown.hpp`)
//
// An input that ends in `...` is not followed by a poll: the next one comes before. `repeat N INPUT` gives it
// N times before the next poll, `%` in it standing for 1 to N. The inputs are those of `stage.hpp`, and how
// expected words may leave something open is said in `words.hpp`. With `config slots=N` the script is for a
// group, and what is about one slot begins with its number: `1: assign task-1`.
#pragma once

#include <distworker/worker_config.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

/// One input, taken apart.
struct script_input {
    explicit script_input(std::string_view line);

    /// A word behind the input's name; empty when there is none.
    [[nodiscard]] std::string_view at(std::size_t index) const;
    /// The text behind `key=`.
    [[nodiscard]] std::optional<std::string_view> named(std::string_view key) const;
    /// Whether that word is there.
    [[nodiscard]] bool has(std::string_view word) const;

    std::string line;
    std::optional<std::uint32_t> slot;
    std::string name;
    std::vector<std::string> words; // the positional ones
    std::vector<std::string> pairs; // key=value
    std::size_t repeat = 0;         // 0: no `repeat`
    bool polled = true;
};

struct script_step {
    script_input input;
    std::vector<std::string> outputs;
    std::vector<std::string> changes;
    std::string place; // "file:line"
};

struct script {
    std::string title;
    std::string topic; // the file's name
    std::string place;
    std::string begins_after;
    std::vector<std::string> settings; // field=value
    worker_config config;
    bool is_group = false;
    std::vector<script_step> steps; // those of the script that it begins after included
    std::size_t first_own = 0;
};

/// Every script of every file in the folder, by file and place in it. Throws `script_error`.
[[nodiscard]] std::vector<script> load_scripts(const std::filesystem::path& folder);
/// Those of a text.
[[nodiscard]] std::vector<script> scripts_in(const std::string& text);

} // namespace distworker::testing
