// The floor: a worker by hand on Beast and protobuf with nothing in it but a loop, to compare the SDK with.
//
// It registers, answers each assignment with a + b, and lets Beast answer pings. No timeouts, no receipts, no
// reconnecting, no check of what comes in: not an example to follow.
#include <distworker/openssl_crypto.hpp>
#include <distworker/protobuf.hpp>
#include <distworker/signing.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <google/protobuf/arena.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
namespace messages = distworker::messages;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr) {
        throw std::runtime_error{std::string{"set "} + name};
    }
    return value;
}

std::string registration() {
    const auto date = distworker::signing_date(std::chrono::time_point_cast<std::chrono::milliseconds>(
                                                   std::chrono::system_clock::now()))
                          .value();
    messages::SignedWorkerRegister signed_part;
    signed_part.set_provisioner_name(variable("DISTWORKER_PROVISIONER"));
    signed_part.set_date(std::string{date.view()});
    const std::string data = signed_part.SerializeAsString();
    const auto signature =
        distworker::sign_registration(*distworker::make_openssl_crypto(),
                                      distworker::secret{variable("DISTWORKER_WORKER_TOKEN")}, date.view(),
                                      std::as_bytes(std::span{data}))
            .value();
    messages::WebSocketMessage message;
    message.set_type(messages::MESSAGE_TYPE_WORKER_REGISTER);
    message.mutable_worker_register()->set_data(data);
    message.mutable_worker_register()->set_signature(signature.data(), signature.size());
    return message.SerializeAsString();
}

class floor_worker {
public:
    explicit floor_worker(asio::io_context& context) : ws_{context} {}

    void start(const tcp::endpoint& controller) {
        tcp::socket& socket = boost::beast::get_lowest_layer(ws_);
        socket.connect(controller);
        socket.set_option(tcp::no_delay{true});
        ws_.binary(true);
        ws_.auto_fragment(false);
        ws_.handshake("127.0.0.1:" + std::to_string(controller.port()), "/worker/v1/ws");
        ws_.write(asio::buffer(registration()));
        read();
    }

private:
    void read() {
        ws_.async_read(in_, [this](error_code error, std::size_t) {
            if (error) {
                return; // the controller has seen enough
            }
            answer();
        });
    }

    void answer() {
        arena_.Reset();
        auto* const message = google::protobuf::Arena::CreateMessage<messages::WebSocketMessage>(&arena_);
        const auto bytes = in_.cdata();
        if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
            throw std::runtime_error{"a frame cannot be parsed"};
        }
        in_.clear();
        if (!message->has_task_assign()) {
            read();
            return;
        }
        const messages::TaskAssign& task = message->task_assign();
        const auto& input = task.input().fields();
        const double sum = input.at("a").number_value() + input.at("b").number_value();

        auto* const reply = google::protobuf::Arena::CreateMessage<messages::WebSocketMessage>(&arena_);
        reply->set_type(messages::MESSAGE_TYPE_TASK_COMPLETE);
        reply->mutable_task_complete()->set_task_id(task.task_id());
        (*reply->mutable_task_complete()->mutable_result()->mutable_fields())["result"].set_number_value(sum);
        out_.resize(reply->ByteSizeLong());
        reply->SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out_.data()));
        // In this order the socket is not looked at in vain. The next assignment cannot come before this is
        // written.
        ws_.async_write(asio::buffer(out_), [](error_code, std::size_t) {});
        read();
    }

    static google::protobuf::ArenaOptions on(std::span<char> block) {
        google::protobuf::ArenaOptions options;
        options.initial_block = block.data();
        options.initial_block_size = block.size();
        return options;
    }

    websocket::stream<tcp::socket, false> ws_;
    boost::beast::flat_buffer in_;
    std::string out_;
    std::array<char, 16 * 1024> block_{};
    google::protobuf::Arena arena_{on(block_)};
};

} // namespace

int main() {
    try {
        const std::string url = variable("DISTWORKER_CONTROLLER_URL"); // http://127.0.0.1:PORT
        const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
        asio::io_context context{1};
        floor_worker worker{context};
        worker.start({asio::ip::address_v4::loopback(), port});
        context.run();
    } catch (const std::exception& e) {
        std::cerr << "bench_floor: " << e.what() << '\n';
        return 1;
    }
}
