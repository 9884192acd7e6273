// A worker in a program with a loop made by hand on poll(2): one descriptor more, and one deadline.
#include "pulse.hpp"

#include <distworker/epoll_loop.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>

namespace {

int termination_descriptor() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr); // before any thread is made, so that all have it
    return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

} // namespace

int main() {
    const int signals = termination_descriptor();
    pulse own;
    distworker::epoll_loop inside; // the worker's, which is never run
    distworker::worker worker{distworker::config::from_environment()};
    serve(worker, own);
    std::optional<int> code;
    if (!worker.attach(inside, [&](const distworker::worker_end& end) { code = end; })) {
        return 2; // its log says why
    }

    distworker::monotonic_time next_beat = inside.now() + pulse::interval;
    while (!code) {
        std::array<pollfd, 2> events{{{signals, POLLIN, 0}, {inside.descriptor(), POLLIN, 0}}};
        const auto next = std::min(next_beat, inside.deadline());
        ::poll(events.data(), events.size(), distworker::poll_timeout(next, inside.now()));
        if (signalfd_siginfo signal{}; ::read(signals, &signal, sizeof signal) > 0) {
            worker.stop(); // finishes what runs, then tells its end above
        }
        for (; next_beat <= inside.now(); next_beat += pulse::interval) {
            own.beat();
        }
        inside.turn();
    }
    ::close(signals);
    return *code;
}
