// Signs and verifies HTTP requests to the controller: file download and upload (protocol, section 5).
//
// Put the headers of the request together first, `x-distworker-date` among them; sign; send the request with
// the `Authorization` that comes back. Pure text: no HTTP is spoken here.
#pragma once

#include <distworker/crypto.hpp>
#include <distworker/secret.hpp>
#include <distworker/signing.hpp>

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distworker {

/// One header of a request.
struct http_header {
    std::string_view name;  ///< In any case.
    std::string_view value; ///< Blanks and tabs around it do not count.
};

/// Headers of a signed request; the second may be missing.
inline constexpr std::string_view date_header = "x-distworker-date";
inline constexpr std::string_view content_sha256_header = "x-distworker-content-sha256";
/// The payload's hash when the request has no `x-distworker-content-sha256`.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

/// What is signed of a request. Views: valid during the call only.
struct http_request {
    std::string_view method; ///< Signed in upper case.
    std::string_view path;   ///< As it goes over the wire, percent-encoded; begins with `/`.
    std::string_view query;  ///< Raw, without the `?`; empty when there is none.
    /// All headers; those whose lower-cased name begins with `x-distworker-` are signed.
    std::span<const http_header> headers;
};

/// A request as it is signed.
struct canonical_form {
    std::string text;           ///< The canonical request.
    std::string signed_headers; ///< Lower-cased names, sorted, joined by `;`.
};

/// What both sides compute the signature of. Of two headers with one name both are signed, in their order.
[[nodiscard]] canonical_form canonical_request(const http_request& request);

/// A signature and what it is of.
struct signed_request {
    std::string canonical;      ///< For tests and for finding out why a signature is refused.
    std::string signed_headers; ///< As in `Authorization`.
    std::string signature_hex;  ///< 64 lower-case digits.
    std::string authorization;  ///< The value of the `Authorization` header.
};

/// Signs `request`. The day of the key is that of its `x-distworker-date`, which must be among the headers
/// (an empty one is used when it is not, and the controller refuses it). `worker_id` is the worker's id, or
/// an anonymous worker's provisioner.
[[nodiscard]] std::expected<signed_request, signing_error> sign_request(const crypto& crypto,
                                                                        const secret& token,
                                                                        std::string_view worker_id,
                                                                        const http_request& request);

/// The parts of an `Authorization` value. Views into the parsed text.
struct authorization_parts {
    std::string_view worker_id;      ///< Or an anonymous worker's provisioner.
    std::string_view signed_headers; ///< Names, joined by `;`, as the sender claims.
    std::string_view signature_hex;  ///< 64 lower-case digits.
};

/// Reads `DISTWORKER1_HMAC_SHA256 workerId=ID, SignedHeaders=..., Signature=HEX`; empty for anything else.
[[nodiscard]] std::optional<authorization_parts> parse_authorization(std::string_view value) noexcept;

/// The controller's side: whether `claimed` was made with `token` for exactly this request. Constant time.
/// The date's age is checked apart, against `signing_date_tolerance`; who looks up the token is the caller.
[[nodiscard]] std::expected<bool, signing_error> verify_request(const crypto& crypto, const secret& token,
                                                                const http_request& request,
                                                                const authorization_parts& claimed);

/// Lower-case hex of `bytes`.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);

} // namespace distworker
