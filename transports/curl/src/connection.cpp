#include "connection.hpp"

#include <distworker/close_code.hpp>
#include <distworker/utf8.hpp>

#include <curl/websockets.h>

#include <algorithm>
#include <utility>

namespace distworker::curl {
namespace {

/// The engine refuses what is too large for it; beyond this a header is refused unread.
constexpr curl_off_t hard_message_limit = curl_off_t{1} << 30U;
constexpr curl_off_t max_control_bytes = 125;
/// What one turn of the loop reads from and writes to one connection, so that pongs, the other connections
/// and the timer have their turn too.
constexpr int pieces_per_turn = 256;
constexpr int frames_per_turn = 16;

constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t no_code = 1005;
constexpr std::uint16_t invalid_payload = 1007;
constexpr std::uint16_t too_big = 1009;

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string close_payload(std::uint16_t code) {
    return {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
}

} // namespace

connection::connection(std::shared_ptr<shared_state> shared, controller_url url, transport_events& events,
                       const std::string& key, std::string proof)
    : shared_{std::move(shared)}, transfers_{shared_->transfers.with_room()}, url_{std::move(url)},
      events_{&events}, answer_{std::move(proof)}, easy_{curl_easy_init()} {
    if (easy_ == nullptr) {
        throw std::bad_alloc{};
    }
    set_options(key);
}

connection::~connection() {
    release();
}

void connection::start() {
    transfers_->add(easy_.get());
    added_ = true;
}

void connection::fail_soon(link_end how) {
    last_ = std::move(how);
    post_turn();
}

void connection::send(std::span<const std::byte> message) {
    message_ = message;
    write();
    if (sent_due_ && !in_turn_) {
        post_turn();
    }
}

void connection::ping(std::span<const std::byte> payload) {
    ping_ = text_of(payload);
    write();
}

void connection::close(std::uint16_t code) {
    closing_ = true;
    close_ = close_payload(code);
    write();
}

void connection::abort() noexcept {
    events_ = nullptr;
    release();
}

// The connection is made, and libcurl leaves its descriptor to us; or it is not.
void connection::done(CURLcode result) {
    const auto self = shared_from_this();
    if (events_ == nullptr) {
        return;
    }
    if (result != CURLE_OK) {
        end(failure(result));
        return;
    }
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD || !answer_.problem().empty()) {
        end(answer_.status() == 0 ? failure(CURLE_GOT_NOTHING) : answer_.verdict());
        return;
    }
    watch_ = transfers_->owner().watch(fd, {.readable = true}, [this](io_interest what) { ready(what); });
    in_turn_ = true;
    events_->opened();
    in_turn_ = false;
    ready({.readable = true}); // frames may have come with the answer
}

void connection::ready(io_interest what) {
    const auto self = shared_from_this();
    in_turn_ = true;
    if (what.readable) {
        read();
    }
    if (what.writable && events_ != nullptr) {
        write();
    }
    tell_what_is_due();
    in_turn_ = false;
}

// What cannot be told from inside a call into this object.
void connection::tell_sent() {
    for (int i = 0; i < pieces_per_turn && sent_due_ && events_ != nullptr; ++i) {
        sent_due_ = false;
        events_->sent();
    }
}

void connection::tell_what_is_due() {
    tell_sent();
    if (events_ != nullptr && last_ && (broken_ || (!close_ && !(current_ && current_->is_close)))) {
        end(*std::exchange(last_, std::nullopt));
    }
    if (sent_due_) {
        post_turn();
    }
}

void connection::post_turn() {
    if (!std::exchange(turn_posted_, true)) {
        transfers_->owner().post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->turn_posted_ = false;
                self->ready({.readable = self->watch_.has_value()});
            }
        });
    }
}

// libcurl keeps bytes that the descriptor does not tell of: it is read until it has nothing left. What comes
// may answer a message that has just been written, which is told before.
void connection::read() {
    for (int i = 0; i < pieces_per_turn; ++i) {
        tell_sent();
        if (events_ == nullptr || last_) {
            return;
        }
        std::size_t size = 0;
        const curl_ws_frame* frame = nullptr;
        const CURLcode result =
            curl_ws_recv(easy_.get(), shared_->buffer.data(), shared_->buffer.size(), &size, &frame);
        if (result == CURLE_AGAIN) {
            return;
        }
        if (result != CURLE_OK || frame == nullptr) {
            read_failed(result);
            return;
        }
        if (!take(*frame, std::as_bytes(std::span{shared_->buffer}.first(size)))) {
            return;
        }
    }
    post_turn();
}

// False when the connection is over.
bool connection::take(const curl_ws_frame& frame, std::span<const std::byte> bytes) {
    constexpr int control_kinds = CURLWS_CLOSE | CURLWS_PING | CURLWS_PONG;
    const auto length = static_cast<curl_off_t>(bytes.size());
    if (frame.bytesleft < 0 || frame.offset < 0 || frame.bytesleft > hard_message_limit ||
        frame.offset > hard_message_limit - frame.bytesleft - length) {
        violate(too_big, "a frame of the controller is larger than 1 GiB");
        return false;
    }
    const curl_off_t announced = frame.offset + length + frame.bytesleft;
    const bool fragment = (frame.flags & CURLWS_CONT) != 0;
    if ((frame.flags & control_kinds) != 0) {
        if (announced > max_control_bytes || fragment) {
            violate(protocol_error, "a control frame is fragmented or longer than 125 bytes");
            return false;
        }
        control_ += text_of(bytes);
        if (frame.bytesleft == 0) {
            take_control(static_cast<unsigned>(frame.flags & control_kinds));
        }
        return events_ != nullptr;
    }
    const bool last = frame.bytesleft == 0 && !fragment;
    const bool is_text = (frame.flags & CURLWS_TEXT) != 0;
    if (is_text && !text_.take(bytes, last)) {
        violate(invalid_payload, "a text message is not UTF-8");
        return false;
    }
    if (!closing_) {
        events_->received(is_text ? message_kind::text : message_kind::binary, bytes, last,
                          static_cast<std::uint64_t>(announced));
    }
    return events_ != nullptr;
}

