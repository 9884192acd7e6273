#include <distworker/payload_schema.hpp>
#include <distworker/utf8.hpp>
#include <distworker/value_writer.hpp>

#include <algorithm>
#include <cmath>

namespace distworker {
namespace {

namespace id = wire::value_field;

constexpr std::size_t longest_key_in_path = 64;

std::size_t decimal_digits(std::uint64_t number) noexcept {
    std::size_t digits = 1;
    while (number >= 10) {
        number /= 10;
        ++digits;
    }
    return digits;
}

// Bytes of a length-delimited field with a one-byte tag.
constexpr std::size_t delimited(std::size_t content) noexcept {
    return 1 + wire::varint_size(content) + content;
}

} // namespace

const char* to_string(write_fault::kind kind) noexcept {
    switch (kind) {
    case write_fault::kind::not_utf8:
        return "text that is not UTF-8";
    case write_fault::kind::not_finite:
        return "a number that is not finite";
    case write_fault::kind::too_deep:
        return "nested deeper than 96 containers";
    case write_fault::kind::bad_key:
        return "a key that holds NUL";
    case write_fault::kind::too_large:
        return "larger than the controller can keep";
    case write_fault::kind::misuse:
        return "written in an impossible order";
    }
    return "unknown";
}

value_writer::value_writer(wire::writer& out, std::string_view root, std::size_t document_limit,
                           std::size_t max_depth) noexcept
    : out_{&out}, root_{root}, max_document_bytes_{document_limit},
      max_depth_{std::min<std::size_t>(max_depth, max_input_depth)} {
    levels_[0] = {};
}

void value_writer::fail(write_fault::kind kind) {
    std::string path{root_};
    for (std::size_t i = 0; i < depth_; ++i) {
        const level& l = levels_[i];
        if (l.is_list) {
            path += '[' + std::to_string(l.index == 0 ? 0 : l.index - 1) + ']';
        } else if (l.key_at != 0) {
            const auto key = out_->buffer().bytes().subspan(l.key_at, l.key_size);
            path += '.' + escape_for_log(as_text(key), longest_key_in_path);
        }
    }
    fault_ = write_fault{kind, std::move(path)};
}

value_writer& value_writer::key(std::string_view name) {
    if (fault_) {
        return *this;
    }
    level& top = levels_[depth_ - 1];
    if (top.is_list || top.has_key) {
        fail(write_fault::kind::misuse);
        return *this;
    }
    out_->open(wire::struct_field::entry);
    out_->text(wire::struct_field::key, name);
    top.key_at = out_->buffer().size() - name.size();
    top.key_size = name.size();
    top.has_key = true;
    document_bytes_ += 2 + name.size();
    if (!is_valid_utf8(name)) {
        fail(write_fault::kind::not_utf8);
    } else if (name.contains('\0')) {
        fail(write_fault::kind::bad_key);
    }
    return *this;
}

bool value_writer::begin_value(std::size_t value_bytes, std::size_t document_bytes) {
    if (fault_) {
        return false;
    }
    level& top = levels_[depth_ - 1];
    if (!top.is_list && !top.has_key) {
        fail(write_fault::kind::misuse);
        return false;
    }
    document_bytes_ += document_bytes;
    if (top.is_list) {
        document_bytes_ += 2 + decimal_digits(top.index);
        ++top.index;
    }
    if (document_bytes_ > max_document_bytes_) {
        fail(write_fault::kind::too_large);
        return false;
    }
    if (value_bytes > 0) {
        out_->open_known(top.is_list ? wire::list_item : wire::struct_field::value, value_bytes);
    }
    return true;
}

void value_writer::end_value() {
    level& top = levels_[depth_ - 1];
    if (!top.is_list) {
        out_->close();
        top.has_key = false;
    }
}

value_writer& value_writer::null() {
    if (begin_value(2, 0)) {
        out_->varint(id::null, 0);
        end_value();
    }
    return *this;
}

value_writer& value_writer::number(double number) {
    if (begin_value(1 + sizeof number, sizeof number)) {
        if (!std::isfinite(number)) {
            fail(write_fault::kind::not_finite);
            return *this;
        }
        out_->fixed64(id::number, number);
        end_value();
    }
    return *this;
}

value_writer& value_writer::boolean(bool boolean) {
    if (begin_value(2, 1)) {
        out_->varint(id::boolean, boolean ? 1 : 0);
        end_value();
    }
    return *this;
}

value_writer& value_writer::string(std::string_view text) {
    if (begin_value(delimited(text.size()), 5 + text.size())) {
        if (!is_valid_utf8(text)) {
            fail(write_fault::kind::not_utf8);
            return *this;
        }
        out_->text(id::string, text);
        end_value();
    }
    return *this;
}

value_writer& value_writer::begin_object() {
    return begin_container(id::object, false);
}
value_writer& value_writer::begin_list() {
    return begin_container(id::list, true);
}
value_writer& value_writer::end_object() {
    return end_container(false);
}
value_writer& value_writer::end_list() {
    return end_container(true);
}

value_writer& value_writer::begin_container(std::uint32_t member_field, bool is_list) {
    if (begin_value(0, 5)) {
        if (depth_ == max_depth_) {
            fail(write_fault::kind::too_deep);
            return *this;
        }
        out_->open(levels_[depth_ - 1].is_list ? wire::list_item : wire::struct_field::value);
        out_->open(member_field);
        levels_[depth_++] = {.key_at = 0, .key_size = 0, .index = 0, .is_list = is_list, .has_key = false};
    }
    return *this;
}

value_writer& value_writer::end_container(bool is_list) {
    if (fault_) {
        return *this;
    }
    const level& top = levels_[depth_ - 1];
    if (depth_ == 1 || top.is_list != is_list || top.has_key) {
        fail(write_fault::kind::misuse);
        return *this;
    }
    out_->close();
    out_->close();
    --depth_;
    end_value();
    return *this;
}

void value_writer::finish() {
    if (!fault_ && (depth_ != 1 || levels_[0].has_key)) {
        fail(write_fault::kind::misuse);
    }
}

// The recursion below is bounded: the writer faults at its depth limit, and then nothing goes deeper.

void write(value_writer& out, const value& content) {
    if (out.fault()) {
        return;
    }
    if (const double* number = content.number()) {
        out.number(*number);
    } else if (const bool* boolean = content.boolean()) {
        out.boolean(*boolean);
    } else if (const std::string* text = content.string()) {
        out.string(*text);
    } else if (const value::list* items = content.items()) {
        out.begin_list();
        for (const value& item : *items) {
            write(out, item);
        }
        out.end_list();
    } else if (content.members() != nullptr) {
        out.begin_object();
        write_members(out, content);
        out.end_object();
    } else {
        out.null();
    }
}

void write_members(value_writer& out, const value& object) {
    if (object.is_null()) {
        return;
    }
    const value::object* const members = object.members();
    if (members == nullptr) {
        out.null(); // a value where only members may stand: misuse
        return;
    }
    for (const value::member& m : *members) {
        out.key(m.key);
        write(out, m.content);
    }
}

void write(value_writer& out, const value_view& content) {
    if (out.fault()) {
        return;
    }
    switch (content.kind()) {
    case value_kind::null:
        out.null();
        break;
    case value_kind::number:
        out.number(*content.number());
        break;
    case value_kind::boolean:
        out.boolean(*content.boolean());
        break;
    case value_kind::string:
        out.string(*content.string());
        break;
    case value_kind::object:
        out.begin_object();
        write_members(out, *content.object());
        out.end_object();
        break;
    case value_kind::list:
        out.begin_list();
        for (const value_view item : content.items()) {
            write(out, item);
        }
        out.end_list();
        break;
    }
}

void write_members(value_writer& out, const object_view& object) {
    for (const member_view m : object) {
        out.key(m.key);
        write(out, m.value);
    }
}

} // namespace distworker
