#include <distworker/sim/endpoint.hpp>

#include <algorithm>
#include <utility>

namespace distworker::sim {
namespace {

constexpr std::uint8_t continuation = 0x0;
constexpr std::uint8_t text = 0x1;
constexpr std::uint8_t binary = 0x2;
constexpr std::uint8_t close_frame = 0x8;
constexpr std::uint8_t ping_frame = 0x9;
constexpr std::uint8_t pong_frame = 0xA;
constexpr std::uint8_t fin_bit = 0x80;
constexpr std::size_t short_length = 125;

bool is_control(std::uint8_t opcode) noexcept {
    return opcode >= close_frame;
}

// The two bytes of every frame, then a length of none, two or eight more.
std::size_t header_size(std::uint8_t length) noexcept {
    return length <= short_length ? 2 : length == 126 ? 4 : 10;
}

std::uint64_t big_endian(std::span<const std::byte> bytes) noexcept {
    std::uint64_t value = 0;
    for (const std::byte b : bytes) {
        value = value << 8U | std::to_integer<std::uint64_t>(b);
    }
    return value;
}

} // namespace

void endpoint::send(std::span<const std::byte> message, message_kind kind) {
    if (!close_sent_ && !message_) {
        message_.emplace(outgoing{{message.begin(), message.end()}, kind, 0});
    }
}

void endpoint::ping(std::span<const std::byte> payload) {
    controls_.push_back({ping_frame, {payload.begin(), payload.end()}});
}

void endpoint::close(std::uint16_t code) {
    controls_.push_back({close_frame, {std::byte(code >> 8U), std::byte(code & 0xFFU)}});
}

void endpoint::abandon() noexcept {
    ended_ = true;
    out_->cut();
    in_->cut();
}

void endpoint::frame(std::uint8_t opcode, bool fin, std::span<const std::byte> payload) {
    pending_.clear();
    pending_done_ = 0;
    pending_.push_back(std::byte(opcode | (fin ? fin_bit : 0U)));
    if (payload.size() <= short_length) {
        pending_.push_back(std::byte(payload.size()));
    } else {
        const bool two = payload.size() <= UINT16_MAX;
        pending_.push_back(std::byte(two ? 126 : 127));
        for (int shift = two ? 8 : 56; shift >= 0; shift -= 8) {
            pending_.push_back(std::byte(payload.size() >> static_cast<unsigned>(shift) & 0xFFU));
        }
    }
    pending_.insert(pending_.end(), payload.begin(), payload.end());
}

// Prepares what goes out next; false when nothing does. Pongs pass between fragments; pings and the Close
// wait for the message's end.
bool endpoint::next_frame(std::vector<endpoint_event>& events) {
    if (std::exchange(message_written_, false)) {
        message_.reset();
        events.push_back({.what = endpoint_event::kind::sent});
    }
    if (close_sent_) {
        return false;
    }
    if (pong_) {
        frame(pong_frame, true, *pong_);
        pong_.reset();
        return true;
    }
    if (message_) {
        const bool first = message_->done == 0;
        const auto piece = std::span<const std::byte>{message_->bytes}.subspan(message_->done);
        const auto now = piece.first(std::min(piece.size(), fragment_));
        message_->done += now.size();
        message_written_ = message_->done == message_->bytes.size();
        const std::uint8_t opcode = !first                                 ? continuation
                                    : message_->kind == message_kind::text ? text
                                                                           : binary;
        frame(opcode, message_written_, now);
        return true;
    }
    if (!controls_.empty()) {
        const control next = std::move(controls_.front());
        controls_.pop_front();
        frame(next.opcode, true, next.payload);
        close_sent_ = next.opcode == close_frame;
        return true;
    }
    return false;
}

void endpoint::write(monotonic_time now, std::vector<endpoint_event>& events) {
    for (;;) {
        if (pending_done_ == pending_.size() && !next_frame(events)) {
            break;
        }
        const std::size_t taken =
            out_->write(std::span<const std::byte>{pending_}.subspan(pending_done_), now);
        pending_done_ += taken;
        if (pending_done_ < pending_.size()) {
            break; // until the other side has read
        }
    }
}

void endpoint::advance(monotonic_time now, std::vector<endpoint_event>& events) {
    if (ended_) {
        return;
    }
    in_->read(received_, now);
    parse(events);
    write(now, events);
    if (in_->broken() || out_->broken() || in_->at_end()) {
        ended_ = true;
        out_->finish();
        events.push_back({.what = endpoint_event::kind::ended});
    }
}

void endpoint::parse(std::vector<endpoint_event>& events) {
    std::size_t at = 0;
    for (;;) {
        const auto left = std::span<const std::byte>{received_}.subspan(at);
        if (in_frame_) {
            if (left.empty() && frame_left_ > 0) {
                break;
            }
            const auto piece =
                left.first(static_cast<std::size_t>(std::min<std::uint64_t>(left.size(), frame_left_)));
            frame_left_ -= piece.size();
            at += piece.size();
            in_frame_ = frame_left_ > 0;
            events.push_back({.what = endpoint_event::kind::part,
                              .message = incoming_kind_,
                              .bytes = {piece.begin(), piece.end()},
                              .last = frame_fin_ && !in_frame_,
                              .announced = frame_fin_ ? frame_size_ : 0});
            continue;
        }
        if (left.size() < 2) {
            break;
        }
        const auto first = std::to_integer<std::uint8_t>(left[0]);
        const auto length = std::to_integer<std::uint8_t>(left[1]);
        const std::size_t header = header_size(length);
        if (left.size() < header) {
            break;
        }
        const std::uint64_t size = header == 2 ? length : big_endian(left.subspan(2, header - 2));
        const auto opcode = static_cast<std::uint8_t>(first & 0x0FU);
        if (is_control(opcode)) {
            if (left.size() < header + size) {
                break;
            }
            const auto payload = left.subspan(header, static_cast<std::size_t>(size));
            at += header + payload.size();
            take_control(opcode, {payload.begin(), payload.end()}, events);
            continue;
        }
        at += header;
        in_frame_ = true;
        frame_fin_ = (first & fin_bit) != 0;
        frame_left_ = size;
        frame_size_ = size;
        if (opcode != continuation) {
            incoming_kind_ = opcode == text ? message_kind::text : message_kind::binary;
        }
    }
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
}

void endpoint::take_control(std::uint8_t opcode, std::vector<std::byte> payload,
                            std::vector<endpoint_event>& events) {
    if (opcode == ping_frame) {
        pong_ = std::move(payload);
        events.push_back({.what = endpoint_event::kind::pinged});
    } else if (opcode == pong_frame) {
        events.push_back({.what = endpoint_event::kind::pong, .bytes = std::move(payload)});
    } else {
        const auto code =
            static_cast<std::uint16_t>(payload.size() >= 2 ? big_endian(std::span{payload}.first(2)) : 1005);
        if (!close_sent_) {
            close(code);
        }
        events.push_back({.what = endpoint_event::kind::closed, .code = code});
    }
}

} // namespace distworker::sim
