#include "io_host.hpp"

#include <boost/asio/io_context.hpp>

#include <unordered_map>
#include <utility>
#include <vector>

namespace distworker::beast {
namespace {

namespace asio = boost::asio;

class direct_host final : public io_host {
public:
    explicit direct_host(asio::any_io_executor executor) : executor_{std::move(executor)} {}
    asio::any_io_executor executor() override { return executor_; }
    void add(const std::shared_ptr<socket_user>&, int) override {}
    void remove(const socket_user&) override {}
    void operation_changed(const std::shared_ptr<socket_user>&) override {}
    void finish() override {} // they go with their context

private:
    asio::any_io_executor executor_;
};

class private_host final : public io_host, public std::enable_shared_from_this<private_host> {
public:
    explicit private_host(loop& loop) : loop_{loop} {}
    ~private_host() override {
        for (const auto& [user, watch] : watches_) {
            loop_.unwatch(watch.id);
        }
    }

    asio::any_io_executor executor() override { return context_.get_executor(); }

    void add(const std::shared_ptr<socket_user>& user, int fd) override {
        const auto id = loop_.watch(fd, {.readable = true, .writable = user->writing()},
                                    [weak = weak_from_this(), user = user.get()](io_interest what) {
                                        if (const auto self = weak.lock()) {
                                            self->ready(user, what);
                                        }
                                    });
        watches_.emplace(user.get(), watched{id});
    }

    void remove(const socket_user& user) override {
        if (const auto found = watches_.find(&user); found != watches_.end()) {
            loop_.unwatch(found->second.id);
            watches_.erase(found);
        }
        kick(); // the cancelled operations still have to be let go
    }

    void operation_changed(const std::shared_ptr<socket_user>& user) override {
        changed_.push_back(user);
        kick();
    }

    // Cancelled operations hold their connections, which hold this host, which holds the operations.
    void finish() override {
        context_.restart();
        context_.poll();
    }

private:
    void kick() {
        if (pumping_ || std::exchange(kicked_, true)) {
            return;
        }
        loop_.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->pump();
            }
        });
    }

    // A socket that has something to read which nobody takes: Beast waits for it to take a pong first. Until
    // then there is nothing to do for it, and a loop that is told so again and again would do nothing else.
    void ready(const socket_user* user, io_interest what) {
        const bool idle = pump() == 0;
        const auto found = watches_.find(user);
        if (found == watches_.end() || (!idle && !found->second.stalled)) {
            return;
        }
        const bool stalled = idle && what.readable;
        found->second.stalled = stalled;
        loop_.set_interest(found->second.id, {.readable = !stalled, .writable = stalled || user->writing()});
    }

    // Runs what is ready, and says how much that was. A write that is not through by then waits for the
    // socket to take more.
    std::size_t pump() {
        kicked_ = false;
        pumping_ = true;
        context_.restart();
        const std::size_t ran = context_.poll();
        pumping_ = false;
        for (const auto& weak : std::exchange(changed_, {})) {
            const auto user = weak.lock();
            const auto found = user == nullptr ? watches_.end() : watches_.find(user.get());
            if (found != watches_.end()) {
                found->second.stalled = false;
                loop_.set_interest(found->second.id, {.readable = true, .writable = user->writing()});
            }
        }
        return ran;
    }

    loop& loop_;
    asio::io_context context_{1};
    struct watched {
        loop::watch_id id;
        bool stalled = false;
    };
    std::unordered_map<const socket_user*, watched> watches_;
    std::vector<std::weak_ptr<socket_user>> changed_;
    bool kicked_ = false;
    bool pumping_ = false;
};

} // namespace

std::shared_ptr<io_host> make_direct_host(asio::any_io_executor executor) {
    return std::make_shared<direct_host>(std::move(executor));
}

std::shared_ptr<io_host> make_private_host(loop& loop) {
    return std::make_shared<private_host>(loop);
}

} // namespace distworker::beast
