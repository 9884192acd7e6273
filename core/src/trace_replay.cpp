// Reading a trace, and playing it again.
#include "trace_config.hpp"
#include "trace_text.hpp"

#include <algorithm>
#include <memory>

namespace distworker {
namespace {

using detail::field_reader;

// The names of the inputs lead to values of their types.
template <std::size_t... I>
std::optional<group_input> input_named(std::string_view name, std::index_sequence<I...>) {
    std::optional<group_input> found;
    const auto take = [&](auto index) {
        if (detail::input_names[index] == name) {
            found.emplace(std::in_place_index<index>);
        }
    };
    (take(std::integral_constant<std::size_t, I>{}), ...);
    return found;
}

class player {
public:
    explicit player(std::string_view trace) noexcept : rest_{trace} {}

    std::expected<replay_report, trace_error> play() {
        if (!read_head()) {
            return std::unexpected{error_};
        }
        while (!report_.difference && next_line()) {
            if (!step()) {
                return std::unexpected{error_};
            }
        }
        return report_;
    }

private:
    bool fail(std::string problem) {
        error_ = {number_, std::move(problem)};
        return false;
    }

    bool next_line() {
        if (rest_.empty()) {
            return false;
        }
        const std::size_t end = rest_.find('\n');
        line_ = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        ++number_;
        cut_ = end == std::string_view::npos;
        return true;
    }

    bool read_head() {
        if (!next_line() || !line_.starts_with(detail::trace_header)) {
            return fail("this is no trace of version 1: record one with this version of the library");
        }
        field_reader head{line_.substr(detail::trace_header.size())};
        std::uint64_t seed = 0;
        head("payloads", report_.has_payloads);
        head("seed", seed);
        if (!head.good() || !next_line() || !line_.starts_with("config ")) {
            return fail("the head of the trace is damaged: " + head.problem());
        }
        field_reader fields{line_.substr(std::string_view{"config"}.size())};
        const worker_config config = detail::read_config(fields);
        if (!fields.good() || !fields.at_end()) {
            return fail("the configuration is damaged: " + fields.problem());
        }
        const auto valid = config.validate();
        if (!valid) {
            return fail("the configuration cannot be used: " + valid.error().front().to_string());
        }
        signed_ = rest_;
        group_.emplace(
            *valid, [this](std::string_view, std::span<const std::byte>) { return next_signature(); }, seed);
        return true;
    }

    bool step() {
        const std::string_view word = line_.substr(0, line_.find(' '));
        const std::string_view rest = line_.substr(word.size());
        if (cut_ && word != "out") {
            return true; // the process ended while it wrote this line
        }
        if (word == "in") {
            ++report_.inputs;
            return !report_.has_payloads || give_input(rest);
        }
        if (word == "poll") {
            field_reader fields{rest};
            read_time(fields);
            if (!fields.good()) {
                return fail(fields.problem());
            }
            return true;
        }
        if (word == "signed") {
            return true; // read when the engine asks for it
        }
        if (word == "answer") {
            if (report_.has_payloads) {
                compare("answer " + std::string{answer_ ? "ok" : to_string(answer_.error())});
                answer_ = {};
            }
            return true;
        }
        if (word == "out") {
            ++report_.outputs;
            if (report_.has_payloads && !cut_) {
                settle_answer();
                compare(detail::text_of(group_->poll(now_), trace_payloads::whole));
            }
            return true;
        }
        return fail("no line of a trace begins with '" + std::string{word.substr(0, 20)} + "'");
    }

    void read_time(field_reader& fields) {
        std::chrono::nanoseconds monotonic{};
        std::chrono::milliseconds wall{};
        fields("now", monotonic);
        fields("wall", wall);
        now_ = {monotonic_time{monotonic}, wall_time{wall}};
    }

    bool give_input(std::string_view rest) {
        settle_answer();
        // ` now=… wall=… name fields`: the name stands behind the third blank.
        std::size_t name_at = 0;
        for (int blanks = 0; blanks < 3 && name_at != std::string_view::npos; ++blanks) {
            name_at = rest.find(' ', name_at + (blanks > 0 ? 1 : 0));
        }
        if (name_at == std::string_view::npos) {
            return fail("an input without a name");
        }
        field_reader time{rest.substr(0, name_at)};
        read_time(time);
        const std::string_view named = rest.substr(name_at + 1);
        const std::string_view name = named.substr(0, named.find(' '));
        auto what = input_named(name, std::make_index_sequence<std::variant_size_v<group_input>>{});
        if (!time.good() || !what) {
            return fail("there is no input '" + std::string{name.substr(0, 20)} + "'");
        }
        field_reader fields{named.substr(name.size())};
        std::visit([&](auto& in) { detail::fields(fields, in); }, *what);
        if (!fields.good() || !fields.at_end()) {
            return fail(fields.good() ? "more fields than the input has" : fields.problem());
        }
        answer_ = give(*group_, *what, now_);
        return true;
    }

    // Only what was refused has a line of its own.
    void settle_answer() {
        if (!answer_) {
            report_.difference = {number_, "answer ok", std::string{"answer "} + to_string(answer_.error())};
        }
        answer_ = {};
    }

    // The next one in the order in which they were made: the engine asks before the line is reached, or
    // after.
    std::expected<digest32, signing_error> next_signature() {
        constexpr std::string_view begin = "signed";
        while (!signed_.empty()) {
            const std::size_t end = signed_.find('\n');
            const std::string_view line = signed_.substr(0, end);
            signed_.remove_prefix(end == std::string_view::npos ? signed_.size() : end + 1);
            if (line.starts_with(begin)) {
                return read_signature(line.substr(begin.size()));
            }
        }
        return std::unexpected{
            signing_error{signing_error::kind::crypto_failed, "the trace holds no further signature"}};
    }

    static std::expected<digest32, signing_error> read_signature(std::string_view rest) {
        field_reader fields{rest};
        if (rest.starts_with(" error=")) {
            signing_error error;
            fields("error", error.what);
            fields("message", error.message);
            return std::unexpected{error};
        }
        std::span<const std::byte> bytes;
        fields.payload("signature", bytes);
        digest32 signature{};
        if (!fields.good() || bytes.size() != signature.size()) {
            return std::unexpected{
                signing_error{signing_error::kind::crypto_failed, "the trace's signature is damaged"}};
        }
        std::ranges::copy(bytes, signature.begin());
        return signature;
    }

    void compare(std::string replayed) {
        if (replayed != line_ && !report_.difference) {
            report_.difference = {number_, std::string{line_}, std::move(replayed)};
        }
    }

    std::string_view rest_;
    std::string_view line_;
    std::size_t number_ = 0;
    bool cut_ = false; // the line has no end
    instant now_;
    std::string_view signed_; // where the next signature is looked for
    std::optional<worker_group> group_;
    std::expected<void, misuse> answer_;
    replay_report report_;
    trace_error error_;
};

} // namespace

std::expected<replay_report, trace_error> replay(std::string_view trace) {
    return player{trace}.play();
}

} // namespace distworker
