// Payloads: a lazy view never leaves its bytes, shows what was checked, and what it shows can be written
// again.
#include "target.hpp"
#include "values.hpp"

#include <distworker/byte_buffer.hpp>
#include <distworker/payload_check.hpp>
#include <distworker/utf8.hpp>
#include <distworker/value_writer.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

namespace distworker::fuzz {
namespace {

using bytes_view = std::span<const std::byte>;

/// Looks at all that a view shows, however deep, and notes what the writer cares about.
class walk {
public:
    walk(object_view all, bytes_view within) : within_{as_text(within)} {
        open_.emplace_back(all.begin());
        while (!open_.empty()) {
            depth_ = std::max(depth_, open_.size());
            require(nodes_ <= within.size() / 2, "each node of a payload has bytes of its own");
            std::visit([this](auto& next) { step(next); }, open_.back());
        }
    }

    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
    [[nodiscard]] bool all_utf8() const noexcept { return all_utf8_; }
    [[nodiscard]] bool all_finite() const noexcept { return all_finite_; }
    [[nodiscard]] bool nul_in_key() const noexcept { return nul_in_key_; }

private:
    void step(object_view::iterator& next) {
        if (next == object_view::end()) {
            open_.pop_back();
            return;
        }
        const member_view member = *next;
        require(member.key.data() == next.key().data(), "both ways to a key show the same");
        ++next;
        look_at(member.key);
        nul_in_key_ = nul_in_key_ || member.key.contains('\0');
        look_at(member.value);
    }
    void step(list_view::iterator& next) {
        if (next == list_view::end()) {
            open_.pop_back();
            return;
        }
        const value_view item = *next;
        ++next;
        look_at(item);
    }
    void look_at(std::string_view text) {
        const auto* const begin = within_.data();
        require(text.empty() || (text.data() >= begin && text.data() + text.size() <= begin + within_.size()),
                "a view shows nothing but its bytes");
        all_utf8_ = all_utf8_ && is_valid_utf8(text);
    }
    void look_at(const value_view& v) {
        ++nodes_;
        const value_kind kind = v.kind();
        require(v.number().has_value() == (kind == value_kind::number) &&
                    v.boolean().has_value() == (kind == value_kind::boolean) &&
                    v.string().has_value() == (kind == value_kind::string) &&
                    v.object().has_value() == (kind == value_kind::object) &&
                    v.list().has_value() == (kind == value_kind::list) &&
                    v.is_null() == (kind == value_kind::null),
                "a value has the content of its kind and no other");
        if (kind == value_kind::string) {
            look_at(*v.string());
        } else if (kind == value_kind::number) {
            all_finite_ = all_finite_ && std::isfinite(*v.number());
        } else if (kind == value_kind::object) {
            open_.emplace_back(v.members().begin());
        } else if (kind == value_kind::list) {
            open_.emplace_back(v.items().begin());
        }
    }

    std::string_view within_;
    std::vector<std::variant<object_view::iterator, list_view::iterator>> open_;
    std::size_t nodes_ = 0;
    std::size_t depth_ = 0;
    bool all_utf8_ = true;
    bool all_finite_ = true;
    bool nul_in_key_ = false;
};

/// The size as BSON, as plainly as it can be written.
std::size_t document_bytes(const value& v) {
    std::size_t bytes = 0;
    if (v.number() != nullptr) {
        bytes = 8;
    } else if (v.boolean() != nullptr) {
        bytes = 1;
    } else if (v.string() != nullptr) {
        bytes = 5 + v.string()->size();
    } else if (v.items() != nullptr) {
        bytes = 5;
        for (std::size_t i = 0; i < v.items()->size(); ++i) {
            bytes += 2 + std::to_string(i).size() + document_bytes((*v.items())[i]);
        }
    } else if (v.members() != nullptr) {
        bytes = 5;
        for (const value::member& m : *v.members()) {
            bytes += 2 + m.key.size() + document_bytes(m.content);
        }
    }
    return bytes;
}

template <typename Object>
void check_written(const Object& object, const value& tree, const walk& seen, bool keys_stand_once) {
    byte_buffer out;
    wire::writer wire{out};
    value_writer members{wire, "payload", SIZE_MAX, max_input_depth};
    write_members(members, object);
    members.finish();
    if (members.fault()) {
        require(!seen.all_finite() || seen.nul_in_key(), "only what cannot be kept is refused by the writer");
        return;
    }
    wire.finish();
    const auto size = check_payload(out.bytes());
    require(size.has_value(), "what is written passes the check");
    require(*size == members.document_bytes(), "writer and check measure the same document");
    require(same(value{object_view{out.bytes()}}, tree), "what is written reads back the same");
    if (keys_stand_once) {
        require(*size == document_bytes(tree), "a document has the size that its tree has");
    }
}

void check_view(bytes_view input) {
    const object_view object{input};
    const walk seen{object, input};
    const auto checked = check_payload(input);
    if (!checked) {
        require(std::string_view{to_string(checked.error())} != "unknown", "a refusal has a name");
        return;
    }
    require(seen.depth() <= max_input_depth, "no payload deeper than 100 containers is accepted");
    require(seen.all_utf8(), "no text that is not UTF-8 is accepted");
    const value tree{object};
    require(*checked >= document_bytes(tree), "the measured document is an upper bound");
    constexpr std::size_t enough = 16;
    for (std::size_t i = 0; i < std::min(tree.members()->size(), enough); ++i) {
        const value::member& m = (*tree.members())[i];
        require(same(value{*object.find(m.key)}, m.content), "of equal keys the last one counts");
    }
    check_written(object, tree, seen, false);
    check_written(tree, tree, seen, true);
}

const registration payload_target{{"payload", check_view}};

} // namespace
} // namespace distworker::fuzz
