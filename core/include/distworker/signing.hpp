// Proves to the controller who we are: the signature of a registration (protocol, section 3).
//
// An engine gets a `signer` and calls it once per registration; `make_signer` makes one from a fixed token.
// Give it a function of your own to read the token anew each time. The other side is `verify_registration`.
// Signed HTTP requests are in `request_signing.hpp`.
#pragma once

#include <distworker/crypto.hpp>
#include <distworker/move_only_function.hpp>
#include <distworker/secret.hpp>
#include <distworker/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distworker {

/// Why something could not be signed.
struct signing_error {
    /// What was missing.
    enum class kind : std::uint8_t {
        clock_not_set,     ///< The wall clock shows a year before 2020 or after 9999.
        token_unavailable, ///< The token could not be read (a `signer` of the application's own).
        crypto_failed,     ///< The crypto library refused.
    };
    kind what = kind::crypto_failed; ///< Which of them.
    /// Cause and next step in words; holds no token, key or signature.
    std::string message;
};

/// A date as it is signed and sent: exactly "YYYYMMDDThhmmssZ", UTC, ASCII whatever the locale says.
class date_text {
public:
    /// Takes the text unchecked: `signing_date` makes one.
    explicit constexpr date_text(const std::array<char, 16>& text) noexcept : text_{text} {}
    /// Valid as long as this object lives.
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text_.data(), text_.size()}; }
    [[nodiscard]] friend constexpr bool operator==(const date_text&, const date_text&) noexcept = default;

private:
    std::array<char, 16> text_;
};

/// How far a signed date may be from the controller's clock, either way (protocol, section 3).
inline constexpr std::chrono::minutes signing_date_tolerance{5};

/// The date to sign, from ONE reading of the wall clock. Refuses a clock that is plainly not set: before
/// 2020 or after 9999.
[[nodiscard]] std::expected<date_text, signing_error> signing_date(wall_time now);

/// Reads "YYYYMMDDThhmmssZ" back; empty when it is anything else or no such day or time exists.
[[nodiscard]] std::optional<wall_time> parse_signing_date(std::string_view date) noexcept;

/// HMAC-SHA256("DISTWORKER1" || token, YYYYMMDD), the date being the part before the `T`. Wiped after use by
/// the returned object. Any token and any date are taken; checking them is the configuration's.
[[nodiscard]] std::expected<secret, signing_error> date_key(const crypto& crypto, const secret& token,
                                                            std::string_view date);

/// What a key signs: HMAC-SHA256(date_key, scope).
[[nodiscard]] std::expected<secret, signing_error> signing_key(const crypto& crypto, const secret& date_key,
                                                               std::string_view scope);
/// The scope of a registration, and that of an HTTP request.
inline constexpr std::string_view websocket_scope = "distworker1_websocket";
inline constexpr std::string_view request_scope = "distworker1_request";

/// The signature of `data`, which is exactly what goes out as `WorkerRegister.data`; `date` is the one
/// inside.
[[nodiscard]] std::expected<digest32, signing_error> sign_registration(const crypto& crypto,
                                                                       const secret& token,
                                                                       std::string_view date,
                                                                       std::span<const std::byte> data);

/// The controller's side: whether `signature` is the right one for `data`. Constant time. The age of the
/// date is checked apart, against `signing_date_tolerance`. Fails only when the crypto library does.
[[nodiscard]] std::expected<bool, signing_error>
verify_registration(const crypto& crypto, const secret& token, std::string_view date,
                    std::span<const std::byte> data, std::span<const std::byte> signature);

/// Signs one registration. Called by an engine on its own thread, once per attempt; a signature is never
/// used twice. Must not block for long: reading a small file is fine.
using signer = move_only_function<std::expected<digest32, signing_error>(std::string_view date,
                                                                         std::span<const std::byte> data)>;

/// A signer with a fixed token, which it owns and wipes at its end. `crypto` must not be null.
[[nodiscard]] signer make_signer(std::shared_ptr<const crypto> crypto, secret token);

} // namespace distworker
