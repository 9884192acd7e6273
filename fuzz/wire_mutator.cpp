// How libFuzzer changes protobuf's wire format: a field somewhere inside, with the lengths around it put
// right. Changes to single bytes hardly ever get past the lengths; half of the changes are such all the same.
#include <distworker/wire_reader.hpp>
#include <distworker/wire_writer.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed);

namespace distworker::fuzz {
namespace {

using bytes = std::vector<std::byte>;
using bytes_view = std::span<const std::byte>;

/// A field as it stands on the wire, tag included; `content` when it has a length.
struct raw_field {
    bytes_view all;
    bytes_view content;
    std::uint32_t id = 0;
    bool has_length = false;
};

std::vector<raw_field> fields_of(bytes_view message) {
    std::vector<raw_field> fields;
    wire::reader reader{message};
    const std::byte* begin = reader.position();
    for (wire::field f; reader.next(f); begin = reader.position()) {
        const bool has_length = f.type == wire::wire_type::length;
        fields.push_back({{begin, reader.position()}, has_length ? f.bytes : bytes_view{}, f.id, has_length});
    }
    return fields;
}

class mutation {
public:
    explicit mutation(unsigned seed) : random_{seed} {}

    [[nodiscard]] bytes of(bytes_view message) {
        std::vector<raw_field> fields = fields_of(message);
        if (fields.empty() || one_in(8)) {
            return plain(message);
        }
        const std::size_t at = below(fields.size());
        const raw_field chosen = fields[at];
        if (chosen.has_length && !one_in(3)) {
            const bytes changed = of(chosen.content);
            byte_buffer field;
            wire::writer{field}.bytes(chosen.id, changed);
            return joined(fields, at, field.bytes());
        }
        const auto place = fields.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(4)) {
        case 0: // one less
            fields.erase(place);
            return joined(fields, fields.size(), {});
        case 1: // once more
            fields.insert(place, fields[below(fields.size())]);
            return joined(fields, fields.size(), {});
        case 2: // in another order
            std::swap(*place, fields[below(fields.size())]);
            return joined(fields, fields.size(), {});
        default:
            return joined(fields, at, plain(chosen.all));
        }
    }

private:
    [[nodiscard]] std::size_t below(std::size_t limit) { return random_() % limit; }
    [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }

    // The message again, with the field at `at` replaced.
    static bytes joined(const std::vector<raw_field>& fields, std::size_t at, bytes_view replacement) {
        bytes out;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const bytes_view field = i == at ? replacement : fields[i].all;
            out.insert(out.end(), field.begin(), field.end());
        }
        return out;
    }

    static bytes plain(bytes_view content) {
        constexpr std::size_t room = 32;
        bytes out{content.begin(), content.end()};
        out.resize(content.size() + room);
        out.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(out.data()), content.size(), out.size()));
        return out;
    }

    std::minstd_rand random_;
};

} // namespace
} // namespace distworker::fuzz

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed) {
    if (seed % 2 == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    const auto changed = distworker::fuzz::mutation{seed}.of(std::as_bytes(std::span{data, size}));
    if (changed.size() > max_size) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    std::ranges::transform(changed, data, [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    return changed.size();
}
