// The embedded controller as a whole: the broker behind its two ports, on one thread.
//
// For development, tests and the demo: `distworker-controller` is a thin program around it, and a test may
// run one in a thread of its own. Tasks are in memory and end with the object. Not the production
// controller; a worker joins that one by changing its URL.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/controller_engine.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace distworker {

/// How a controller is set up.
struct controller_options {
    std::string bind = "127.0.0.1";             ///< An address, not a name.
    std::uint16_t api_port = 8080;              ///< 0: a free one.
    std::uint16_t worker_port = 8081;           ///< For the workers' WebSockets; 0: a free one.
    std::string tls_certificate;                ///< PEM files for the worker port; both or none.
    std::string tls_key;                        ///< The certificate's private key. Both empty: plain `ws`.
    controller_config broker;                   ///< How the engine behind the ports behaves.
    std::vector<provisioner_spec> provisioners; ///< What anonymous workers may register with.
    std::vector<session_spec> sessions;         ///< Workers that are expected under ids of their own.
};

/// Why a controller could not start.
struct controller_start_error {
    std::vector<config_fault> faults; ///< All of them, found before a port is opened. Or else:
    std::string port;                 ///< Which port cannot be opened, why, and what to do about it.
};

class controller_server {
public:
    /// Checks everything, then opens both ports. From then on connections are accepted, and served by `run`.
    /// Faults that the caller found already are told together with those found here.
    [[nodiscard]] static std::expected<std::unique_ptr<controller_server>, controller_start_error>
    start(controller_options options, std::vector<config_fault> faults = {});
    controller_server(const controller_server&) = delete;
    controller_server& operator=(const controller_server&) = delete;
    ~controller_server();

    /// "http://127.0.0.1:8080", with the port in use. For the worker port https with TLS.
    [[nodiscard]] const std::string& api_url() const noexcept;
    [[nodiscard]] const std::string& worker_url() const noexcept;

    /// Makes SIGINT and SIGTERM end `run`.
    void stop_on_signals();
    /// Serves until `stop`. Everything but `stop` belongs to the thread that calls this.
    void run();
    /// Ends `run` soon; connections end without a close frame, as the deployed controller's do. Any thread.
    void stop() noexcept;

private:
    class implementation;
    explicit controller_server(std::unique_ptr<implementation> self) noexcept;
    std::unique_ptr<implementation> self_;
};

} // namespace distworker
