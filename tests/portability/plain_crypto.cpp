// SHA-256, SHA-1 (FIPS 180-4) and HMAC (FIPS 198-1) in as few lines as they take, for tests of builds that
// have no crypto library. The vectors judge it. Not for anything else: it is slow, and its random bytes are
// none.
#include <distworker/openssl_crypto.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace distworker {
namespace {

using words = std::vector<std::uint32_t>;
using bytes = std::vector<std::byte>;

// The message as 32-bit words with its padding: whole blocks of sixteen.
words padded(std::span<const std::byte> data) {
    words out((data.size() + 8) / 64 * 16 + 16);
    const auto put = [&](std::size_t at, std::uint32_t octet) { out[at / 4] |= octet << (24 - at % 4 * 8); };
    for (std::size_t i = 0; i < data.size(); ++i) {
        put(i, std::to_integer<std::uint32_t>(data[i]));
    }
    put(data.size(), 0x80);
    out[out.size() - 2] = static_cast<std::uint32_t>(std::uint64_t{data.size()} >> 29U);
    out[out.size() - 1] = static_cast<std::uint32_t>(std::uint64_t{data.size()} << 3U);
    return out;
}

template <std::size_t Size>
std::array<std::byte, Size * 4> as_bytes(const std::array<std::uint32_t, Size>& state) {
    std::array<std::byte, Size * 4> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<std::byte>(state[i / 4] >> (24 - i % 4 * 8));
    }
    return out;
}

// The first 32 bits behind the point of a root of a prime.
std::uint32_t fraction(long double root) {
    return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
}

std::vector<unsigned> primes(std::size_t count) {
    std::vector<unsigned> out;
    for (unsigned n = 2; out.size() < count; ++n) {
        if (std::ranges::none_of(out, [n](unsigned p) { return n % p == 0; })) {
            out.push_back(n);
        }
    }
    return out;
}

digest32 sha256_of(std::span<const std::byte> data) {
    const auto prime = primes(64);
    std::array<std::uint32_t, 8> state{};
    std::ranges::transform(prime.begin(), prime.begin() + 8, state.begin(),
                           [](unsigned p) { return fraction(std::sqrt(static_cast<long double>(p))); });
    const words message = padded(data);
    for (std::size_t block = 0; block < message.size(); block += 16) {
        words w(message.begin() + static_cast<std::ptrdiff_t>(block),
                message.begin() + static_cast<std::ptrdiff_t>(block) + 16);
        auto [a, b, c, d, e, f, g, h] = state;
        for (std::size_t i = 0; i < 64; ++i) {
            if (i >= 16) {
                const std::uint32_t x = w[i - 15];
                const std::uint32_t y = w[i - 2];
                w.push_back(w[i - 16] + (std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3U) + w[i - 7] +
                            (std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10U));
            }
            const std::uint32_t k = fraction(std::cbrt(static_cast<long double>(prime[i])));
            const std::uint32_t one =
                h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + k + w[i];
            const std::uint32_t two =
                (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
        }
        const std::array<std::uint32_t, 8> next{a, b, c, d, e, f, g, h};
        std::ranges::transform(state, next, state.begin(), std::plus{});
    }
    return as_bytes(state);
}

digest20 sha1_of(std::span<const std::byte> data) {
    std::array<std::uint32_t, 5> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const words message = padded(data);
    for (std::size_t block = 0; block < message.size(); block += 16) {
        words w(message.begin() + static_cast<std::ptrdiff_t>(block),
                message.begin() + static_cast<std::ptrdiff_t>(block) + 16);
        auto [a, b, c, d, e] = state;
        for (std::size_t i = 0; i < 80; ++i) {
            if (i >= 16) {
                w.push_back(std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1));
            }
            const std::uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                                    : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                                    : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                             : (b ^ c ^ d) + 0xca62c1d6;
            const std::uint32_t next = std::rotl(a, 5) + f + e + w[i];
            e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
        }
        const std::array<std::uint32_t, 5> next{a, b, c, d, e};
        std::ranges::transform(state, next, state.begin(), std::plus{});
    }
    return as_bytes(state);
}

class plain_crypto final : public crypto {
public:
    std::expected<digest32, crypto_error> hmac_sha256(std::span<const std::byte> key,
                                                      std::span<const std::byte> data) const override {
        std::array<std::byte, 64> block{};
        const auto short_key = key.size() > block.size() ? sha256_of(key) : digest32{};
        std::ranges::copy(key.size() > block.size() ? std::span<const std::byte>{short_key} : key,
                          block.begin());
        const auto hashed = [&](std::byte pad, std::span<const std::byte> content) {
            bytes whole;
            std::ranges::transform(block, std::back_inserter(whole), [pad](std::byte b) { return b ^ pad; });
            whole.insert(whole.end(), content.begin(), content.end());
            return sha256_of(whole);
        };
        return hashed(std::byte{0x5c}, hashed(std::byte{0x36}, data));
    }
    std::expected<digest32, crypto_error> sha256(std::span<const std::byte> data) const override {
        return sha256_of(data);
    }
    std::expected<digest20, crypto_error> sha1(std::span<const std::byte> data) const override {
        return sha1_of(data);
    }
    std::expected<void, crypto_error> random(std::span<std::byte> out) const override {
        std::ranges::fill(out, std::byte{0x5a});
        return {};
    }
    std::string description() const override { return "plain"; }
};

} // namespace

std::shared_ptr<const crypto> make_openssl_crypto() {
    return std::make_shared<plain_crypto>();
}

} // namespace distworker