void connection::take_control(unsigned kind) {
    std::string payload = std::exchange(control_, {});
    if (kind == CURLWS_CLOSE) {
        control_ = std::move(payload);
        take_close();
    } else if (kind == CURLWS_PING) {
        pong_ = std::move(payload);
        write();
        events_->pinged();
    } else {
        events_->pong(std::as_bytes(std::span{payload}));
    }
}

void connection::take_close() {
    const std::string payload = std::exchange(control_, {});
    if (closing_) {
        end({.what = link_end::kind::closed, .detail = "closed by us"});
        return;
    }
    std::uint16_t code = no_code;
    if (!payload.empty()) {
        code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8U);
        code = payload.size() < 2 ? std::uint16_t{0}
                                  : static_cast<std::uint16_t>(code | static_cast<unsigned char>(payload[1]));
        if (!may_be_sent(code)) {
            violate(protocol_error, "the controller closed with a code that must not be sent");
            return;
        }
        if (!is_valid_utf8(std::string_view{payload}.substr(2))) {
            violate(invalid_payload, "the controller closed with a reason that is not UTF-8");
            return;
        }
    }
    last_ = link_end{.what = link_end::kind::peer_close,
                     .detail = "the controller closed, code " + std::to_string(code),
                     .close_code = code};
    close_ = payload.substr(0, 2);
    write();
}

void connection::read_failed(CURLcode result) {
    const std::string_view said = error_.data();
    if (closing_) {
        end({.what = link_end::kind::closed, .detail = "closed by us"});
    } else if (result == CURLE_RECV_ERROR && said.starts_with("[WS]")) {
        violate(protocol_error, escape_for_log(said));
    } else {
        end({.what = link_end::kind::lost,
             .detail = escape_for_log(said.empty() ? std::string_view{curl_easy_strerror(result)} : said)});
    }
}

// The peer broke the rules: it is told once, if that can be written at once, and the connection ends.
void connection::violate(std::uint16_t code, std::string detail) {
    close_ = close_payload(code);
    write();
    end({.what = link_end::kind::protocol, .detail = std::move(detail)});
}

// Offers frames until the connection takes no more. Errors are not told here: reading finds them too.
void connection::write() {
    if (!watch_ || broken_) {
        return;
    }
    for (int i = 0; current_ || next_frame(); ++i) {
        if (i == frames_per_turn) {
            want_writable(true);
            return;
        }
        if (!offer()) {
            return;
        }
        const bool message_done = current_->is_message && !message_;
        close_sent_ = close_sent_ || current_->is_close;
        current_.reset();
        sent_due_ = sent_due_ || message_done;
    }
    want_writable(false);
}

// Chooses what goes out next: control frames go between fragments, and nothing goes behind a Close.
bool connection::next_frame() {
    if (close_sent_) {
        return false;
    }
    if (pong_) {
        set_control(CURLWS_PONG, *std::exchange(pong_, std::nullopt));
    } else if (close_) {
        set_control(CURLWS_CLOSE, *std::exchange(close_, std::nullopt));
        current_->is_close = true;
    } else if (ping_) {
        set_control(CURLWS_PING, *std::exchange(ping_, std::nullopt));
    } else if (message_) {
        const auto piece = message_->first(std::min(message_->size(), fragment_bytes));
        const auto rest = message_->subspan(piece.size());
        current_ = outgoing{.flags = CURLWS_BINARY | (rest.empty() ? 0U : unsigned{CURLWS_CONT}),
                            .rest = piece,
                            .is_message = true};
        message_ = rest.empty() ? std::nullopt : std::optional{rest};
    } else {
        return false;
    }
    return true;
}

void connection::set_control(unsigned flags, std::string payload) {
    current_ = outgoing{.flags = flags, .rest = {}, .own = std::move(payload)};
    current_->rest = std::as_bytes(std::span{current_->own});
}

// False when the connection takes no more of the current frame now.
bool connection::offer() {
    for (;;) {
        std::size_t sent = 0;
        const CURLcode result = curl_ws_send(easy_.get(), current_->rest.data(), current_->rest.size(), &sent,
                                             0, current_->flags);
        // What a library claims to have written is believed only as far as there was something to write.
        current_->rest = current_->rest.subspan(std::min(sent, current_->rest.size()));
        if (result == CURLE_OK && current_->rest.empty()) {
            return true;
        }
        broken_ = result != CURLE_OK && result != CURLE_AGAIN;
        want_writable(!broken_);
        if (result != CURLE_OK || sent == 0) {
            return false;
        }
    }
}

void connection::want_writable(bool wanted) {
    if (watch_ && std::exchange(want_writable_, wanted) != wanted) {
        transfers_->owner().set_interest(*watch_, {.readable = true, .writable = wanted});
    }
}

void connection::release() noexcept {
    if (watch_) {
        transfers_->owner().unwatch(*std::exchange(watch_, std::nullopt));
    }
    if (std::exchange(added_, false)) {
        transfers_->remove(easy_.get());
    }
}

void connection::end(link_end how) {
    if (events_ == nullptr) {
        return;
    }
    transport_events* const events = std::exchange(events_, nullptr);
    release();
    events->closed(std::move(how));
}

} // namespace distworker::curl
