#include "proxy_tunnel.hpp"

#include <boost/asio/write.hpp>

#include <charconv>
#include <string_view>
#include <utility>

namespace distworker::beast {
namespace {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

constexpr std::size_t max_answer = 16 * 1024;
constexpr std::string_view end_of_header = "\r\n\r\n";

// The status of an answer whose header is complete; 0 when it is no HTTP.
int status_of(std::string_view answer) {
    constexpr std::string_view version = "HTTP/1.x ";
    int status = 0;
    if (answer.starts_with(version.substr(0, version.find('x'))) && answer.size() > version.size()) {
        std::from_chars(answer.data() + version.size(), answer.data() + answer.size(), status);
    }
    return status;
}

class tunnel final : public std::enable_shared_from_this<tunnel> {
public:
    tunnel(std::shared_ptr<byte_stream> over, std::shared_ptr<const proxy_route> through,
           const controller_url& to, std::move_only_function<void(std::optional<link_end>)> opened)
        : over_{std::move(over)}, through_{std::move(through)}, opened_{std::move(opened)} {
        // Unlike in a Host header, the port is always named.
        std::string target = to.host;
        if (to.host.find(':') != std::string::npos) {
            target = '[' + to.tls_name() + ']';
        }
        target.append(":").append(std::to_string(to.port));
        request_ = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    }

    void ask() {
        const auto& authorization = through_->authorization.bytes();
        const std::array<asio::const_buffer, 3> all{asio::buffer(request_),
                                                    asio::buffer(authorization.data(), authorization.size()),
                                                    asio::buffer(end_of_header.substr(2))};
        asio::async_write(over_->socket(), all, [self = shared_from_this()](error_code error, std::size_t) {
            error ? self->done(error) : self->read();
        });
    }

private:
    void read() {
        over_->socket().async_read_some(
            asio::buffer(piece_), [self = shared_from_this()](error_code error, std::size_t size) {
                error ? self->done(error) : self->take({self->piece_.data(), size});
            });
    }

    // The controller says nothing before we do: what comes with the answer is no tunnel's.
    void take(std::string_view bytes) {
        answer_ += bytes;
        const auto end = answer_.find(end_of_header);
        if (end == std::string::npos && answer_.size() < max_answer) {
            read();
            return;
        }
        const int status = end == std::string::npos ? 0 : status_of(answer_);
        const bool good = status >= 200 && status < 300 && end + end_of_header.size() == answer_.size();
        std::exchange(opened_, nullptr)(
            good ? std::nullopt : std::optional{describe_proxy_refusal(through_->address, status)});
    }

    void done(error_code error) {
        std::exchange(opened_,
                      nullptr)(link_end{.what = link_end::kind::connect,
                                        .detail = "the connection to the proxy " + through_->address.host +
                                                  " ended before its answer: " + error.message()});
    }

    std::shared_ptr<byte_stream> over_;
    std::shared_ptr<const proxy_route> through_;
    std::move_only_function<void(std::optional<link_end>)> opened_;
    std::string request_;
    std::array<char, 1024> piece_{};
    std::string answer_;
};

} // namespace

void open_tunnel(std::shared_ptr<byte_stream> over, std::shared_ptr<const proxy_route> through,
                 const controller_url& to, std::move_only_function<void(std::optional<link_end>)> opened) {
    std::make_shared<tunnel>(std::move(over), std::move(through), to, std::move(opened))->ask();
}

} // namespace distworker::beast
