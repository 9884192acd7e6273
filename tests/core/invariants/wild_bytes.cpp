#include "core/invariants/wild_bytes.hpp"

#include <distworker/random.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace distworker::testing {
namespace {

using namespace std::string_view_literals;

class wild_writer {
public:
    explicit wild_writer(std::uint64_t seed) : random_{seed} {}

    std::string frame() {
        constexpr std::array types{10, 10, 10, 10, 3, 2, 9, 11, 12, 13};
        const auto type = static_cast<std::uint64_t>(pick(types));
        std::string out;
        number_field(out, 1, once_in(15) ? below(20) : type);
        if (type == 10) {
            text_field(out, 10, assignment());
        } else {
            text_field(out, type, message(0));
        }
        if (once_in(20)) {
            field(out, 0);
        }
        if (once_in(20)) {
            out.resize(below(out.size() + 1));
        }
        return out;
    }

private:
    std::uint64_t below(std::uint64_t bound) { return scale_random(random_.next(), bound - 1); }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    template <typename List>
    typename List::value_type pick(const List& from) {
        return from[below(from.size())];
    }

    static void varint(std::string& out, std::uint64_t number) {
        for (; number >= 0x80; number >>= 7U) {
            out += static_cast<char>(number | 0x80U);
        }
        out += static_cast<char>(number);
    }
    static void tag(std::string& out, std::uint64_t id, std::uint64_t type) { varint(out, id << 3U | type); }
    static void number_field(std::string& out, std::uint64_t id, std::uint64_t number) {
        tag(out, id, 0);
        varint(out, number);
    }
    void text_field(std::string& out, std::uint64_t id, std::string_view text) {
        tag(out, id, 2);
        varint(out, text.size() + (once_in(100) ? below(9) : 0));
        out += text;
    }

    std::string text() {
        constexpr std::array texts{
            ""sv,        "a"sv,       "task-1"sv, "task-2"sv, "math.add"sv, "a\0b"sv, "Gr\xC3\xBC\xC3\x9F"sv,
            "../../x"sv, "\x1B[31m"sv};
        constexpr std::array bad{"\xFF"sv, "\xC0\x80"sv, "\xED\xA0\x80"sv, "\xE2\x82"sv};
        const std::string_view chosen = once_in(30) ? pick(bad) : pick(texts);
        return std::string{chosen} + std::string(once_in(40) ? below(1200) : 0, 'x');
    }

    // A Struct, more or less: entries with a key and a Value.
    std::string object(int depth) {
        std::string out;
        for (std::uint64_t entries = below(4); entries > 0; --entries) {
            std::string entry;
            text_field(entry, 1, text());
            text_field(entry, 2, content(depth + 1));
            if (once_in(30)) {
                field(entry, depth);
            }
            text_field(out, 1, entry);
        }
        return out;
    }
    std::string content(int depth) {
        std::string out;
        switch (depth > 4 ? below(4) : below(6)) {
        case 0:
            number_field(out, 1, below(3)); // null
            break;
        case 1:
            tag(out, 2, 1);
            for (int i = 0; i < 8; ++i) {
                out += static_cast<char>(below(256)); // any double, NaN too
            }
            break;
        case 2:
            text_field(out, 3, text());
            break;
        case 3:
            number_field(out, 4, below(3));
            break;
        case 4:
            text_field(out, 5, object(depth));
            break;
        default: {
            std::string items;
            for (std::uint64_t count = below(3); count > 0; --count) {
                text_field(items, 1, content(depth + 1));
            }
            text_field(out, 6, items);
            break;
        }
        }
        return out;
    }

    std::string assignment() {
        std::string out;
        constexpr std::array timeouts{std::uint64_t{0}, std::uint64_t{500}, UINT64_MAX,
                                      static_cast<std::uint64_t>(INT64_MAX),
                                      static_cast<std::uint64_t>(INT64_MIN)};
        if (!once_in(20)) {
            text_field(out, 1, text());
        }
        text_field(out, 2, text());
        text_field(out, 3, object(0));
        text_field(out, once_in(40) ? 3 : 4, object(0));
        number_field(out, 5, pick(timeouts));
        if (once_in(4)) {
            text_field(out, 6, message(3));
        }
        if (once_in(15)) {
            field(out, 0);
        }
        return out;
    }

    // Any field of any message.
    void field(std::string& out, int depth) {
        constexpr std::array<std::uint64_t, 12> ids{1, 1, 2, 3, 4, 5, 6, 10, 14, 0, 19'500, (1U << 29U) - 1};
        const std::uint64_t id = pick(ids);
        switch (below(12)) {
        case 0:
            tag(out, id, 1);
            out += "12345678";
            break;
        case 1:
            tag(out, id, 5);
            out += "1234";
            break;
        case 2: // groups, and wire types that nothing has
            tag(out, id, 3 + below(5));
            break;
        case 3:
            tag(out, id, 0);
            out.append(below(11), '\x80'); // more bytes than a number takes
            out += '\x01';
            break;
        case 4:
        case 5:
            number_field(out, id, random_.next() >> below(64));
            break;
        default:
            text_field(out, id, depth < 5 && !once_in(3) ? message(depth + 1) : text());
            break;
        }
    }
    std::string message(int depth) {
        std::string out;
        for (std::uint64_t fields = below(4); fields > 0; --fields) {
            field(out, depth);
        }
        return out;
    }

    seeded_random random_;
};

} // namespace

std::vector<std::byte> wild_bytes(std::uint64_t seed) {
    const std::string frame = wild_writer{seed}.frame();
    const auto bytes = std::as_bytes(std::span{frame});
    return {bytes.begin(), bytes.end()};
}

} // namespace distworker::testing
