// A neutral controller that does nothing but load one worker: it starts the worker, accepts whatever it
// registers with, hands it one task after the other, and measures.
//
//     bench_load [--seconds 5] [--warmup 1] -- WORKER [ARGUMENT...]
//
// Prints one line of JSON: tasks, seconds, tasks_per_second, p50_us, cpu_us_per_task (the worker process's
// CPU time, all threads). Frames are bytes written by hand, so that no codec of either side is measured here.
#include "bench/assignment.hpp"
#include "child.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using clock_type = std::chrono::steady_clock;
using distworker::bench::assignment;
using distworker::bench::counter_at;
using distworker::bench::counter_digits;
using std::string_view_literals::operator""sv;

constexpr auto register_response = "\x08\x03\x1a\x00"sv; // type 3, an empty worker_register_response

constexpr char type_complete = 12;
constexpr char type_failed = 13;

struct figures {
    std::size_t tasks = 0;
    double seconds = 0;
    double p50_us = 0;
    double cpu_us_per_task = 0;
};

class load {
public:
    load(std::chrono::duration<double> warmup, std::chrono::duration<double> measured)
        : warmup_{std::chrono::duration_cast<clock_type::duration>(warmup)},
          measured_{std::chrono::duration_cast<clock_type::duration>(measured)}, frame_{assignment} {
        latencies_.reserve(1 << 22);
    }

    figures run(const std::vector<std::string>& command) {
        worker_.emplace(command, acceptor_.local_endpoint().port());
        acceptor_.async_accept(boost::beast::get_lowest_layer(ws_), [this](error_code error) {
            must_work(error, "accept");
            boost::beast::get_lowest_layer(ws_).set_option(tcp::no_delay{true});
            ws_.binary(true);
            ws_.async_accept([this](error_code failed) {
                must_work(failed, "upgrade");
                read();
            });
        });
        watch();
        context_.run();
        return figures_;
    }

private:
    static void must_work(error_code error, const char* step) {
        if (error) {
            throw std::runtime_error{std::string{"the worker's connection broke at '"} + step +
                                     "': " + error.message()};
        }
    }

    // Ends the wait for a worker that has ended or does not answer.
    void watch() {
        watchdog_.expires_after(std::chrono::seconds{1});
        watchdog_.async_wait([this](error_code error) {
            if (error) {
                return;
            }
            if (!worker_->alive()) {
                throw std::runtime_error{"the worker ended early; its own words are above"};
            }
            if (clock_type::now() - last_sign_ > patience) {
                throw std::runtime_error{"the worker has not answered for 10 s"};
            }
            watch();
        });
    }

    void read() {
        ws_.async_read(buffer_, [this](error_code error, std::size_t) {
            must_work(error, "read");
            const auto bytes = buffer_.cdata();
            const std::string_view message{static_cast<const char*>(bytes.data()), bytes.size()};
            const char type = message.size() < 2 || message[0] != '\x08' ? '\0' : message[1];
            buffer_.clear();
            if (!registered_) {
                registered_ = true;
                begin_ = clock_type::now() + warmup_;
                next_ping_ = clock_type::now() + ping_interval;
                write(asio::buffer(register_response));
            } else if (type == type_complete) {
                completed();
            } else if (type == type_failed) {
                throw std::runtime_error{"the worker failed a task: " + std::string{message.substr(2)}};
            } else {
                read(); // a heartbeat
            }
        });
    }

    void completed() {
        const auto now = clock_type::now();
        last_sign_ = now;
        if (measuring_) {
            latencies_.push_back(
                static_cast<std::uint32_t>(std::chrono::nanoseconds{now - assigned_at_}.count()));
            if (now - begin_ >= measured_) {
                finish(now);
                return;
            }
        } else if (now >= begin_) {
            measuring_ = true;
            begin_ = now;
            cpu_begin_ = worker_->cpu_time();
        }
        if (now >= next_ping_) {
            next_ping_ = now + ping_interval;
            ws_.async_ping({}, [this](error_code error) {
                must_work(error, "ping");
                assign();
            });
            return;
        }
        assign();
    }

    void assign() {
        std::array<char, counter_digits> digits;
        digits.fill('0');
        std::array<char, 20> number;
        const char* const end = std::to_chars(number.begin(), number.end(), ++assigned_).ptr;
        std::copy(number.cbegin(), end, digits.end() - (end - number.begin()));
        std::ranges::copy(digits, frame_.begin() + counter_at);
        assigned_at_ = clock_type::now();
        write(asio::buffer(frame_));
    }

    void write(asio::const_buffer bytes) {
        const bool response = bytes.size() == register_response.size();
        ws_.async_write(bytes, [this, response](error_code error, std::size_t) {
            must_work(error, "write");
            if (response) {
                assign();
            } else {
                read();
            }
        });
    }

    void finish(clock_type::time_point now) {
        const std::chrono::duration<double, std::micro> cpu = worker_->cpu_time() - cpu_begin_;
        const auto count = latencies_.size();
        const auto middle = latencies_.begin() + static_cast<std::ptrdiff_t>(count / 2);
        std::ranges::nth_element(latencies_, middle);
        figures_ = {.tasks = count,
                    .seconds = std::chrono::duration<double>{now - begin_}.count(),
                    .p50_us = *middle / 1e3,
                    .cpu_us_per_task = cpu.count() / static_cast<double>(count)};
        context_.stop();
    }

    static constexpr std::chrono::seconds ping_interval{3}; // as the controller
    static constexpr std::chrono::seconds patience{10};

    asio::io_context context_{1};
    tcp::acceptor acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    websocket::stream<tcp::socket, false> ws_{context_};
    boost::beast::flat_buffer buffer_;
    asio::steady_timer watchdog_{context_};
    std::optional<bench::child> worker_; // ends before the connection does
    clock_type::duration warmup_;
    clock_type::duration measured_;
    std::string frame_;
    std::vector<std::uint32_t> latencies_; // nanoseconds
    std::uint64_t assigned_ = 0;
    bool registered_ = false;
    bool measuring_ = false;
    clock_type::time_point last_sign_ = clock_type::now();
    clock_type::time_point begin_;
    clock_type::time_point next_ping_;
    clock_type::time_point assigned_at_;
    std::chrono::nanoseconds cpu_begin_{};
    figures figures_;
};

} // namespace

int main(int argc, char** argv) {
    double seconds = 5;
    double warmup = 1;
    std::vector<std::string> command;
    CLI::App app{"Loads one worker with small tasks, one at a time, and measures it"};
    app.add_option("--seconds", seconds, "how long to measure")->check(CLI::Range(0.1, 600.0));
    app.add_option("--warmup", warmup, "seconds before measuring")->check(CLI::Range(0.0, 60.0));
    app.add_option("command", command, "the worker's program and its arguments, behind --")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        const figures measured =
            load{std::chrono::duration<double>{warmup}, std::chrono::duration<double>{seconds}}.run(command);
        std::cout << nlohmann::ordered_json{{"tasks", measured.tasks},
                                            {"seconds", measured.seconds},
                                            {"tasks_per_second",
                                             static_cast<double>(measured.tasks) / measured.seconds},
                                            {"p50_us", measured.p50_us},
                                            {"cpu_us_per_task", measured.cpu_us_per_task}}
                  << '\n';
    } catch (const std::exception& e) {
        std::cerr << "bench_load: " << e.what() << "\n";
        return 1;
    }
}
