// Outputs as lines.
#include "stage.hpp"
#include "words.hpp"

#include <distworker/json.hpp>
#include <distworker/overloaded.hpp>

#include <cstring>
#include <sstream>

namespace distworker::testing {
namespace {

// Longer payloads are shown by their size.
constexpr std::size_t longest_payload = 80;

std::string text_of(const object_view& object) {
    const std::string text = to_json(object).dump();
    return text.size() <= longest_payload ? text : "<" + std::to_string(text.size()) + ">";
}

std::string in_quotes(std::string_view text) {
    return '"' + std::string{text} + '"';
}

std::string number(float value) {
    return (std::ostringstream{} << value).str();
}

std::string serial(const delivery& task) {
    return " #" + std::to_string(task.serial);
}

const char* name_of(worker_health health) {
    return health == worker_health::up ? " up" : health == worker_health::down ? " down" : " warn";
}

std::string line_of(const frame_view& frame) {
    return std::visit(overloaded{
                          [](const worker_register_view&) { return std::string{"register"}; },
                          [](const heartbeat_view& beat) {
                              std::string line = std::string{"heartbeat"} + name_of(beat.health);
                              if (beat.usage.cpu_percent != 0 || beat.usage.memory_used_mb != 0) {
                                  line += " cpu=" + number(beat.usage.cpu_percent) +
                                          " memory=" + std::to_string(beat.usage.memory_used_mb);
                              }
                              return line;
                          },
                          [](const task_progress_view& p) {
                              std::string line = p.has_data ? "stream " : "progress ";
                              line.append(p.task_id).append(" ").append(number(p.progress));
                              if (!p.message.empty()) {
                                  line += " " + in_quotes(p.message);
                              }
                              return p.has_data ? line + " " + text_of(p.data) : line;
                          },
                          [](const task_complete_view& done) {
                              return "complete " + std::string{done.task_id} + " " + text_of(done.result);
                          },
                          [](const task_failed_view& failed) {
                              return "failed " + std::string{failed.task_id} + " " +
                                     std::string{failed.error_code} + " " + in_quotes(failed.error_message);
                          },
                          [](const auto&) { return std::string{"what no worker sends"}; },
                      },
                      frame);
}

std::string line_of(const output::assigned& o, monotonic_time now) {
    std::string line = "assigned" + serial(o.task.name());
    line.append(" ").append(o.task.id()).append(" ").append(o.task.queue());
    if (o.task.deadline() != never) {
        line += " within " + in_words(o.task.deadline(), now);
    }
    return o.task.input().empty() ? line : line + " " + text_of(o.task.input());
}

std::string line_of(const output::undeliverable& o) {
    const frame_view frame = o.answer.read();
    const auto* const done = std::get_if<task_complete_view>(&frame);
    const auto* const failed = std::get_if<task_failed_view>(&frame);
    std::string line = "undeliverable" + serial(o.task);
    line.append(done != nullptr ? " complete " : " failed ")
        .append(done != nullptr ? done->task_id : failed->task_id);
    return line + " " + to_string(o.how_sure);
}

std::string line_of(const output::disconnected& o, monotonic_time now) {
    std::string line = "disconnected " + std::to_string(o.generation) + " " + to_string(o.end.cause);
    line += o.end.before_answer ? " unanswered" : "";
    line += o.end.retry_at == never ? " for_good" : " retry " + in_words(o.end.retry_at, now);
    return line + " " + in_quotes(o.end.detail);
}

std::string line_of(const output::ping& o) {
    std::array<std::uint64_t, 2> words{}; // nonce, serial
    std::memcpy(words.data(), o.payload.data(), sizeof words);
    return "ping " + std::to_string(words[1]);
}

} // namespace

std::string line_of(const group_output& out, monotonic_time now, bool with_slot) {
    const std::string line = std::visit(
        overloaded{
            [&](const output::idle& o) {
                return o.deadline == never
                           ? std::string{"idle"}
                           : std::string{"idle "} + to_string(o.reason) + " " + in_words(o.deadline, now);
            },
            [](const output::connect& o) { return "connect " + std::to_string(o.generation); },
            [](const output::send& o) { return "send " + line_of(read_frame(o.bytes).value()); },
            [](const output::ping& o) { return line_of(o); },
            [](const output::close& o) { return "close " + std::to_string(o.code); },
            [](const output::abort& o) { return "abort " + std::to_string(o.generation); },
            [&](const output::assigned& o) { return line_of(o, now); },
            [](const output::stop_task& o) {
                return "stop_task" + serial(o.task) + " " + to_string(o.reason);
            },
            [](const output::writable& o) { return "writable" + serial(o.task); },
            [](const output::undeliverable& o) { return line_of(o); },
            [](const output::sample_wanted&) { return std::string{"sample_wanted"}; },
            [](const output::state_changed& o) { return std::string{"state "} + to_string(o.state); },
            [&](const output::disconnected& o) { return line_of(o, now); },
            [](const output::stopped& o) { return std::string{"stopped "} + to_string(o.reason); },
        },
        out.out);
    const bool of_all =
        std::holds_alternative<output::idle>(out.out) || std::holds_alternative<output::stopped>(out.out);
    return with_slot && !of_all ? std::to_string(out.slot) + ": " + line : line;
}

} // namespace distworker::testing
