// A worker in a program on Asio: the worker's loop is an executor of the program's io_context.
#include "pulse.hpp"

#include <distworker/asio_loop.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <functional>

int main() {
    boost::asio::io_context context{1};
    pulse own;
    int code = 0;

    boost::asio::steady_timer timer{context};
    std::function<void(boost::system::error_code)> beat = [&](boost::system::error_code error) {
        if (!error) {
            own.beat();
            timer.expires_at(timer.expiry() + pulse::interval);
            timer.async_wait(beat);
        }
    };
    timer.expires_after(pulse::interval);
    timer.async_wait(beat);

    distworker::asio_loop loop{context.get_executor()}; // a strand, where several threads run the context
    distworker::worker worker{distworker::config::from_environment()};
    serve(worker, own);

    boost::asio::signal_set signals{context, SIGINT, SIGTERM};
    signals.async_wait([&](boost::system::error_code error, int) {
        if (!error) {
            worker.stop(); // finishes what runs, then tells its end below
        }
    });
    const bool begun = worker.attach(loop, [&](const distworker::worker_end& end) {
        code = end;
        timer.cancel(); // nothing is left to do then, and `run` returns
        signals.cancel();
    });
    if (!begun) {
        return 2; // its log says why
    }
    context.run();
    return code;
}
