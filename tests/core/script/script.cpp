#include "script.hpp"

#include "words.hpp"

#include <distworker/overloaded.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

namespace distworker::testing {
namespace {

bool is_key(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

std::uint64_t bytes_of(std::string_view text) {
    const std::size_t shift = text.ends_with("MiB") ? 20 : text.ends_with("KiB") ? 10 : 0;
    return number_of<std::uint64_t>(text) << shift;
}

void set_field(worker_config& config, std::string_view name, std::string_view text) {
    for (const config_field& field : worker_config_fields()) {
        if (field.name == name) {
            std::visit(
                overloaded{
                    [&](const text_rule& rule) { config.*rule.member = text; },
                    [&](const count_rule& rule) { config.*rule.member = bytes_of(text); },
                    [&](const integer_rule& rule) { config.*rule.member = number_of<std::int64_t>(text); },
                    [&](const time_rule& rule) {
                        config.*rule.member =
                            std::chrono::duration_cast<std::chrono::milliseconds>(time_of(text));
                    },
                    [&](const session_rule& rule) {
                        config.*rule.member = value_named<session_policy>(text);
                    },
                    [&](const reconnect_rule& rule) {
                        config.*rule.member =
                            text == "jitter" ? reconnect_policy::jitter : reconnect_policy::fixed;
                    },
                    [&](const auto&) { throw script_error{"scripts cannot set this field"}; },
                },
                field.rule);
            return;
        }
    }
    throw script_error{"no field is called '" + std::string{name} + "'"};
}

std::vector<std::string> split_at_commas(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        const std::size_t begin = part.find_first_not_of(' ');
        if (begin != std::string_view::npos) {
            parts.emplace_back(part.substr(begin, part.find_last_not_of(' ') + 1 - begin));
        }
    }
    return parts;
}

void configure(script& s) {
    s.config.controller = "http://localhost:8081";
    s.config.provisioner = "example";
    s.config.reconnect = reconnect_policy::fixed;
    for (const std::string& pair : s.settings) {
        const std::size_t equals = pair.find('=');
        try {
            set_field(s.config, pair.substr(0, equals), pair.substr(equals + 1));
        } catch (const script_error& error) {
            throw script_error{s.place + ": " + error.what()};
        }
        s.is_group = s.is_group || pair.starts_with("slots=");
    }
}

// Reads one file, line by line.
class reader {
public:
    reader(std::string topic, std::vector<script>& scripts) : topic_{std::move(topic)}, scripts_{&scripts} {}

    void take(std::string_view line) {
        ++number_;
        line = line.substr(0, line.find(" # "));
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos || line[begin] == '#') {
            return;
        }
        const std::string_view text = line.substr(begin, line.find_last_not_of(' ') + 1 - begin);
        try {
            begin == 0 ? take_input(text) : take_outcome(text);
        } catch (const script_error& error) {
            throw script_error{place() + ": " + error.what()};
        }
    }

private:
    [[nodiscard]] std::string place() const { return topic_ + ".script:" + std::to_string(number_); }

    script& current() {
        if (scripts_->empty() || scripts_->back().topic != topic_) {
            throw script_error{"a script begins with == and its title"};
        }
        return scripts_->back();
    }

    void take_input(std::string_view text) {
        if (text.starts_with("== ")) {
            scripts_->push_back({.title = std::string{text.substr(3)},
                                 .topic = topic_,
                                 .place = place(),
                                 .begins_after = {},
                                 .settings = {},
                                 .config = {},
                                 .steps = {}});
        } else if (text.starts_with("config ")) {
            std::ranges::move(words_of(text.substr(7)), std::back_inserter(current().settings));
        } else if (text.starts_with("after ")) {
            current().begins_after = text.substr(6);
        } else {
            current().steps.push_back({script_input{text}, {}, {}, place()});
        }
    }

    void take_outcome(std::string_view text) {
        if (current().steps.empty()) {
            throw script_error{"what comes of what?"};
        }
        script_step& step = current().steps.back();
        if (text.starts_with(": ")) {
            std::ranges::move(split_at_commas(text.substr(2)), std::back_inserter(step.changes));
        } else {
            step.outputs.emplace_back(text);
        }
    }

    std::string topic_;
    std::vector<script>* scripts_;
    std::size_t number_ = 0;
};

// Puts the steps of the script that each begins after in front of its own.
class joiner {
public:
    explicit joiner(std::vector<script>& scripts) {
        for (script& s : scripts) {
            if (!by_title_.emplace(s.title, &s).second) {
                throw script_error{s.place + ": a second script of this title"};
            }
        }
    }

    void join(script& s) {
        if (s.begins_after.empty()) {
            return;
        }
        const auto found = by_title_.find(std::exchange(s.begins_after, {}));
        if (found == by_title_.end()) {
            throw script_error{s.place + ": it begins after a script that is not there"};
        }
        join(*found->second);
        const script& before = *found->second;
        s.first_own = before.steps.size();
        s.steps.insert(s.steps.begin(), before.steps.begin(), before.steps.end());
        s.settings.insert(s.settings.begin(), before.settings.begin(), before.settings.end());
    }

private:
    std::map<std::string, script*> by_title_;
};

void read_scripts(std::istream& in, std::string topic, std::vector<script>& scripts) {
    reader reader{std::move(topic), scripts};
    for (std::string line; std::getline(in, line);) {
        reader.take(line);
    }
}

void complete_scripts(std::vector<script>& scripts) {
    joiner joiner{scripts};
    std::ranges::for_each(scripts, [&joiner](script& s) { joiner.join(s); });
    std::ranges::for_each(scripts, configure);
}

} // namespace

script_input::script_input(std::string_view text) : line{text} {
    std::vector<std::string> all = words_of(text);
    if (all.back() == "...") {
        polled = false;
        all.pop_back();
    }
    auto word = all.begin();
    if (word != all.end() && word->ends_with(':')) {
        slot = number_of<std::uint32_t>(*word++);
    }
    if (all.end() - word > 2 && *word == "repeat") {
        repeat = number_of<std::size_t>(*++word);
        ++word;
    }
    if (word == all.end()) {
        throw script_error{"no input"};
    }
    name = *word++;
    for (; word != all.end(); ++word) {
        (is_key(std::string_view{*word}.substr(0, word->find('='))) && word->contains('=') ? pairs : words)
            .push_back(*word);
    }
}

std::string_view script_input::at(std::size_t index) const {
    return index < words.size() ? std::string_view{words[index]} : std::string_view{};
}

std::optional<std::string_view> script_input::named(std::string_view key) const {
    for (const std::string_view pair : pairs) {
        if (pair.starts_with(key) && pair.substr(key.size()).starts_with('=')) {
            return pair.substr(key.size() + 1);
        }
    }
    return std::nullopt;
}

bool script_input::has(std::string_view word) const {
    return std::ranges::find(words, word) != words.end();
}

std::vector<script> load_scripts(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<script> scripts;
    for (const auto& file : files) {
        std::ifstream in{file};
        read_scripts(in, file.stem().string(), scripts);
    }
    complete_scripts(scripts);
    return scripts;
}

std::vector<script> scripts_in(const std::string& text) {
    std::vector<script> scripts;
    std::istringstream in{text};
    read_scripts(in, "text", scripts);
    complete_scripts(scripts);
    return scripts;
}

} // namespace distworker::testing
