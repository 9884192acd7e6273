// A crypto backend on the one-shot functions of a library, here OpenSSL's.
#pragma once

#include <distworker/crypto.hpp>

#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

class one_shot_crypto final : public distworker::crypto {
public:
    std::expected<distworker::digest32, distworker::crypto_error>
    hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> data) const override {
        distworker::digest32 digest{};
        unsigned size = 0;
        // An empty key is a key as well, but not a null pointer.
        const void* const begin = key.empty() ? static_cast<const void*>("") : key.data();
        if (::HMAC(::EVP_sha256(), begin, static_cast<int>(key.size()), octets(data), data.size(),
                   octets(digest), &size) == nullptr) {
            return std::unexpected{distworker::crypto_error{"the library refuses HMAC-SHA256"}};
        }
        return digest;
    }
    std::expected<distworker::digest32, distworker::crypto_error>
    sha256(std::span<const std::byte> data) const override {
        distworker::digest32 digest{};
        ::SHA256(octets(data), data.size(), octets(digest));
        return digest;
    }
    std::expected<distworker::digest20, distworker::crypto_error>
    sha1(std::span<const std::byte> data) const override {
        distworker::digest20 digest{};
        ::SHA1(octets(data), data.size(), octets(digest));
        return digest;
    }
    std::expected<void, distworker::crypto_error> random(std::span<std::byte> out) const override {
        if (::RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1) {
            return std::unexpected{distworker::crypto_error{"the library has no randomness"}};
        }
        return {};
    }
    std::string description() const override { return "OpenSSL, one-shot"; }

private:
    static const unsigned char* octets(std::span<const std::byte> bytes) {
        return reinterpret_cast<const unsigned char*>(bytes.data());
    }
    template <typename Digest>
    static unsigned char* octets(Digest& digest) {
        return reinterpret_cast<unsigned char*>(digest.data());
    }
};
