// A neutral controller that does nothing but load one worker: it starts the worker, accepts whatever it
// registers with, hands each of its connections one task after the other, and measures.
//
//     bench_load [--seconds 5] [--warmup 1] [--connections 1] [--idle] -- WORKER [ARGUMENT...]
//
// Prints one line of JSON: tasks, seconds, tasks_per_second, p50_us, cpu_us_per_task (the worker process's
// CPU time, all threads); when idle, which means no tasks, instead private_kb (of the worker's memory) and
// cpu_us_per_second, both for all connections. Frames are bytes written by hand, so that no codec of either
// side is measured here.
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
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
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

struct plan {
    clock_type::duration warmup;
    clock_type::duration measured;
    std::size_t connections = 1;
    bool idle = false;
};

void must_work(error_code error, const char* step) {
    if (error) {
        throw std::runtime_error{std::string{"a connection of the worker's broke at '"} + step +
                                 "': " + error.message()};
    }
}

class load {
public:
    explicit load(const plan& what) : plan_{what} { latencies_.reserve(what.idle ? 0 : 1 << 22); }

    nlohmann::ordered_json run(const std::vector<std::string>& command) {
        acceptor_.listen(4096);
        worker_.emplace(command, acceptor_.local_endpoint().port());
        accept();
        watch();
        context_.run();
        return figures_;
    }

private:
    // One connection of the worker's.
    class session {
    public:
        session(load& of, tcp::socket socket) : load_{of}, ws_{std::move(socket)}, frame_{assignment} {
            ws_.next_layer().set_option(tcp::no_delay{true});
            ws_.write_buffer_bytes(256); // there are many of them
            ws_.binary(true);
            ws_.async_accept([this](error_code failed) {
                must_work(failed, "upgrade");
                read();
            });
        }

        void assign() {
            std::array<char, counter_digits> digits;
            digits.fill('0');
            std::array<char, 20> number;
            const char* const end = std::to_chars(number.begin(), number.end(), ++load_.assigned_).ptr;
            std::copy(number.cbegin(), end, digits.end() - (end - number.begin()));
            std::ranges::copy(digits, frame_.begin() + counter_at);
            assigned_at_ = clock_type::now();
            ws_.async_write(asio::buffer(frame_), [this](error_code error, std::size_t) {
                must_work(error, "write");
                read();
            });
        }
        void ping() {
            ws_.async_ping({}, [](error_code error) { must_work(error, "ping"); });
        }

