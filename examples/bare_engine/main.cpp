// A worker from nothing but an engine, which adds `a` and `b`: the run loop of worker_engine.hpp on poll(2),
// and the least of a WebSocket (RFC 6455): IPv4, no TLS, blocks for the rest of a frame, trusts its peer.
#include <distworker/openssl_crypto.hpp>
#include <distworker/websocket_upgrade.hpp>
#include <distworker/worker_engine.hpp>

#include <netdb.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <random>

using namespace distworker;
using namespace std::chrono;
static std::random_device entropy;
static const std::shared_ptr<const crypto> library = make_openssl_crypto();

// An engine, its socket, and what to do for each output. What ends a connection is thrown as a `link_end`.
struct bare_worker {
    enum opcode : std::uint8_t { text = 1, binary = 2, bye = 8, ping = 9, pong = 10 };
    worker_engine engine;
    int signals; // tells of those that end the process
    int fd = -1;
    bool ended = false;

    void operator()(const output::connect& o) {
        const addrinfo ip4{.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
        addrinfo* found = nullptr;
        const int bad = ::getaddrinfo(o.url->host.c_str(), std::to_string(o.url->port).c_str(), &ip4, &found);
        require(bad == 0, link_end::kind::name_resolution);
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval limit{.tv_sec = 10};
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        const bool connected = ::connect(fd, found->ai_addr, found->ai_addrlen) == 0;
        ::freeaddrinfo(found);
        require(connected, link_end::kind::connect);
        const std::array nonce{entropy(), entropy(), entropy(), entropy()};
        const std::string key = websocket_key(std::as_bytes(std::span{nonce}));
        const std::string request = websocket_request(*o.url, key);
        require(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == std::ssize(request));
        std::string answer;
        while (!(answer += read(1)).ends_with("\r\n\r\n")) {
        }
        require(answer.contains(websocket_accept(*library, key).value()), link_end::kind::upgrade);
        engine.opened(o.generation, now());
    }
    void operator()(const output::send& o) {
        send(binary, as_text(o.bytes));
        engine.sent(o.generation, now());
    }
    void operator()(const output::ping& o) { send(ping, as_text(o.payload)); }
    void operator()(const output::close& o) { send(bye, std::string{char(o.code >> 8), char(o.code)}); }
    void operator()(const output::abort&) { ::close(std::exchange(fd, -1)); }
    void operator()(const output::assigned& o) {
        const object_view input = o.task.input();
        outcome_writer answer{o.task};
        answer.result().member("result", input["a"].number().value_or(0) + input["b"].number().value_or(0));
        static_cast<void>(engine.complete(o.task.name(), std::move(answer).complete(), now()));
    }
    void operator()(const output::undeliverable& o) { std::cerr << "lost " << to_string(o.how_sure) << '\n'; }
    void operator()(const output::disconnected& o) { std::cerr << o.end.detail << '\n'; }
    void operator()(const output::stopped&) { ended = true; }
    void operator()(const output::idle& until) {
        std::array<pollfd, 2> events{{{signals, POLLIN, 0}, {fd, POLLIN, 0}}};
        ::poll(events.data(), events.size(), poll_timeout(until.deadline, now().monotonic));
        if (signalfd_siginfo signal{}; ::read(signals, &signal, sizeof signal) > 0) {
            static_cast<void>(engine.stop(end_reason::signal, seconds{25}, now()));
        }
        if (events[1].revents != 0) {
            receive();
        }
    }
    void operator()(const auto&) {} // nothing that this worker cares for

    static instant now() { return instant::of(steady_clock::now(), system_clock::now()); }
    static void require(bool met, link_end::kind otherwise = link_end::kind::lost) {
        if (!met) {
            throw link_end{.what = otherwise};
        }
    }
    std::string read(std::size_t size) const {
        std::string bytes(size, '\0');
        require(size == 0 || ::recv(fd, bytes.data(), size, MSG_WAITALL) == std::ssize(bytes));
        return bytes;
    }
    void send(opcode what, std::string_view payload) const {
        const std::size_t size = payload.size();
        const auto mask = std::bit_cast<std::array<char, 4>>(entropy());
        std::string frame{char(0x80 | what), char(0x80U | (size < 126 ? size : size < 65'536 ? 126 : 127))};
        for (int bits = size < 126 ? 0 : size < 65'536 ? 16 : 64; bits > 0; bits -= 8) {
            frame += char(size >> (bits - 8));
        }
        frame.append(mask.data(), mask.size());
        for (std::size_t i = 0; i < size; ++i) {
            frame += char(payload[i] ^ mask[i % 4]);
        }
        require(::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) == std::ssize(frame));
    }
    void receive() {
        const std::string head = read(2);
        std::uint64_t size = 0;
        for (const char octet : head[1] < 126 ? head.substr(1) : read(head[1] == 126 ? 2 : 8)) {
            size = size << 8U | static_cast<unsigned char>(octet);
        }
        const std::string payload = read(size);
        const auto what = head[0] & 0xF;
        if (what == ping) {
            send(pong, payload);
            engine.pinged(engine.generation(), now());
        } else if (what == pong) {
            engine.pong(engine.generation(), as_byte_span(payload), now());
        } else if (what == bye) {
            send(bye, payload);
            throw link_end{.what = link_end::kind::peer_close};
        } else {
            const auto kind = what == text ? message_kind::text : message_kind::binary;
            engine.received(engine.generation(), kind, as_byte_span(payload), head[0] < 0, size, now());
        }
    }
};

int main(int argc, char** argv) {
    const auto config = argc != 3 ? worker_config{}.validate()
                                  : worker_config{.controller = argv[1], .provisioner = argv[2]}.validate();
    std::string token;
    if (!config || !std::getline(std::cin, token)) {
        std::cerr << "usage: bare_engine CONTROLLER_URL PROVISIONER <TOKEN_FILE\n";
        return 2;
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    bare_worker worker{{*config, make_signer(library, secret{std::move(token)}), entropy()},
                       ::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK)};
    static_cast<void>(worker.engine.start(bare_worker::now()));
    while (!worker.ended) {
        try {
            std::visit(worker, worker.engine.poll(bare_worker::now()));
        } catch (const link_end& end) {
            worker(output::abort{});
            worker.engine.closed(worker.engine.generation(), end, bare_worker::now());
        }
    }
}
