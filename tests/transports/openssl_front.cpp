#include "support/require.hpp"
#include "support/ws_peer.hpp"
#include "tls_front.hpp"
#include "tls_front_sockets.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <string>
#include <thread>

extern char** environ;

namespace distworker::testing {
namespace {

class s_server final : public tls_front {
public:
    s_server(std::uint16_t behind, const certificate& own, const char* version)
        : port_{ws_server{}.port()} { // one that was free just now: s_server does not say which it took
        const front_socket plain;
        require(connects(plain, behind), "no server behind the front");
        const std::string address = "127.0.0.1:" + std::to_string(port_);
        const std::string certificate_file = own.file();
        const std::string key_file = own.key_file();
        // Quiet, it passes bytes on and takes none for a command.
        const char* arguments[] = {
            "openssl", "s_server",       "-accept", address.c_str(), "-cert", certificate_file.c_str(),
            "-key",    key_file.c_str(), version,   "-quiet",        nullptr};
        posix_spawn_file_actions_t files;
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_adddup2(&files, plain.get(), 0);
        ::posix_spawn_file_actions_adddup2(&files, plain.get(), 1);
        ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
        const int failed =
            ::posix_spawnp(&pid_, "openssl", &files, nullptr, const_cast<char**>(arguments), environ);
        ::posix_spawn_file_actions_destroy(&files);
        require(failed == 0, "openssl s_server does not start: install openssl");
        await_listening();
    }
    s_server(const s_server&) = delete;
    s_server& operator=(const s_server&) = delete;
    ~s_server() override {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] std::uint16_t port() const override { return port_; }

private:
    // A connection that ends at once is nothing to it; the next one is served.
    void await_listening() const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{1};
        while (!connects(front_socket{}, port_)) {
            require(std::chrono::steady_clock::now() < deadline, "openssl s_server does not listen");
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
    }

    std::uint16_t port_;
    pid_t pid_ = -1;
};

} // namespace

std::unique_ptr<tls_front> openssl_front(std::uint16_t behind, const certificate& own, const char* version) {
    return std::make_unique<s_server>(behind, own, version);
}

} // namespace distworker::testing
