// A worker of nothing but the core: its engine and the controller's in one program, on a clock that the
// program turns.
#include <distworker/controller_engine.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/worker_engine.hpp>

#include <deque>
#include <functional>
#include <iostream>

using namespace distworker;
using namespace std::chrono_literals;

namespace {

constexpr connection_id line = 1;

class story {
public:
    /// The sum of both, by way of a task.
    std::optional<double> add(double a, double b) {
        if (!controller_.add_provisioner({"example", secret{std::string_view{"token"}}, {"math.add"}}) ||
            !worker_.start(now_)) {
            return {};
        }
        const auto task = controller_.submit(
            {.queue = "math.add", .metadata = {}, .input = value{{"a", a}, {"b", b}}}, now_);
        for (int round = 0; round < 1000 && task && (*task)->status != task_status::finished; ++round) {
            settle();
            now_ = instant{now_.monotonic + 1ms, now_.wall + 1ms};
        }
        return task && (*task)->result ? (*task)->result->view()["result"].number() : std::nullopt;
    }

private:
    /// Carries out what both want until neither wants anything now. What is sent arrives next.
    void settle() {
        for (;;) {
            while (!arrivals_.empty()) {
                arrivals_.front()();
                arrivals_.pop_front();
            }
            auto wanted = worker_.poll(now_);
            auto ordered = controller_.poll(now_);
            if (std::holds_alternative<output::idle>(wanted) &&
                std::holds_alternative<controller_idle>(ordered) && arrivals_.empty()) {
                return;
            }
            std::visit([this](auto& out) { perform(out); }, wanted);
            std::visit([this](auto& out) { perform(out); }, ordered);
        }
    }
    void perform(const output::connect& out) {
        controller_.connected(line, now_);
        worker_.opened(out.generation, now_);
    }
    void perform(const output::send& out) {
        controller_.received(line, message_kind::binary, out.bytes, true, now_);
        arrivals_.emplace_back([this, to = out.generation] { worker_.sent(to, now_); });
    }
    void perform(const output::ping& out) {
        arrivals_.emplace_back([this, out] { worker_.pong(out.generation, out.payload, now_); });
    }
    void perform(const output::assigned& out) {
        outcome_writer answer{out.task};
        const object_view input = out.task.input();
        answer.result().member("result", input["a"].number().value_or(0) + input["b"].number().value_or(0));
        static_cast<void>(worker_.complete(out.task.name(), std::move(answer).complete(), now_));
    }
    void perform(const send_message& out) {
        arrivals_.emplace_back([this, message = out.message] {
            const auto bytes = message.bytes();
            worker_.received(worker_.generation(), message_kind::binary, bytes, true, bytes.size(), now_);
            controller_.sent(line, now_);
        });
    }
    void perform(const send_ping&) { controller_.alive(line, now_); }
    void perform(const auto&) {}

    std::shared_ptr<const crypto> crypto_ = make_openssl_crypto();
    instant now_{monotonic_time{1h}, wall_time{1'790'000'000s}};
    worker_engine worker_{
        worker_config{.controller = "http://127.0.0.1:1", .provisioner = "example"}.validate().value(),
        make_signer(crypto_, secret{std::string_view{"token"}}), 1};
    controller_engine controller_{controller_config{}, crypto_, 2};
    std::deque<std::function<void()>> arrivals_;
};

} // namespace

int main() {
    const auto sum = story{}.add(19, 23);
    std::cout << "19 + 23 = " << sum.value_or(0) << '\n';
    return sum == 42 ? 0 : 1;
}
