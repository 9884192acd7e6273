#include "signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace distworker::detail {
namespace {

std::atomic<int> pipe_writer{-1}; // a signal handler reaches nothing but globals

extern "C" void note_signal(int signal) {
    const int saved = errno;
    const auto byte = static_cast<unsigned char>(signal);
    static_cast<void>(::write(pipe_writer.load(), &byte, 1) + 0); // a full pipe holds enough of them
    errno = saved;
}

} // namespace

termination_signals::termination_signals(loop& loop, std::function<void(int signal)> arrived) : loop_{loop} {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        throw std::system_error{errno, std::generic_category(), "termination_signals"};
    }
    reader_ = ends[0];
    pipe_writer = ends[1];
    watch_ = loop_.watch(reader_, {.readable = true}, [this, arrived = std::move(arrived)](io_interest) {
        unsigned char signal = 0;
        while (::read(reader_, &signal, 1) == 1) {
            arrived(signal);
        }
    });
    struct sigaction action{};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &before_int_);
    ::sigaction(SIGTERM, &action, &before_term_);
}

termination_signals::~termination_signals() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
    loop_.unwatch(watch_);
    ::close(reader_);
    ::close(pipe_writer.exchange(-1));
}

} // namespace distworker::detail
