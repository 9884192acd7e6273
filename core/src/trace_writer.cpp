// Writing a trace. docs/tracing.md has the format.
#include "trace_config.hpp"
#include "trace_text.hpp"

#include <distworker/overloaded.hpp>

#include <new>

namespace distworker {

using detail::field_writer;

const char* to_string(trace_payloads payloads) noexcept {
    return payloads == trace_payloads::whole ? "whole" : "digests";
}

trace_writer::trace_writer(sink out, trace_payloads payloads) : out_{std::move(out)}, payloads_{payloads} {}

// One line that `fill` makes; the trace ends with the first that cannot be kept.
template <typename Fill>
void trace_writer::write(Fill fill) {
    if (failed_) {
        return;
    }
    try {
        line_.clear();
        fill();
        line_.push_back('\n');
        failed_ = !out_(line_);
    } catch (const std::bad_alloc&) {
        failed_ = true;
    }
}

void trace_writer::write_time(const char* word, instant now) {
    last_ = now;
    line_ = word;
    field_writer fields{line_, payloads_};
    fields("now", now.monotonic.time_since_epoch());
    fields("wall", now.wall.time_since_epoch());
}

void trace_writer::begin(const valid_worker_config& config, std::uint64_t seed) {
    write([&] {
        line_ = detail::trace_header;
        field_writer fields{line_, payloads_};
        fields("payloads", payloads_ == trace_payloads::whole);
        fields("seed", seed);
    });
    write([&] {
        line_ = "config";
        field_writer fields{line_, payloads_};
        detail::write_config(fields, config);
    });
}

signer trace_writer::noting(signer sign) {
    return [this, sign = std::move(sign)](std::string_view date, std::span<const std::byte> data) mutable {
        auto signature = sign(date, data);
        write([&] {
            line_ = "signed";
            field_writer fields{line_, payloads_};
            if (signature) {
                fields.payload("signature", *signature);
            } else {
                fields("error", signature.error().what);
                fields("message", std::string_view{signature.error().message});
            }
        });
        return signature;
    };
}

void trace_writer::gave(const group_input& what, instant now) {
    write([&] {
        write_time("in", now);
        line_.append(" " + std::string{detail::input_names[what.index()]});
        field_writer fields{line_, payloads_};
        std::visit(
            [&](auto in) { // a copy of views: `fields` is written for both ways
                detail::fields(fields, in);
            },
            what);
    });
}

void trace_writer::answered(const std::expected<void, misuse>& result) {
    if (!result) {
        write([&] {
            line_ = "answer ";
            line_.append(to_string(result.error()));
        });
    }
}

void trace_writer::took(const group_output& output, instant now) {
    if (now.monotonic != last_.monotonic || now.wall != last_.wall) {
        write([&] { write_time("poll", now); });
    }
    write([&] { line_ = detail::text_of(output, payloads_); });
}

} // namespace distworker
