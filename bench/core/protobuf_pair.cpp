#include "bench/core/protobuf_pair.hpp"

#include <distworker/protobuf.hpp>

#include <cstdint>
#include <span>
#include <stdexcept>

namespace distworker::bench {
namespace {

google::protobuf::ArenaOptions on(std::span<char> block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block.data();
    options.initial_block_size = block.size();
    return options;
}

} // namespace

protobuf_pair::protobuf_pair() : arena_{on(block_)} {}

std::string_view protobuf_pair::run(std::string_view frame, bool read) {
    using google::protobuf::Arena;
    arena_.Reset();
    auto* const message = Arena::CreateMessage<messages::WebSocketMessage>(&arena_);
    if (!message->ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
        throw std::runtime_error{"protobuf cannot parse the assignment"};
    }
    const messages::TaskAssign& task = message->task_assign();
    double sum = 3;
    if (read) {
        const auto& input = task.input().fields();
        sum = input.at("operation").string_value() == "add"
                  ? input.at("a").number_value() + input.at("b").number_value()
                  : 0;
    }
    auto* const reply = Arena::CreateMessage<messages::WebSocketMessage>(&arena_);
    reply->set_type(messages::MESSAGE_TYPE_TASK_COMPLETE);
    reply->mutable_task_complete()->set_task_id(task.task_id());
    (*reply->mutable_task_complete()->mutable_result()->mutable_fields())["result"].set_number_value(sum);
    out_.resize(reply->ByteSizeLong());
    reply->SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out_.data()));
    return out_;
}

} // namespace distworker::bench
