// How a trace writes and reads the fields of a line. Internal.
#pragma once

#include "shortest_number.hpp"

#include <distworker/group_input.hpp>
#include <distworker/trace.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace distworker::detail {

/// The number of values of an enumeration that a trace holds by name.
template <typename Enum>
inline constexpr std::size_t values_of = 0;
template <>
inline constexpr std::size_t values_of<end_reason> = 6;
template <>
inline constexpr std::size_t values_of<worker_health> = 4;
template <>
inline constexpr std::size_t values_of<message_kind> = 2;
template <>
inline constexpr std::size_t values_of<link_end::kind> = 8;
template <>
inline constexpr std::size_t values_of<signing_error::kind> = 3;
template <>
inline constexpr std::size_t values_of<session_policy> = 4;
template <>
inline constexpr std::size_t values_of<reconnect_policy> = 2;

[[nodiscard]] const char* to_string(worker_health health) noexcept;
[[nodiscard]] const char* to_string(message_kind kind) noexcept;
[[nodiscard]] const char* to_string(signing_error::kind kind) noexcept;

/// Everything but printable ASCII, and `%`, as %XX.
void append_escaped(std::string& out, std::string_view text);
void append_hex(std::string& out, std::span<const std::byte> bytes);
[[nodiscard]] std::optional<std::string> unescaped(std::string_view text);
[[nodiscard]] std::optional<std::vector<std::byte>> from_hex(std::string_view text);

/// Appends ` name=value` for each field that it is called with.
class field_writer {
public:
    field_writer(std::string& line, trace_payloads payloads) noexcept : line_{&line}, payloads_{payloads} {}

    template <typename T>
        requires std::is_arithmetic_v<T>
    void operator()(std::string_view name, T value) {
        begin(name);
        if constexpr (std::same_as<T, bool>) {
            line_->push_back(value ? '1' : '0');
        } else {
            std::array<char, 40> digits{};
            const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
            line_->append(digits.data(), end);
        }
    }
    template <typename Enum>
        requires std::is_enum_v<Enum>
    void operator()(std::string_view name, Enum value) {
        begin(name);
        using detail::to_string;
        using distworker::to_string;
        line_->append(to_string(value));
    }
    void operator()(std::string_view name, std::string_view text) {
        begin(name);
        append_escaped(*line_, text);
    }
    template <typename Rep, typename Period>
    void operator()(std::string_view name, std::chrono::duration<Rep, Period> time) {
        (*this)(name, static_cast<std::int64_t>(time.count()));
    }
    void operator()(std::string_view name, monotonic_time time) {
        time == never ? (*this)(name, std::string_view{"never"}) : (*this)(name, time.time_since_epoch());
    }
    template <typename T>
    void operator()(std::string_view name, const std::optional<T>& value) {
        value ? (*this)(name, *value) : (*this)(name, std::string_view{"none"});
    }
    /// Bytes that are written in any case.
    void bytes(std::string_view name, std::span<const std::byte> value) {
        begin(name);
        append_hex(*line_, value);
    }
    /// Bytes that are written when the trace has payloads; else their size and checksum.
    void payload(std::string_view name, std::span<const std::byte> value);
    void payload(std::string_view name, std::string_view text) { payload(name, as_byte_span(text)); }

    void frame(outcome* answer) { payload("frame", answer->frame()); }
    void frame(stream_item* item);

private:
    void begin(std::string_view name) {
        line_->push_back(' ');
        line_->append(name);
        line_->push_back('=');
    }
    std::string* line_;
    trace_payloads payloads_;
};

/// Reads ` name=value` in the order in which they were written. After the first that does not fit, `good` is
/// false and the rest is left as it was.
class field_reader {
public:
    explicit field_reader(std::string_view rest) noexcept : rest_{rest} {}

    [[nodiscard]] bool good() const noexcept { return problem_.empty(); }
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    /// Whether all of the line was read.
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

    /// The text behind ` name=`; nothing, and a problem, when the next field is another one.
    std::optional<std::string_view> next(std::string_view name);

