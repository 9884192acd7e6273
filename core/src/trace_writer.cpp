// Writing a trace. docs/tracing.md has the format.
#include "trace_config.hpp"
#include "trace_text.hpp"

#include <distworker/overloaded.hpp>

namespace distworker {

using detail::field_writer;

const char* to_string(trace_payloads payloads) noexcept {
    return payloads == trace_payloads::whole ? "whole" : "digests";
}

trace_writer::trace_writer(sink out, trace_payloads payloads) : out_{std::move(out)}, payloads_{payloads} {}

void trace_writer::write() {
    line_.push_back('\n');
    failed_ = failed_ || !out_(line_);
    line_.clear();
}

void trace_writer::begin(const valid_worker_config& config, std::uint64_t seed) {
    line_ = detail::trace_header;
    field_writer fields{line_, payloads_};
    fields("payloads", payloads_ == trace_payloads::whole);
    fields("seed", seed);
    write();
    line_ = "config";
    detail::write_config(fields, config);
    write();
}

signer trace_writer::noting(signer sign) {
    return [this, sign = std::move(sign)](std::string_view date, std::span<const std::byte> data) mutable {
        auto signature = sign(date, data);
        if (!failed_) {
            line_ = "signed";
            field_writer fields{line_, payloads_};
            if (signature) {
                fields.payload("signature", *signature);
            } else {
                fields("error", signature.error().what);
                fields("message", std::string_view{signature.error().message});
            }
            write();
        }
        return signature;
    };
}

void trace_writer::gave(const group_input& what, instant now) {
    if (failed_) {
        return;
    }
    last_ = now;
    line_ = "in";
    field_writer fields{line_, payloads_};
    fields("now", now.monotonic.time_since_epoch());
    fields("wall", now.wall.time_since_epoch());
    line_.append(" " + std::string{detail::input_names[what.index()]});
    std::visit(
        [&](auto in) { // a copy of views: `fields` is written for both ways
            detail::fields(fields, in);
        },
        what);
    write();
}

void trace_writer::answered(const std::expected<void, misuse>& result) {
    if (!failed_ && !result) {
        line_ = "answer ";
        line_.append(to_string(result.error()));
        write();
    }
}

void trace_writer::took(const group_output& output, instant now) {
    if (failed_) {
        return;
    }
    if (now.monotonic != last_.monotonic || now.wall != last_.wall) {
        last_ = now;
        line_ = "poll";
        field_writer fields{line_, payloads_};
        fields("now", now.monotonic.time_since_epoch());
        fields("wall", now.wall.time_since_epoch());
        write();
    }
    line_ = detail::text_of(output, payloads_);
    write();
}

} // namespace distworker
