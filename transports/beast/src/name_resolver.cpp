#include "name_resolver.hpp"

#include <boost/asio/ip/address.hpp>
#include <netdb.h>

#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace distworker::beast {
namespace {

namespace asio = boost::asio;

std::expected<endpoints, std::string> look_up(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
        failed != 0) {
        return std::unexpected{std::string{::gai_strerror(failed)}};
    }
    endpoints all;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (each->ai_addrlen <= endpoint.capacity()) {
            std::copy_n(reinterpret_cast<const unsigned char*>(each->ai_addr), each->ai_addrlen,
                        reinterpret_cast<unsigned char*>(endpoint.data()));
            endpoint.resize(each->ai_addrlen);
            all.push_back(endpoint);
        }
    }
    ::freeaddrinfo(found);
    return all;
}

} // namespace

struct name_resolver::shared {
    using key = std::pair<std::string, std::uint16_t>;

    std::mutex mutex; // guards `target`, which the destructor clears
    loop* target = nullptr;
    std::map<key, std::vector<callback>> waiting; // of the loop's thread alone

    void answer(const key& name, const std::expected<endpoints, std::string>& result) {
        for (callback& done : std::exchange(waiting[name], {})) {
            done(result);
        }
        waiting.erase(name);
    }
};

name_resolver::name_resolver(loop& loop) : shared_{std::make_shared<shared>()} {
    shared_->target = &loop;
}

name_resolver::~name_resolver() {
    const std::lock_guard lock{shared_->mutex};
    shared_->target = nullptr;
}

void name_resolver::resolve(const std::string& host, std::uint16_t port, callback done) {
    const shared::key name{host, port};
    auto& waiting = shared_->waiting[name];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) {
        return;
    }
    const auto tell = [](const std::shared_ptr<shared>& state, const shared::key& asked,
                         std::expected<endpoints, std::string> result) {
        const std::lock_guard lock{state->mutex};
        if (state->target != nullptr) {
            state->target->post([state, asked, result = std::move(result)] { state->answer(asked, result); });
        }
    };
    boost::system::error_code no_address;
    const auto address = asio::ip::make_address(host, no_address);
    if (!no_address) {
        tell(shared_, name, endpoints{{address, port}});
        return;
    }
    std::thread{[state = shared_, name, tell] {
        tell(state, name, look_up(name.first, name.second));
    }}.detach();
}

} // namespace distworker::beast
