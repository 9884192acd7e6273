#include "botan_tls_settings.hpp"

#include <botan/hash.h>
#include <botan/system_rng.h>
#include <botan/tls_callbacks.h>
#include <botan/tls_client.h>
#include <botan/tls_exceptn.h>
#include <botan/tls_messages.h>
#include <botan/tls_session_manager.h>
#include <botan/x509path.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace distworker {
namespace {

bool is_address(const std::string& host) {
    return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

// Botan compares names only; an address must be among the certificate's addresses. It reads those of IPv4: a
// certificate for an IPv6 address is refused.
bool made_for(const Botan::X509_Certificate& certificate, const std::string& host) {
    if (!is_address(host)) {
        return certificate.matches_dns_name(host);
    }
    const auto addresses = certificate.subject_alt_name().get_attribute("IP");
    return std::ranges::find(addresses, host) != addresses.end();
}

// Whether it signed itself and is among what is trusted: Botan finds no path for those, which are their own
// authority. (Its certificate_known is content with an equal name.)
bool is_trusted_itself(const Botan::X509_Certificate& certificate,
                       const std::vector<Botan::Certificate_Store*>& trusted) {
    return certificate.is_self_signed() &&
           std::ranges::any_of(trusted, [&](const Botan::Certificate_Store* store) {
               return std::ranges::any_of(
                   store->find_all_certs(certificate.subject_dn(), certificate.subject_key_id()),
                   [&](const auto& known) { return *known == certificate; });
           });
}
bool is_valid_now(const Botan::X509_Certificate& certificate) {
    const auto now = std::chrono::system_clock::now();
    return certificate.not_before().to_std_timepoint() <= now &&
           now <= certificate.not_after().to_std_timepoint();
}

tls_fault fault_of(Botan::Certificate_Status_Code code) {
    switch (code) {
    case Botan::Certificate_Status_Code::CERT_NOT_YET_VALID:
    case Botan::Certificate_Status_Code::CERT_HAS_EXPIRED:
        return tls_fault::certificate_time;
    case Botan::Certificate_Status_Code::CERT_NAME_NOMATCH:
        return tls_fault::host;
    default:
        return tls_fault::authority;
    }
}

tls_fault fault_of(Botan::TLS::Alert::Type alert) {
    switch (alert) {
    case Botan::TLS::Alert::PROTOCOL_VERSION:
    case Botan::TLS::Alert::HANDSHAKE_FAILURE:
    case Botan::TLS::Alert::INSUFFICIENT_SECURITY:
        return tls_fault::version;
    case Botan::TLS::Alert::NO_APPLICATION_PROTOCOL:
    case Botan::TLS::Alert::UNSUPPORTED_EXTENSION:
        return tls_fault::protocol_choice;
    default:
        return tls_fault::handshake;
    }
}

} // namespace

class botan_tls_client::session final : public Botan::TLS::Callbacks {
public:
    session(std::shared_ptr<const botan_tls_settings> settings, const std::string& host)
        : settings_{std::move(settings)}, host_{host},
          client_{*this,
                  sessions_,
                  settings_->contents_->credentials,
                  settings_->contents_->policy,
                  Botan::system_rng(),
                  Botan::TLS::Server_Information{is_address(host) ? std::string{} : host},
                  Botan::TLS::Protocol_Version::TLS_V12} {}

    std::expected<void, failure> received(std::span<const std::byte> bytes) {
        first_byte_ = first_byte_ < 0 && !bytes.empty() ? std::to_integer<int>(bytes[0]) : first_byte_;
        return guarded([&] {
            client_.received_data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        });
    }
    std::expected<void, failure> send(std::span<const std::byte> plain_text) {
        return guarded([&] {
            client_.send(reinterpret_cast<const std::uint8_t*>(plain_text.data()), plain_text.size());
        });
    }
    void close() {
        if (!client_.is_closed()) {
            static_cast<void>(guarded([&] { client_.close(); }));
        }
    }

    bool established = false;
    bool closed_by_peer = false;
    std::vector<std::byte> outgoing;
    std::vector<std::byte> incoming;
    std::size_t incoming_read = 0;

private:
    template <typename Call>
    std::expected<void, failure> guarded(Call call) {
        try {
            call();
            if (refused_by_alert_) {
                return std::unexpected{*refused_by_alert_};
            }
            return {};
        } catch (const Botan::TLS::TLS_Exception& error) {
            return std::unexpected{verdict_.value_or(failure{judge(error.type()), error.what()})};
        } catch (const std::exception& error) {
            return std::unexpected{
                verdict_.value_or(failure{judge(Botan::TLS::Alert::NULL_ALERT), error.what()})};
        }
    }
    // What does not begin with a handshake record or an alert is no TLS.
    [[nodiscard]] tls_fault judge(Botan::TLS::Alert::Type alert) const {
        constexpr int alert_record = 21;
        constexpr int handshake_record = 22;
        if (!established && first_byte_ >= 0 && first_byte_ != alert_record &&
            first_byte_ != handshake_record) {
            return tls_fault::not_tls;
        }
        return fault_of(alert);
    }

