#include "api_server.hpp"
#include "broker.hpp"
#include "listener.hpp"
#include "worker_server.hpp"

#include <distworker/controller_server.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/utf8.hpp>

#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <csignal>
#include <optional>
#include <utility>

namespace distworker {

namespace asio = boost::asio;
using controller::listener;

namespace {

bool is_address(const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> out{};
    return inet_pton(AF_INET, text.c_str(), out.data()) == 1 ||
           inet_pton(AF_INET6, text.c_str(), out.data()) == 1;
}

std::shared_ptr<spdlog::logger> make_log() {
    auto log =
        std::make_shared<spdlog::logger>("controller", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    log->flush_on(spdlog::level::info);
    return log;
}

// The certificate and key of the worker port; null without. Adds what is wrong with them to `faults`.
std::optional<asio::ssl::context> make_tls(const controller_options& options,
                                           std::vector<config_fault>& faults) {
    if (options.tls_certificate.empty() && options.tls_key.empty()) {
        return std::nullopt;
    }
    if (options.tls_certificate.empty() || options.tls_key.empty()) {
        const bool no_key = options.tls_key.empty();
        faults.push_back(
            {no_key ? "tls-key" : "tls-cert",
             std::string{"is missing, while the "} + (no_key ? "certificate" : "key") + " is given",
             "give both --tls-cert and --tls-key, or neither"});
        return std::nullopt;
    }
    asio::ssl::context tls{asio::ssl::context::tls_server};
    boost::system::error_code error;
    tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    tls.use_certificate_chain_file(options.tls_certificate, error);
    if (error) {
        faults.push_back(
            {"tls-cert",
             "'" + escape_for_log(options.tls_certificate) + "' cannot be used: " + error.message(),
             "give a readable PEM file with the certificate first"});
        return std::nullopt;
    }
    tls.use_private_key_file(options.tls_key, asio::ssl::context::pem, error);
    if (error) {
        faults.push_back({"tls-key",
                          "'" + escape_for_log(options.tls_key) + "' cannot be used: " + error.message(),
                          "give a readable PEM file with the key of the certificate"});
        return std::nullopt;
    }
    return tls;
}

} // namespace

class controller_server::implementation {
public:
    implementation(const controller_config& config, std::shared_ptr<const crypto> crypto, std::uint64_t seed)
        : log_{make_log()}, broker_{loop_, config, std::move(crypto), seed, log_}, api_{loop_},
          workers_{loop_}, signals_{loop_} {}

    void add(controller_options& options, std::vector<config_fault>& faults) {
        const auto note = [&faults](const std::expected<void, config_fault>& added) {
            if (!added) {
                faults.push_back(added.error());
            }
        };
        for (provisioner_spec& provisioner : options.provisioners) {
            note(broker_.engine().add_provisioner(std::move(provisioner)));
        }
        for (session_spec& session : options.sessions) {
            note(broker_.engine().add_session(std::move(session)));
        }
        tls_ = make_tls(options, faults);
    }

    std::expected<void, std::string> open(const controller_options& options) {
        struct port {
            listener& on;
            std::uint16_t number;
            const char* option;
        };
        for (const port& p : {port{api_, options.api_port, "--api-port"},
                              port{workers_, options.worker_port, "--worker-port"}}) {
            if (const auto opened = p.on.open(options.bind, p.number); !opened) {
                return std::unexpected{
                    "cannot listen on " + options.bind + " port " + std::to_string(p.number) + " (" +
                    p.option + "): " + opened.error() +
                    ". Give another port, or 0 for a free one; or end the program that has it."};
            }
        }
        api_url_ = "http://" + api_.address();
        worker_url_ = (tls_ ? "https://" : "http://") + workers_.address();
        api_.accept(
            [this](asio::ip::tcp::socket socket) { controller::serve_api(std::move(socket), broker_); });
        workers_.accept([this](asio::ip::tcp::socket socket) {
            controller::serve_worker(std::move(socket), tls_ ? &*tls_ : nullptr, broker_);
        });
        return {};
    }

    void stop_on_signals() {
        signals_.add(SIGINT);
        signals_.add(SIGTERM);
        signals_.async_wait([this](const boost::system::error_code& error, int signal) {
            if (!error) {
                log_->info("stopping: {}", signal == SIGINT ? "SIGINT" : "SIGTERM");
                loop_.stop();
            }
        });
    }

    void run() { loop_.run(); }
    void stop() noexcept { loop_.stop(); }
    [[nodiscard]] const std::string& api_url() const noexcept { return api_url_; }
    [[nodiscard]] const std::string& worker_url() const noexcept { return worker_url_; }

private:
    // The loop goes last: what it still holds then are connections, which touch nothing else when they end.
    std::optional<asio::ssl::context> tls_;
    asio::io_context loop_{1};
    std::shared_ptr<spdlog::logger> log_;
    controller::broker broker_;
    listener api_;
    listener workers_;
    asio::signal_set signals_;
    std::string api_url_;
    std::string worker_url_;
};

controller_server::controller_server(std::unique_ptr<implementation> self) noexcept
    : self_{std::move(self)} {}
controller_server::~controller_server() = default;

std::expected<std::unique_ptr<controller_server>, controller_start_error>
controller_server::start(controller_options options, std::vector<config_fault> faults) {
    const auto crypto = make_openssl_crypto();
    std::uint64_t seed = 0;
    controller_start_error error{std::move(faults), {}};
    if (const auto drawn = crypto->random(std::as_writable_bytes(std::span{&seed, 1})); !drawn) {
        error.faults.push_back({"random", drawn.error().message, "check the installation of OpenSSL"});
    }
    if (!is_address(options.bind)) {
        error.faults.push_back({"bind", "'" + escape_for_log(options.bind) + "' is no IP address",
                                "give one such as 127.0.0.1, 0.0.0.0 or ::1"});
    }
    if (options.broker.idle_time < 0) {
        error.faults.push_back({"idle-time", "is negative", "give seconds, 0 for never"});
    }
    auto self = std::make_unique<implementation>(options.broker, crypto, seed);
    self->add(options, error.faults);
    if (!error.faults.empty()) {
        return std::unexpected{std::move(error)};
    }
    if (const auto opened = self->open(options); !opened) {
        error.port = opened.error();
        return std::unexpected{std::move(error)};
    }
    return std::unique_ptr<controller_server>{new controller_server{std::move(self)}};
}

const std::string& controller_server::api_url() const noexcept {
    return self_->api_url();
}
const std::string& controller_server::worker_url() const noexcept {
    return self_->worker_url();
}
void controller_server::stop_on_signals() {
    self_->stop_on_signals();
}
void controller_server::run() {
    self_->run();
}
void controller_server::stop() noexcept {
    self_->stop();
}

} // namespace distworker
