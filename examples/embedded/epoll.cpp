// A worker in a program on epoll: `epoll_loop` runs it all, the program's own descriptors too.
#include "pulse.hpp"

#include <distworker/epoll_loop.hpp>

#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <csignal>

namespace {

int termination_descriptor() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr); // before any thread is made, so that all have it
    return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int beat_descriptor() {
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    const timespec every{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds{pulse::interval}.count()};
    const itimerspec times{.it_interval = every, .it_value = every};
    ::timerfd_settime(timer, 0, &times, nullptr);
    return timer;
}

} // namespace

int main() {
    const int signals = termination_descriptor();
    const int timer = beat_descriptor();
    int code = 0;
    {
        pulse own;
        distworker::epoll_loop loop;
        distworker::worker worker{distworker::config::from_environment()};
        serve(worker, own);

        std::ignore = loop.watch(timer, {.readable = true}, [&](distworker::io_interest) {
            std::uint64_t times = 0;
            if (::read(timer, &times, sizeof times) > 0) {
                own.beat();
            }
        });
        std::ignore = loop.watch(signals, {.readable = true}, [&](distworker::io_interest) {
            signalfd_siginfo signal{};
            if (::read(signals, &signal, sizeof signal) > 0) {
                worker.stop(); // finishes what runs, then tells its end below
            }
        });
        const bool begun = worker.attach(loop, [&](const distworker::worker_end& end) {
            code = end;
            loop.stop();
        });
        if (begun) {
            loop.run();
        } else {
            code = 2; // its log says why
        }
    }
    ::close(timer);
    ::close(signals);
    return code;
}
