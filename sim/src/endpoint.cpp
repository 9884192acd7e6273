#include <distworker/sim/endpoint.hpp>

#include <algorithm>
#include <utility>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t continuation = 0x0;
constexpr std::uint8_t text = 0x1;
constexpr std::uint8_t binary = 0x2;
constexpr std::uint8_t close_frame = 0x8;
constexpr std::uint8_t ping_frame = 0x9;
constexpr std::uint8_t pong_frame = 0xA;
constexpr std::uint8_t raw_bytes = 0xFF; // no frame of ours
constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::size_t short_length = 125;
constexpr std::uint64_t longest_frame = 1ULL << 30U;

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

void endpoint::pong(std::span<const std::byte> payload) {
    controls_.push_back({pong_frame, {payload.begin(), payload.end()}});
}

void endpoint::close(std::uint16_t code) {
    controls_.push_back({close_frame, {std::byte(code >> 8U), std::byte(code & 0xFFU)}});
}

void endpoint::raw(std::span<const std::byte> bytes) {
    controls_.push_back({raw_bytes, {bytes.begin(), bytes.end()}});
}

void endpoint::abandon() noexcept {
    ended_ = true;
    out_->cut();
    in_->cut();
}

bool endpoint::quiet() const noexcept {
    return ended_ || (!message_ && controls_.empty() && !pong_ && pending_done_ == pending_.size() &&
                      received_done_ == received_.size() && !in_frame_ && !in_message_);
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
bool endpoint::next_frame(monotonic_time now) {
    const bool raw_is_next = !controls_.empty() && controls_.front().opcode == raw_bytes;
    if (close_sent_ && !raw_is_next) {
        return false;
    }
    if (pong_ && !close_sent_) {
        const answer next = *std::exchange(pong_, std::nullopt);
        if (!options_.drops_late_pongs || now - next.asked <= 1s) {
            pong_asked_ = next.asked;
            frame(pong_frame, true, next.payload);
            return true;
        }
        ++dropped_pongs_;
    }
    if (message_ && !close_sent_) {
        const bool first = message_->done == 0;
        const auto left = std::span<const std::byte>{message_->bytes}.subspan(message_->done);
        const auto piece = left.first(std::min(left.size(), options_.fragment));
        message_->done += piece.size();
        message_written_ = message_->done == message_->bytes.size();
        const std::uint8_t opcode = !first                                 ? continuation
                                    : message_->kind == message_kind::text ? text
                                                                           : binary;
        frame(opcode, message_written_, piece);
        return true;
    }
    if (!controls_.empty()) {
        const control next = std::move(controls_.front());
        controls_.pop_front();
        if (next.opcode == raw_bytes) {
            pending_ = next.payload;
            pending_done_ = 0;
        } else {
            frame(next.opcode, true, next.payload);
        }
        close_sent_ = close_sent_ || next.opcode == close_frame;
        return true;
    }
    return false;
}

// True when the last byte of a message is written.
bool endpoint::write(monotonic_time now) {
    for (;;) {
        if (pending_done_ == pending_.size()) {
            if (const auto asked = std::exchange(pong_asked_, std::nullopt)) {
                slowest_pong_ = std::max(slowest_pong_, now - *asked);
            }
            if (std::exchange(message_written_, false)) {
                message_.reset();
                return true;
            }
            if (!next_frame(now)) {
                return false;
            }
        }
        pending_done_ += out_->write(std::span<const std::byte>{pending_}.subspan(pending_done_), now);
        if (pending_done_ < pending_.size()) {
            return false; // until the other side has read
        }
    }
}

std::optional<endpoint_event> endpoint::next(monotonic_time now) {
    while (!ended_) {
        if (reading_) {
            if (auto event = parse(now)) {
                return event;
            }
            compact();
            if (!ended_ && in_->read(received_, now) > 0) {
                continue;
            }
        }
        if (write(now)) {
            return endpoint_event{.what = endpoint_event::kind::sent};
        }
        if (in_->broken() || out_->broken() || (reading_ && in_->at_end())) {
            ended_ = true;
            out_->finish();
            return endpoint_event{.what = endpoint_event::kind::ended};
        }
        break;
    }
    return std::nullopt;
}

void endpoint::compact() {
    if (received_done_ == received_.size()) {
        received_.clear();
    } else {
        received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(received_done_));
    }
    received_done_ = 0;
}

