// Two workers of two controllers in one program, on one thread: two_controllers URL URL.
//
// What else they need comes from the environment: for both the same provisioner and token file.
#include "pulse.hpp"

#include <distworker/asio_loop.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <functional>
#include <memory>
#include <vector>

namespace {

/// A worker and its loop: each has one of its own, on the executor that they share.
struct guest {
    guest(boost::asio::io_context& context, const char* controller, const pulse& own)
        : loop{context.get_executor()}, worker{settings_for(controller)} {
        serve(worker, own);
    }
    static distworker::config settings_for(const char* controller) {
        distworker::config settings = distworker::config::from_environment();
        settings.controller = controller;
        return settings;
    }

    distworker::asio_loop loop;
    distworker::worker worker;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: two_controllers URL URL\n";
        return 2;
    }
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

    std::vector<std::unique_ptr<guest>> guests;
    boost::asio::signal_set signals{context, SIGINT, SIGTERM};
    signals.async_wait([&](boost::system::error_code, int) {
        for (const auto& each : guests) {
            each->worker.stop();
        }
    });
    std::size_t running = 0;
    for (const char* const controller : {argv[1], argv[2]}) {
        guest& made = *guests.emplace_back(std::make_unique<guest>(context, controller, own));
        const bool begun = made.worker.attach(made.loop, [&](const distworker::worker_end& end) {
            code = code == 0 ? static_cast<int>(end) : code;
            if (--running == 0) {
                timer.cancel(); // nothing is left to do then, and `run` returns
                signals.cancel();
            }
        });
        if (!begun) {
            return 2; // its log says why
        }
        ++running;
    }
    context.run();
    return code;
}
