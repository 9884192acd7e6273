#include <distworker/sim/draw.hpp>
#include <distworker/sim/pipe.hpp>

#include <algorithm>

namespace distworker::sim {
namespace {

// The time that `size` bytes take on a line of `bandwidth` bytes per second.
std::chrono::nanoseconds transmission(std::size_t size, std::uint64_t bandwidth) noexcept {
    if (bandwidth == 0) {
        return {};
    }
    const double seconds = static_cast<double>(size) / static_cast<double>(bandwidth);
    constexpr double longest = 1e9; // some thirty years
    return std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(seconds, longest) * 1e9)};
}

} // namespace

std::size_t pipe::room() const noexcept {
    if (broken_ || finished_) {
        return 0;
    }
    return faults_.send_buffer - std::min(faults_.send_buffer, bytes_.size() - bytes_done_);
}

std::size_t pipe::write(std::span<const std::byte> bytes, monotonic_time now) {
    bytes = bytes.first(now < choked_until_ ? 0 : std::min(bytes.size(), room()));
    for (std::size_t left = bytes.size(); left > 0;) {
        const std::size_t size = std::min(left, chunk_size());
        left -= size;
        line_free_ = saturating_add(std::max(line_free_, now), transmission(size, faults_.bandwidth));
        last_arrival_ = std::max(last_arrival_, saturating_add(line_free_, delay()));
        chunks_.push_back({last_arrival_, size});
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return bytes.size();
}

std::size_t pipe::read(std::vector<std::byte>& into, monotonic_time now) {
    std::size_t count = 0;
    for (; next_arrival() <= now; chunks_.pop_front()) {
        count += chunks_.front().size;
    }
    if (faults_.cut_at && count > 0) {
        const std::uint64_t left = *faults_.cut_at - std::min(*faults_.cut_at, delivered_);
        broken_ = count >= left;
        count = static_cast<std::size_t>(std::min<std::uint64_t>(count, left));
    }
    deliver(std::span<const std::byte>{bytes_}.subspan(bytes_done_, count), into);
    bytes_done_ += count;
    delivered_ += count;
    if (broken_) {
        cut();
    } else if (bytes_done_ > bytes_.size() / 2) { // or else each byte would be moved many times
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(bytes_done_));
        bytes_done_ = 0;
    }
    return count;
}

// Hands bytes out, with the damage that they took on their way.
void pipe::deliver(std::span<const std::byte> bytes, std::vector<std::byte>& into) {
    if (faults_.damage_per_million == 0) {
        into.insert(into.end(), bytes.begin(), bytes.end());
        return;
    }
    for (std::uint64_t at = delivered_ + 1; const std::byte byte : bytes) {
        if (next_damage_ < at) {
            const auto mean = std::chrono::nanoseconds{1'000'000 / faults_.damage_per_million};
            next_damage_ = at + static_cast<std::uint64_t>(exponential(random_, mean).count());
        }
        const std::uint64_t how = at++ == next_damage_ ? number(random_, 1, 10) : 0;
        damaged_ += how > 0 ? 1U : 0U;
        if (how <= 8) {
            into.push_back(how == 0 ? byte : byte ^ std::byte(1U << (how - 1)));
        } else if (how == 9) {
            into.insert(into.end(), 2, byte);
        }
    }
}

monotonic_time pipe::next_arrival() const noexcept {
    if (broken_ || silent_ || chunks_.empty()) {
        return never;
    }
    return std::max(chunks_.front().arrival, stalled_until_);
}

void pipe::cut() noexcept {
    broken_ = true;
    chunks_.clear();
    bytes_.clear();
    bytes_done_ = 0;
}

std::size_t pipe::chunk_size() noexcept {
    const std::size_t smallest = std::max<std::size_t>(faults_.smallest_chunk, 1);
    const std::size_t largest = std::max(faults_.largest_chunk, smallest);
    return smallest + static_cast<std::size_t>(scale_random(random_.next(), largest - smallest));
}

std::chrono::nanoseconds pipe::delay() noexcept {
    return faults_.min_delay + exponential(random_, faults_.mean_delay);
}

} // namespace distworker::sim
