#include "core/invariants/incoming_message.hpp"

#include <algorithm>
#include <variant>

namespace distworker::testing {
namespace {

// How much of a message that is too large may name its task.
constexpr std::uint64_t salvage_bytes = 4096;

message_meaning meaning_of(std::span<const std::byte> message) {
    using enum message_meaning::kind;
    const auto frame = read_frame(message);
    if (!frame) {
        return {unusable, std::string{frame.error().task_id}};
    }
    if (const auto* task = std::get_if<task_assign_view>(&*frame)) {
        return {assignment, std::string{task->task_id}, task->timeout_ms};
    }
    return {std::holds_alternative<register_response_view>(*frame) ? response : meaningless};
}

} // namespace

std::optional<message_meaning> incoming_message::add(const input::received& part,
                                                     std::uint64_t max_message_bytes) {
    size_ += part.part.size();
    announced_ = std::max(announced_, part.announced_size);
    if (bytes_.size() <= std::max<std::uint64_t>(max_message_bytes, salvage_bytes)) {
        bytes_.insert(bytes_.end(), part.part.begin(), part.part.end());
    }
    if (!part.end_of_message) {
        return std::nullopt;
    }
    const bool too_large = std::max(size_, announced_) > max_message_bytes;
    message_meaning meaning =
        part.kind == message_kind::text ? message_meaning{message_meaning::kind::meaningless}
        : too_large ? message_meaning{message_meaning::kind::unusable, std::string{salvage_task_id(bytes_)}}
                    : meaning_of(bytes_);
    clear();
    return meaning;
}

void incoming_message::clear() {
    bytes_.clear();
    size_ = 0;
    announced_ = 0;
}

} // namespace distworker::testing