    private:
        void read() {
            ws_.async_read(buffer_, [this](error_code error, std::size_t) {
                must_work(error, "read");
                const auto bytes = buffer_.cdata();
                const std::string_view message{static_cast<const char*>(bytes.data()), bytes.size()};
                const char type = message.size() < 2 || message[0] != '\x08' ? '\0' : message[1];
                if (!registered_) {
                    buffer_.clear();
                    answer_registration();
                } else if (type == type_complete) {
                    buffer_.clear();
                    completed();
                } else if (type == type_failed) {
                    throw std::runtime_error{"the worker failed a task: " + std::string{message.substr(2)}};
                } else {
                    buffer_.clear();
                    read(); // a heartbeat
                }
            });
        }
        void answer_registration() {
            registered_ = true;
            next_ping_ = clock_type::now() + ping_interval;
            ws_.async_write(asio::buffer(register_response), [this](error_code error, std::size_t) {
                must_work(error, "write");
                load_.registered();
                if (load_.plan_.idle) {
                    read();
                } else {
                    assign();
                }
            });
        }
        void completed() {
            const auto now = clock_type::now();
            load_.completed(assigned_at_, now);
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

        load& load_;
        websocket::stream<tcp::socket, false> ws_;
        boost::beast::flat_buffer buffer_;
        std::string frame_;
        bool registered_ = false;
        clock_type::time_point next_ping_;
        clock_type::time_point assigned_at_;
    };

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            must_work(error, "accept");
            sessions_.push_back(std::make_unique<session>(*this, std::move(socket)));
            if (sessions_.size() < plan_.connections) {
                accept();
            }
        });
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
            if (!resting_ && clock_type::now() - last_sign_ > patience) {
                throw std::runtime_error{"the worker has not answered for a minute"};
            }
            watch();
        });
    }

    // A connection is. With the last of them the time begins.
    void registered() {
        last_sign_ = clock_type::now();
        if (++registered_ < plan_.connections) {
            return;
        }
        begin_ = last_sign_ + plan_.warmup;
        if (plan_.idle) {
            resting_ = true;
            rest();
        }
    }

    void completed(clock_type::time_point assigned_at, clock_type::time_point now) {
        last_sign_ = now;
        if (measuring_) {
            latencies_.push_back(
                static_cast<std::uint32_t>(std::chrono::nanoseconds{now - assigned_at}.count()));
            if (now - begin_ >= plan_.measured) {
                finish(now);
            }
        } else if (registered_ == plan_.connections && now >= begin_) {
            measuring_ = true;
            begin_ = now;
            cpu_begin_ = worker_->cpu_time();
        }
    }

    // Pings as the controller does, each connection every 3 s and evenly; no tasks.
    void rest() {
        const auto now = clock_type::now();
        if (!measuring_ && now >= begin_) {
            measuring_ = true;
            begin_ = now;
            cpu_begin_ = worker_->cpu_time();
        } else if (measuring_ && now - begin_ >= plan_.measured) {
            const double seconds = std::chrono::duration<double>{now - begin_}.count();
            figures_ = {{"connections", plan_.connections},
                        {"private_kb", worker_->private_kb()},
                        {"cpu_us_per_second", cpu_us() / seconds}};
            context_.stop();
            return;
        }
        constexpr std::size_t turns = 30;
        for (std::size_t i = turn_++ % turns; i < sessions_.size(); i += turns) {
            sessions_[i]->ping();
        }
        pause_.expires_after(ping_interval / turns);
        pause_.async_wait([this](error_code error) {
            must_work(error, "pause");
            rest();
        });
    }

    [[nodiscard]] double cpu_us() const {
        return std::chrono::duration<double, std::micro>{worker_->cpu_time() - cpu_begin_}.count();
    }

    void finish(clock_type::time_point now) {
        const auto count = latencies_.size();
        const auto middle = latencies_.begin() + static_cast<std::ptrdiff_t>(count / 2);
        std::ranges::nth_element(latencies_, middle);
        const double seconds = std::chrono::duration<double>{now - begin_}.count();
        figures_ = {{"tasks", count},
                    {"seconds", seconds},
                    {"tasks_per_second", static_cast<double>(count) / seconds},
                    {"p50_us", *middle / 1e3},
                    {"cpu_us_per_task", cpu_us() / static_cast<double>(count)}};
        context_.stop();
    }

    static constexpr std::chrono::milliseconds ping_interval{3'000}; // as the controller
    static constexpr std::chrono::seconds patience{60};

    plan plan_;
    asio::io_context context_{1};
    tcp::acceptor acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    asio::steady_timer watchdog_{context_};
    asio::steady_timer pause_{context_};
    std::vector<std::unique_ptr<session>> sessions_;
    std::optional<bench::child> worker_;   // ends before the connections do
    std::vector<std::uint32_t> latencies_; // nanoseconds
    std::uint64_t assigned_ = 0;
    std::size_t registered_ = 0;
    std::size_t turn_ = 0;
    bool measuring_ = false;
    bool resting_ = false;
    clock_type::time_point last_sign_ = clock_type::now();
    clock_type::time_point begin_;
    std::chrono::nanoseconds cpu_begin_{};
    nlohmann::ordered_json figures_;
};

} // namespace

int main(int argc, char** argv) {
    double seconds = 5;
    double warmup = 1;
    plan what;
    std::vector<std::string> command;
    CLI::App app{"Loads one worker with small tasks, one at a time for each connection, and measures it"};
    app.add_option("--seconds", seconds, "how long to measure")->check(CLI::Range(0.1, 600.0));
    app.add_option("--warmup", warmup, "seconds before measuring")->check(CLI::Range(0.0, 60.0));
    app.add_option("--connections", what.connections, "how many the worker makes")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}));
    app.add_flag("--idle", what.idle, "no tasks: what it costs to be connected");
    app.add_option("command", command, "the worker's program and its arguments, behind --")->required();
    CLI11_PARSE(app, argc, argv);
    const auto in_ticks = [](double time) {
        return std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>{time});
    };
    what.warmup = in_ticks(warmup);
    what.measured = in_ticks(seconds);
    try {
        std::cout << load{what}.run(command) << '\n';
    } catch (const std::exception& e) {
        std::cerr << "bench_load: " << e.what() << "\n";
        return 1;
    }
}