    void tls_emit_data(const std::uint8_t data[], std::size_t size) override {
        const auto bytes = std::as_bytes(std::span{data, size});
        outgoing.insert(outgoing.end(), bytes.begin(), bytes.end());
    }
    void tls_record_received(std::uint64_t, const std::uint8_t data[], std::size_t size) override {
        if (incoming_read == incoming.size()) {
            incoming.clear();
            incoming_read = 0;
        }
        const auto bytes = std::as_bytes(std::span{data, size});
        incoming.insert(incoming.end(), bytes.begin(), bytes.end());
    }
    void tls_alert(Botan::TLS::Alert alert) override {
        if (alert.type() == Botan::TLS::Alert::CLOSE_NOTIFY) {
            closed_by_peer = true;
        } else if (alert.is_fatal()) {
            // A server that wanted a certificate and got none says so in several ways.
            const bool wanted_ours = certificate_wanted_ && settings_->contents_->credentials.chain.empty();
            refused_by_alert_ = failure{wanted_ours ? tls_fault::client_certificate : judge(alert.type()),
                                        "the controller's alert: " + alert.type_string()};
        }
    }
    void tls_inspect_handshake_msg(const Botan::TLS::Handshake_Message& message) override {
        certificate_wanted_ = certificate_wanted_ || message.type() == Botan::TLS::CERTIFICATE_REQUEST;
    }
    bool tls_session_established(const Botan::TLS::Session&) override {
        established = true;
        return false; // nothing is kept for a later connection
    }

    void tls_verify_cert_chain(const std::vector<Botan::X509_Certificate>& chain,
                               const std::vector<std::shared_ptr<const Botan::OCSP::Response>>& responses,
                               const std::vector<Botan::Certificate_Store*>& trusted, Botan::Usage_Type usage,
                               const std::string&, const Botan::TLS::Policy& policy) override {
        const auto& settings = *settings_->contents_;
        if (chain.empty()) {
            refuse(tls_fault::authority, "the controller sent no certificate");
        }
        if (settings.pinned) {
            const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
            const auto seen = hash->process(chain[0].subject_public_key_info());
            if (!std::equal(
                    seen.begin(), seen.end(), settings.pinned->begin(), settings.pinned->end(),
                    [](std::uint8_t a, std::byte b) { return a == std::to_integer<std::uint8_t>(b); })) {
                refuse(tls_fault::pinned_key, "another public key");
            }
        }
        if (settings.skip_verification) {
            return;
        }
        if (is_trusted_itself(chain[0], trusted)) {
            if (!is_valid_now(chain[0])) {
                refuse(tls_fault::certificate_time, "not valid now");
            }
            if (!chain[0].allowed_usage(usage)) {
                refuse(tls_fault::authority, "not a certificate for servers");
            }
        } else {
            validate(chain, responses, trusted, usage, policy);
        }
        if (!made_for(chain[0], host_)) {
            refuse(tls_fault::host, "not made for " + host_);
        }
    }
    void validate(const std::vector<Botan::X509_Certificate>& chain,
                  const std::vector<std::shared_ptr<const Botan::OCSP::Response>>& responses,
                  const std::vector<Botan::Certificate_Store*>& trusted, Botan::Usage_Type usage,
                  const Botan::TLS::Policy& policy) {
        const Botan::Path_Validation_Restrictions rules{policy.require_cert_revocation_info(),
                                                        policy.minimum_signature_strength()};
        const auto result =
            Botan::x509_path_validate(chain, rules, trusted, "", usage, std::chrono::system_clock::now(),
                                      tls_verify_cert_chain_ocsp_timeout(), responses);
        if (!result.successful_validation()) {
            refuse(fault_of(result.result()), result.result_string());
        }
    }
    [[noreturn]] void refuse(tls_fault why, std::string words) {
        verdict_ = failure{why, std::move(words)};
        throw Botan::TLS::TLS_Exception{Botan::TLS::Alert::BAD_CERTIFICATE, verdict_->words};
    }

    std::shared_ptr<const botan_tls_settings> settings_;
    std::string host_;
    int first_byte_ = -1;
    bool certificate_wanted_ = false;
    std::optional<failure> verdict_; // on the certificate
    std::optional<failure> refused_by_alert_;
    Botan::TLS::Session_Manager_Noop sessions_;
    Botan::TLS::Client client_; // last: it says its first words in its constructor
};

botan_tls_client::botan_tls_client(std::shared_ptr<const botan_tls_settings> settings,
                                   const std::string& host)
    : session_{std::make_unique<session>(std::move(settings), host)} {}
botan_tls_client::botan_tls_client(botan_tls_client&&) noexcept = default;
botan_tls_client& botan_tls_client::operator=(botan_tls_client&&) noexcept = default;
botan_tls_client::~botan_tls_client() = default;

std::expected<void, botan_tls_client::failure> botan_tls_client::received(std::span<const std::byte> bytes) {
    return session_->received(bytes);
}
std::expected<void, botan_tls_client::failure> botan_tls_client::send(std::span<const std::byte> plain_text) {
    return session_->send(plain_text);
}
void botan_tls_client::close() {
    session_->close();
}
bool botan_tls_client::established() const noexcept {
    return session_->established;
}
bool botan_tls_client::closed_by_peer() const noexcept {
    return session_->closed_by_peer;
}
bool botan_tls_client::has_outgoing() const noexcept {
    return !session_->outgoing.empty();
}
std::vector<std::byte> botan_tls_client::take_outgoing() {
    return std::exchange(session_->outgoing, {});
}
std::size_t botan_tls_client::plain_text_size() const noexcept {
    return session_->incoming.size() - session_->incoming_read;
}
std::size_t botan_tls_client::read(std::span<std::byte> into) {
    const std::size_t count = std::min(into.size(), plain_text_size());
    if (count != 0) {
        std::memcpy(into.data(), session_->incoming.data() + session_->incoming_read, count);
        session_->incoming_read += count;
    }
    return count;
}

} // namespace distworker
