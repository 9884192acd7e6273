#include "support/certificate.hpp"

#include "support/require.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <stdexcept>

namespace distworker::testing {
certificate::certificate(const std::string& names) : certificate{names, validity{}} {}

certificate::certificate(const std::string& names, validity valid) {
    EVP_PKEY* const key = ::EVP_EC_gen("P-256");
    X509* const made = ::X509_new();
    ::X509_set_version(made, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(made), static_cast<long>(valid.begins.count()));
    ::X509_gmtime_adj(::X509_getm_notAfter(made), static_cast<long>(valid.ends.count()));
    ::X509_set_pubkey(made, key);
    X509_NAME* const subject = ::X509_get_subject_name(made);
    ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>("distworker test"), -1, -1, 0);
    ::X509_set_issuer_name(made, subject);
    X509_EXTENSION* const extension =
        ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    require(extension != nullptr, "bad names for a certificate");
    ::X509_add_ext(made, extension, -1);
    ::X509_EXTENSION_free(extension);
    require(::X509_sign(made, key, ::EVP_sha256()) > 0, "a certificate cannot be signed");
    for (const bool is_key : {false, true}) {
        std::FILE* const out = std::fopen((is_key ? key_file() : file()).c_str(), "w");
        require(out != nullptr, "a certificate cannot be written");
        is_key ? ::PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr)
               : ::PEM_write_X509(out, made);
        std::fclose(out);
    }
    unsigned char* der = nullptr;
    const int size = ::i2d_X509_PUBKEY(::X509_get_X509_PUBKEY(made), &der);
    std::array<unsigned char, 32> hash{};
    require(size > 0 && ::EVP_Digest(der, static_cast<std::size_t>(size), hash.data(), nullptr,
                                     ::EVP_sha256(), nullptr) == 1,
            "a public key cannot be hashed");
    ::OPENSSL_free(der);
    std::array<char, 45> encoded{};
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), hash.data(),
                      static_cast<int>(hash.size()));
    pin_ = std::string{"sha256//"} + encoded.data();
    ::X509_free(made);
    ::EVP_PKEY_free(key);
}

} // namespace distworker::testing
