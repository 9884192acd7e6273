#include "support/require.hpp"
#include "tls_front.hpp"
#include "tls_front_sockets.hpp"

#include <botan/credentials_manager.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/system_rng.h>
#include <botan/tls_callbacks.h>
#include <botan/tls_policy.h>
#include <botan/tls_server.h>
#include <botan/tls_session_manager.h>
#include <botan/x509cert.h>
#include <poll.h>

#include <algorithm>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace distworker::testing {
namespace {

class one_certificate final : public Botan::Credentials_Manager {
public:
    explicit one_certificate(const certificate& own) : certificate_{own.file()} {
        Botan::DataSource_Stream source{own.key_file()};
        key_ = Botan::PKCS8::load_key(source);
    }
    std::vector<Botan::X509_Certificate> cert_chain(const std::vector<std::string>& key_types,
                                                    const std::string&, const std::string&) override {
        const bool fits = std::ranges::find(key_types, key_->algo_name()) != key_types.end();
        return fits ? std::vector{certificate_} : std::vector<Botan::X509_Certificate>{};
    }
    Botan::Private_Key* private_key_for(const Botan::X509_Certificate&, const std::string&,
                                        const std::string&) override {
        return key_.get();
    }

private:
    Botan::X509_Certificate certificate_;
    std::unique_ptr<Botan::Private_Key> key_;
};

void write_all(int to, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            return; // gone, which reading tells
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

class botan_server final : public tls_front, Botan::TLS::Callbacks {
public:
    botan_server(std::uint16_t behind, const certificate& own)
        : credentials_{own}, server_{*this, sessions_, credentials_, policy_, Botan::system_rng()} {
        require(connects(plain_, behind), "no server behind the front");
        sockaddr_in address = loopback_address(0);
        socklen_t size = sizeof address;
        auto* const as_any = reinterpret_cast<sockaddr*>(&address);
        require(::bind(listener_.get(), as_any, size) == 0 && ::listen(listener_.get(), 1) == 0 &&
                    ::getsockname(listener_.get(), as_any, &size) == 0,
                "the front cannot listen");
        port_ = ::ntohs(address.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    botan_server(const botan_server&) = delete;
    botan_server& operator=(const botan_server&) = delete;
    ~botan_server() override {
        ::shutdown(listener_.get(), SHUT_RDWR);
        ::shutdown(plain_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const override { return port_; }

private:
    void serve() {
        const int accepted = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0) {
            return;
        }
        const front_socket client{accepted};
        client_ = client.get();
        std::vector<std::uint8_t> piece(16 * 1024);
        const auto read = [&](int from) {
            const ssize_t count = ::recv(from, piece.data(), piece.size(), 0);
            return std::span{piece}.first(count > 0 ? static_cast<std::size_t>(count) : 0);
        };
        try {
            while (!server_.is_closed()) {
                // What the worker wrote before there is anybody to hear it waits in its socket.
                pollfd watched[] = {{client_, POLLIN, 0},
                                    {server_.is_active() ? plain_.get() : -1, POLLIN, 0}};
                ::poll(watched, 2, -1);
                for (const pollfd& one : watched) {
                    if (one.revents == 0) {
                        continue;
                    }
                    const auto bytes = read(one.fd);
                    if (bytes.empty()) {
                        return;
                    }
                    one.fd == client_ ? static_cast<void>(server_.received_data(bytes.data(), bytes.size()))
                                      : server_.send(bytes.data(), bytes.size());
                }
            }
        } catch (const std::exception&) { // the handshake failed: that shows as the end of the connection
        }
    }

    void tls_emit_data(const std::uint8_t data[], std::size_t size) override {
        write_all(client_, {data, size});
    }
    void tls_record_received(std::uint64_t, const std::uint8_t data[], std::size_t size) override {
        write_all(plain_.get(), {data, size});
    }
    void tls_alert(Botan::TLS::Alert) override {}
    bool tls_session_established(const Botan::TLS::Session&) override { return false; }

    front_socket plain_;
    front_socket listener_;
    std::uint16_t port_ = 0;
    int client_ = -1;
    one_certificate credentials_;
    Botan::TLS::Policy policy_;
    Botan::TLS::Session_Manager_Noop sessions_;
    Botan::TLS::Server server_;
    std::thread thread_;
};

} // namespace

std::unique_ptr<tls_front> botan_front(std::uint16_t behind, const certificate& own) {
    return std::make_unique<botan_server>(behind, own);
}

} // namespace distworker::testing
