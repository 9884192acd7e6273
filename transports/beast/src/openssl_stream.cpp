#include "byte_stream.hpp"
#include "connector.hpp"
#include "openssl_context.hpp"

#include <distworker/beast_connector.hpp>
#include <distworker/tls_fault.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string>
#include <utility>
#include <vector>

namespace distworker {
namespace beast {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

// Makes one handshake ask for, and insist on, the name or address in the URL. False when OpenSSL refuses it.
bool expect_peer(SSL* session, const controller_url& url) {
    const std::string name = url.tls_name();
    if (url.is_address()) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
    }
    // What the macro SSL_set_tlsext_host_name does, without its C cast.
    const long named = SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                const_cast<char*>(name.c_str()));
    return SSL_set1_host(session, name.c_str()) == 1 && named == 1;
}

class openssl_stream final : public byte_stream, public std::enable_shared_from_this<openssl_stream> {
public:
    openssl_stream(const asio::any_io_executor& executor, ssl::context& context) : tls_{executor, context} {}

    asio::ip::tcp::socket& socket() noexcept override { return tls_.next_layer(); }

    void secure(const controller_url& url, completed done) override {
        if (!expect_peer(tls_.native_handle(), url)) {
            asio::post(tls_.get_executor(), [done = std::move(done)]() mutable {
                done(make_error_code(boost::system::errc::invalid_argument));
            });
            return;
        }
        tls_.async_handshake(ssl::stream_base::client, [self = shared_from_this(), done = std::move(done)](
                                                           error_code error) mutable { done(error); });
    }

    void read_some(asio::mutable_buffer into, transferred done) override {
        tls_.async_read_some(into, [self = shared_from_this(),
                                    done = std::move(done)](error_code error, std::size_t size) mutable {
            self->count(size);
            done(error == ssl::error::stream_truncated ? asio::error::eof : error, size);
        });
    }

    // A record for each write, and OpenSSL takes one piece: small ones are put together.
    void write_some(const pieces& from, transferred done) override {
        std::vector<std::byte> record = first_record_of(from);
        const asio::const_buffer bytes = asio::buffer(record);
        tls_.async_write_some(bytes,
                              [self = shared_from_this(), record = std::move(record), done = std::move(done)](
                                  error_code error, std::size_t size) mutable { done(error, size); });
    }

    // The goodbye is written when this returns, unless the socket is full; the answer to it is not waited
    // for.
    void say_goodbye() override {
        tls_.async_shutdown([self = shared_from_this()](error_code) {});
        error_code ignored;
        socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }

    std::optional<link_end> blame(const error_code& error) const override {
        SSL* const session = const_cast<ssl::stream<asio::ip::tcp::socket>&>(tls_).native_handle();
        const bool in_handshake = SSL_is_init_finished(session) == 0;
        if (!in_handshake && error.category() != asio::error::get_ssl_category()) {
            return std::nullopt;
        }
        link_end end{.what = link_end::kind::tls, .detail = {}};
        const long verdict = SSL_get_verify_result(session);
        if (is_other_key(verdict)) {
            end.detail = describe(tls_fault::pinned_key, "another public key");
        } else if (in_handshake && verdict != X509_V_OK) {
            end.detail = describe(fault_of_verification(verdict), X509_verify_cert_error_string(verdict));
        } else {
            end.detail = describe(fault_of_words(error.message()), error.message());
        }
        return end;
    }

private:
    ssl::stream<asio::ip::tcp::socket> tls_;
};

class openssl_source final : public stream_source {
public:
    explicit openssl_source(std::optional<ssl::context> loaded) noexcept : context_{std::move(loaded)} {}

    std::shared_ptr<byte_stream> make(const asio::any_io_executor& executor) override {
        if (!context_) {
            context_.emplace(*load_openssl_context({})); // which reports no fault
        }
        return std::make_shared<openssl_stream>(executor, *context_);
    }
    [[nodiscard]] std::string description() const override { return OpenSSL_version(OPENSSL_VERSION); }

private:
    std::optional<ssl::context> context_;
};

} // namespace

} // namespace beast

std::expected<std::unique_ptr<connector>, config_fault>
make_beast_connector(loop& loop, const tls_options& options, const proxy_options& proxy) {
    std::optional<boost::asio::ssl::context> loaded;
    if (options != tls_options{}) {
        auto made = beast::load_openssl_context(options);
        if (!made) {
            return std::unexpected{std::move(made.error())};
        }
        loaded = *std::move(made);
    }
    return beast::make_connector(loop, std::make_unique<beast::openssl_source>(std::move(loaded)), proxy);
}

} // namespace distworker
