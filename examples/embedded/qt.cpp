// A worker in a program on Qt 6.
#include "pulse.hpp"

#include <distworker/qt_loop.hpp>

#include <sys/signalfd.h>
#include <unistd.h>

#include <QCoreApplication>
#include <QSocketNotifier>
#include <QTimer>
#include <csignal>

namespace {

// Qt knows no signals; Linux makes a descriptor of them.
int termination_descriptor() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr); // before any thread is made, so that all have it
    return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

} // namespace

int main(int argc, char** argv) {
    const int termination = termination_descriptor();
    QCoreApplication application{argc, argv};
    pulse own;

    QTimer timer;
    QObject::connect(&timer, &QTimer::timeout, [&] { own.beat(); });
    timer.start(pulse::interval);

    distworker::qt_loop loop; // on this thread's event loop
    distworker::worker worker{distworker::config::from_environment()};
    serve(worker, own);

    QSocketNotifier notifier{termination, QSocketNotifier::Read};
    QObject::connect(&notifier, &QSocketNotifier::activated, [&] {
        signalfd_siginfo signal{};
        if (::read(termination, &signal, sizeof signal) > 0) {
            worker.stop(); // finishes what runs, then tells its end below
        }
    });
    const bool begun =
        worker.attach(loop, [](const distworker::worker_end& end) { QCoreApplication::exit(end); });
    const int code = begun ? QCoreApplication::exec() : 2; // its log says why
    notifier.setEnabled(false);
    ::close(termination);
    return code;
}