// The next thing in what was received; nothing when its rest is still to come.
std::optional<endpoint_event> endpoint::parse(monotonic_time now) {
    while (!close_received_) {
        const auto left = std::span<const std::byte>{received_}.subspan(received_done_);
        if (in_frame_) {
            if (left.empty() && frame_left_ > 0) {
                return std::nullopt;
            }
            return take_part();
        }
        if (left.size() < 2) {
            return std::nullopt;
        }
        const auto first = std::to_integer<std::uint8_t>(left[0]);
        const auto length = std::to_integer<std::uint8_t>(left[1]);
        if ((length & mask_bit) != 0) {
            return fail("a masked frame");
        }
        const std::size_t header = header_size(length);
        if (left.size() < header) {
            return std::nullopt;
        }
        const std::uint64_t size = header == 2 ? length : big_endian(left.subspan(2, header - 2));
        if ((first & reserved_bits) != 0) {
            return fail("a reserved bit");
        }
        const auto opcode = static_cast<std::uint8_t>(first & 0x0FU);
        if (!is_control(opcode)) {
            received_done_ += header;
            if (auto broken = begin_frame(first, size)) {
                return broken;
            }
            continue;
        }
        if (size > short_length || (first & fin_bit) == 0) {
            return fail("a control frame that is too long or in pieces");
        }
        if (left.size() < header + size) {
            return std::nullopt;
        }
        const auto payload = left.subspan(header, static_cast<std::size_t>(size));
        received_done_ += header + payload.size();
        return take_control(opcode, payload, now);
    }
    received_done_ = received_.size(); // what comes behind a Close is discarded
    return std::nullopt;
}

// The header of a data frame is there.
std::optional<endpoint_event> endpoint::begin_frame(std::uint8_t first, std::uint64_t size) {
    const auto opcode = static_cast<std::uint8_t>(first & 0x0FU);
    if (opcode > binary) {
        return fail("an unknown opcode");
    }
    if ((opcode == continuation) != in_message_) {
        return fail(in_message_ ? "a message inside another one" : "a continuation of nothing");
    }
    if (size > longest_frame) {
        return fail("a frame of an impossible length");
    }
    in_frame_ = true;
    frame_fin_ = (first & fin_bit) != 0;
    in_message_ = !frame_fin_;
    frame_left_ = size;
    frame_size_ = size;
    if (opcode != continuation) {
        incoming_kind_ = opcode == text ? message_kind::text : message_kind::binary;
    }
    return std::nullopt;
}

endpoint_event endpoint::take_part() {
    const auto left = std::span<const std::byte>{received_}.subspan(received_done_);
    const auto piece =
        left.first(static_cast<std::size_t>(std::min<std::uint64_t>(left.size(), frame_left_)));
    frame_left_ -= piece.size();
    received_done_ += piece.size();
    in_frame_ = frame_left_ > 0;
    return {.what = endpoint_event::kind::part,
            .message = incoming_kind_,
            .bytes = piece,
            .last = frame_fin_ && !in_frame_,
            .announced = frame_fin_ ? frame_size_ : 0};
}

std::optional<endpoint_event> endpoint::take_control(std::uint8_t opcode, std::span<const std::byte> payload,
                                                     monotonic_time now) {
    if (opcode == ping_frame) {
        pong_ = answer{{payload.begin(), payload.end()}, pong_ ? pong_->asked : now};
        return endpoint_event{.what = endpoint_event::kind::pinged};
    }
    if (opcode == pong_frame) {
        return endpoint_event{.what = endpoint_event::kind::pong, .bytes = payload};
    }
    if (opcode != close_frame) {
        return fail("an unknown opcode");
    }
    if (payload.size() == 1) {
        return fail("a Close with half a code");
    }
    const auto code = static_cast<std::uint16_t>(payload.empty() ? 1005 : big_endian(payload.first(2)));
    close_received_ = true;
    if (!close_sent_) {
        close(code);
    }
    return endpoint_event{.what = endpoint_event::kind::closed, .code = code};
}

endpoint_event endpoint::fail(const char* problem) {
    ended_ = true;
    out_->finish();
    return {.what = endpoint_event::kind::broken, .problem = problem};
}

} // namespace distworker::sim
