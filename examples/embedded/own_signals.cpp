// A worker in a program that owns its signals: the worker has a thread of its own, and touches none of them.
#include "pulse.hpp"

#include <atomic>
#include <csignal>
#include <ctime>

namespace {

// Blocked in all threads, and taken by the main one: no handler interrupts anything.
sigset_t block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) {
        sigaddset(&set, number);
    }
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

} // namespace

int main() {
    const sigset_t ours = block_signals(); // before the worker makes threads, so that these have it
    pulse own;
    std::atomic<int> beats = 0; // the handler runs on another thread
    distworker::worker worker{distworker::config::from_environment()};
    worker.on("math.add", [&](distworker::task& task) -> distworker::value {
        return {{"result", task.input("a", 0.0) + task.input("b", 0.0)}, {"beats", beats.load()}};
    });
    if (!worker.start()) {
        return 2; // its log says why
    }
    for (;;) {
        const timespec wait{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds{pulse::interval}.count()};
        const int signal = ::sigtimedwait(&ours, nullptr, &wait);
        if (signal == SIGUSR1) {
            std::cout << "still here\n" << std::flush;
        } else if (signal == SIGINT || signal == SIGTERM) {
            break;
        } else {
            own.beat();
            beats = own.beats();
        }
    }
    worker.stop(); // finishes what runs
    return worker.wait();
}
