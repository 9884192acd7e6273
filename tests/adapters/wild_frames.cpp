#include "wild_frames.hpp"

#include <distworker/protobuf.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace distworker::testing {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr unsigned varint = 0;
constexpr unsigned fixed64 = 1;
constexpr unsigned length = 2;
constexpr unsigned fixed32 = 5;

unsigned wire_type_of(const FieldDescriptor& field) {
    switch (field.type()) {
    case FieldDescriptor::TYPE_DOUBLE:
        return fixed64;
    case FieldDescriptor::TYPE_FLOAT:
        return fixed32;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
        return length;
    default:
        return varint;
    }
}

class wild_writer {
public:
    explicit wild_writer(std::uint64_t seed) : random_{seed} {}

    // Type and payload agree mostly; further payloads may stand before it.
    std::string frame() {
        const Descriptor& envelope = *messages::WebSocketMessage::descriptor();
        constexpr std::array types{2, 3, 9, 10, 10, 10, 11, 12, 13};
        const int type = pick(types);
        std::string out;
        if (once_in(10)) {
            field(out, envelope, *envelope.FindFieldByNumber(pick(types)));
        }
        put_tag(out, 1, varint);
        put_varint(out, once_in(20) ? below(20) : static_cast<std::uint64_t>(type));
        field(out, envelope, *envelope.FindFieldByNumber(type));
        if (once_in(20)) {
            unknown(out);
        }
        return out;
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    template <typename List>
    typename List::value_type pick(const List& from) {
        return from.at(below(from.size()));
    }

    // Now and then in more bytes than it takes.
    void put_varint(std::string& out, std::uint64_t number) {
        for (; number >= 0x80; number >>= 7U) {
            out += static_cast<char>(number | 0x80U);
        }
        if (once_in(100)) {
            out += static_cast<char>(number | 0x80U);
            out.append(below(5), '\x80');
            number = below(50) == 0 ? 1 : 0;
        }
        out += static_cast<char>(number);
    }

    void put_tag(std::string& out, std::uint64_t id, unsigned type) { put_varint(out, (id << 3U) | type); }

    std::string text() {
        using namespace std::string_view_literals;
        constexpr std::array texts{""sv,     "a"sv,      "k"sv,
                                   "key"sv,  "task-1"sv, "Gr\xC3\xBC\xC3\x9F"sv,
                                   "a\0b"sv, "[]"sv,     "\xF0\x9F\x98\x80"sv,
                                   "k"sv,    "longer"sv, "\xEF\xBF\xBF"sv};
        constexpr std::array bad{"\xFF"sv, "\xC0\x80"sv, "\xED\xA0\x80"sv, "\xE2\x82"sv,
                                 "\xF4\x90\x80\x80"sv};
        return std::string{once_in(60) ? pick(bad) : pick(texts)} + std::string(once_in(30) ? 200 : 0, 'x');
    }

    std::uint64_t number() { return once_in(2) ? below(3) : random_() >> below(64); }

    void content(std::string& out, unsigned type) {
        switch (type) {
        case varint:
            put_varint(out, number());
            break;
        case fixed64:
        case fixed32:
            for (unsigned i = 0; i < (type == fixed64 ? 8U : 4U); ++i) {
                out += static_cast<char>(below(256));
            }
            break;
        default:
            put_text(out, text());
            break;
        }
    }

    void put_text(std::string& out, std::string_view content) {
        put_varint(out, content.size());
        out += content;
    }

    // A field that the schema does not have, or that nothing has.
    void unknown(std::string& out) {
        if (once_in(10)) { // a group, an empty one or one that never ends
            put_tag(out, 14, 3);
            if (!once_in(4)) {
                put_tag(out, 14, 4);
            }
            return;
        }
        if (once_in(20)) { // wire types 6 and 7; field number 0; a tag above 32 bits
            constexpr std::array<std::uint64_t, 4> tags{14, 15, 2, (std::uint64_t{1} << 32U) | 0x70U};
            put_varint(out, pick(tags));
            put_varint(out, 0);
            return;
        }
        constexpr std::array<std::uint64_t, 5> ids{14, 15, 16, 19'500, (1U << 29U) - 1};
        constexpr std::array types{varint, fixed64, length, fixed32};
        const unsigned type = pick(types);
        put_tag(out, pick(ids), type);
        content(out, type);
    }

    void field(std::string& out, const Descriptor& in, const FieldDescriptor& field) {
        const auto id = static_cast<std::uint64_t>(field.number());
        const bool is_message = field.type() == FieldDescriptor::TYPE_MESSAGE;
        if (once_in(40) && &in != messages::WebSocketMessage::descriptor()) {
            constexpr std::array types{varint, fixed64, length, fixed32};
            const unsigned other = pick(types);
            if (other != length || !is_message) {
                put_tag(out, id, other);
                content(out, other);
                return;
            }
        }
        const unsigned type = wire_type_of(field);
        put_tag(out, id, type);
        if (is_message) {
            std::string inside = message(*field.message_type());
            if (once_in(300) && !inside.empty()) {
                inside.pop_back();
            }
            put_text(out, inside);
        } else {
            content(out, type);
        }
    }

    std::string message(const Descriptor& type) {
        std::string out;
        if (depth_ > 12) {
            return out;
        }
        ++depth_;
        // Which fields stand in it, in a random order: singular ones mostly once.
        std::vector<int> order;
        const bool choice = type.oneof_decl_count() > 0;
        for (int i = 0; i < type.field_count(); ++i) {
            const bool wanted =
                choice ? once_in(static_cast<std::uint64_t>(type.field_count())) : !once_in(6);
            const std::uint64_t times = !wanted                        ? 0
                                        : type.field(i)->is_repeated() ? below(4)
                                        : once_in(100)                 ? 2
                                                                       : 1;
            order.insert(order.end(), times, i);
        }
        std::shuffle(order.begin(), order.end(), random_);
        for (const int i : order) {
            field(out, type, *type.field(i));
            if (once_in(60)) {
                unknown(out);
            }
        }
        --depth_;
        return out;
    }

    std::mt19937_64 random_;
    int depth_ = 0;
};

} // namespace

std::vector<std::byte> wild_frame(std::uint64_t seed) {
    const std::string frame = wild_writer{seed}.frame();
    const auto bytes = std::as_bytes(std::span{frame});
    return {bytes.begin(), bytes.end()};
}

} // namespace distworker::testing