    template <typename T>
        requires std::is_arithmetic_v<T>
    void operator()(std::string_view name, T& value) {
        const auto text = next(name);
        if (!text) {
            return;
        }
        if constexpr (std::same_as<T, bool>) {
            value = *text == "1";
            fail_unless(*text == "0" || *text == "1", name);
        } else if constexpr (std::floating_point<T>) {
            const auto number = read_shortest<T>(*text);
            value = number.value_or(value);
            fail_unless(number.has_value(), name);
        } else {
            const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
            fail_unless(error == std::errc{} && end == text->data() + text->size(), name);
        }
    }
    template <typename Enum>
        requires std::is_enum_v<Enum>
    void operator()(std::string_view name, Enum& value) {
        const auto text = next(name);
        using detail::to_string;
        using distworker::to_string;
        for (std::size_t i = 0; text && i < values_of<Enum>; ++i) {
            if (*text == to_string(static_cast<Enum>(i))) {
                value = static_cast<Enum>(i);
                return;
            }
        }
        fail_unless(!text, name);
    }
    void operator()(std::string_view name, std::string& value);
    template <typename Rep, typename Period>
    void operator()(std::string_view name, std::chrono::duration<Rep, Period>& time) {
        std::int64_t count = 0;
        (*this)(name, count);
        time = std::chrono::duration<Rep, Period>{static_cast<Rep>(count)};
    }
    template <typename T>
    void operator()(std::string_view name, std::optional<T>& value) {
        if (rest_.starts_with(" " + std::string{name} + "=none")) {
            static_cast<void>(next(name));
            value.reset();
        } else {
            (*this)(name, value.emplace());
        }
    }
    void bytes(std::string_view name, std::vector<std::byte>& value);
    void payload(std::string_view name, std::span<const std::byte>& value);
    void payload(std::string_view name, std::string_view& text);
    void frame(outcome*& answer);
    void frame(stream_item*& item);

private:
    void fail_unless(bool good, std::string_view name);

    std::string_view rest_;
    std::string problem_;
    std::vector<std::byte> bytes_; // what the views of this line point to
    outcome answer_;
    stream_item item_;
};

// The fields of each input, once for both ways.
template <typename Fields, typename Empty>
    requires std::is_empty_v<Empty>
void fields(Fields&, Empty&) {}
template <typename Fields>
void fields(Fields& f, input::stop& in) {
    f("why", in.why);
    f("drain", in.limits.drain);
    f("close", in.limits.close);
}
template <typename Fields>
void fields(Fields& f, input::set_slots& in) {
    f("count", in.count);
}
template <typename Fields>
void fields(Fields& f, input::set_health& in) {
    f("health", in.health);
}
template <typename Fields>
void fields(Fields& f, input::set_usage& in) {
    f("slot", in.slot);
    f("cpu", in.usage.cpu_percent);
    f("memory", in.usage.memory_used_mb);
    f("gpu", in.usage.gpu_utilization);
}
template <typename Fields>
void fields(Fields& f, input::received& in) {
    f("slot", in.slot);
    f("generation", in.generation);
    f("kind", in.kind);
    f("last", in.end_of_message);
    f("announced", in.announced_size);
    f.payload("part", in.part);
}
template <typename Fields>
void fields(Fields& f, input::pong& in) {
    f("slot", in.slot);
    f("generation", in.generation);
    f.payload("payload", in.payload);
}
template <typename Fields>
void fields(Fields& f, input::closed& in) {
    f("slot", in.slot);
    f("generation", in.generation);
    f("kind", in.end.what);
    f("detail", in.end.detail);
    f("http_status", in.end.http_status);
    f("close_code", in.end.close_code);
    f("retry_after", in.end.retry_after);
    f("clock_skew", in.end.clock_skew);
}
template <typename Fields, typename Of>
void delivery_fields(Fields& f, Of& task) {
    f("slot", task.slot);
    f("generation", task.generation);
    f("serial", task.serial);
}
template <typename Fields>
void fields(Fields& f, input::complete& in) {
    delivery_fields(f, in.task);
    f.frame(in.answer);
}
template <typename Fields>
void fields(Fields& f, input::progress& in) {
    delivery_fields(f, in.task);
    f("fraction", in.fraction);
    f.payload("message", in.message);
}
template <typename Fields>
void fields(Fields& f, input::stream& in) {
    delivery_fields(f, in.task);
    f.frame(in.item);
}
/// opened, pinged, alive, sent
template <typename Fields, typename Event>
    requires(sizeof(Event) == sizeof(input::opened) && !std::is_empty_v<Event>) &&
            requires(Event e) { e.generation; }
void fields(Fields& f, Event& in) {
    f("slot", in.slot);
    f("generation", in.generation);
}

/// The inputs' names, by their place in `group_input`.
inline constexpr std::array<std::string_view, std::variant_size_v<group_input>> input_names{
    "start", "stop",      "pause",    "resume",   "set_slots", "flush", "set_health",
    "tick",  "set_usage", "opened",   "received", "pinged",    "pong",  "alive",
    "sent",  "closed",    "complete", "progress", "stream"};

} // namespace distworker::detail
