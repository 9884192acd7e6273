#include "trace_config.hpp"

#include <distworker/overloaded.hpp>
#include <distworker/value_writer.hpp>

namespace distworker::detail {
namespace {

std::string without_query(const std::string& url) {
    return url.substr(0, url.find('?'));
}

byte_buffer encoded(const value& object) {
    byte_buffer bytes;
    if (!object.is_null()) {
        wire::writer wire{bytes};
        value_writer members{wire, "object", max_document_bytes};
        write_members(members, object);
        wire.finish();
    }
    return bytes;
}

} // namespace

void write_config(field_writer& fields, const valid_worker_config& config) {
    for (const config_field& field : worker_config_fields()) {
        std::visit(overloaded{
                       [&](const text_rule& rule) {
                           const std::string& text = config.get().*rule.member;
                           fields(field.name,
                                  std::string_view{field.name == "controller" ? without_query(text) : text});
                       },
                       [&](const object_rule& rule) {
                           fields.bytes(field.name, encoded(config.get().*rule.member).bytes());
                       },
                       [&](const auto& rule) { fields(field.name, config.get().*rule.member); },
                   },
                   field.rule);
    }
}

worker_config read_config(field_reader& fields) {
    worker_config config;
    for (const config_field& field : worker_config_fields()) {
        std::visit(overloaded{
                       [&](const object_rule& rule) {
                           std::vector<std::byte> bytes;
                           fields.bytes(field.name, bytes);
                           if (!bytes.empty()) {
                               config.*rule.member = value{object_view{bytes}};
                           }
                       },
                       [&](const auto& rule) { fields(field.name, config.*rule.member); },
                   },
                   field.rule);
    }
    return config;
}

std::string text_of(const group_output& output, trace_payloads payloads) {
    std::string line = "out";
    field_writer f{line, payloads};
    const auto name = [&](std::string_view kind) {
        line.append(" ").append(kind);
        f("slot", output.slot);
    };
    const auto task = [&](const delivery& d) {
        f("generation", d.generation);
        f("serial", d.serial);
    };
    std::visit(overloaded{
                   [&](const output::idle& o) {
                       line.append(" idle");
                       f("deadline", o.deadline);
                       if (o.deadline != never) {
                           f("reason", o.reason);
                       }
                   },
                   [&](const output::connect& o) {
                       name("connect");
                       f("generation", o.generation);
                   },
                   [&](const output::send& o) {
                       name("send");
                       f("generation", o.generation);
                       f.payload("bytes", o.bytes);
                   },
                   [&](const output::ping& o) {
                       name("ping");
                       f("generation", o.generation);
                       f.bytes("payload", o.payload);
                   },
                   [&](const output::close& o) {
                       name("close");
                       f("generation", o.generation);
                       f("code", o.code);
                   },
                   [&](const output::abort& o) {
                       name("abort");
                       f("generation", o.generation);
                   },
                   [&](const output::assigned& o) {
                       name("assigned");
                       task(o.task.name());
                       f("id", o.task.id());
                       f("queue", o.task.queue());
                       f("deadline", o.task.deadline());
                   },
                   [&](const output::stop_task& o) {
                       name("stop_task");
                       task(o.task);
                       f("reason", o.reason);
                   },
                   [&](const output::writable& o) {
                       name("writable");
                       task(o.task);
                   },
                   [&](const output::undeliverable& o) {
                       name("undeliverable");
                       task(o.task);
                       f("certainty", o.how_sure);
                       f.payload("frame", o.answer.frame());
                   },
                   [&](const output::sample_wanted&) { name("sample_wanted"); },
                   [&](const output::state_changed& o) {
                       name("state_changed");
                       f("state", o.state);
                   },
                   [&](const output::disconnected& o) {
                       name("disconnected");
                       f("generation", o.generation);
                       f("cause", o.end.cause);
                       f("detail", std::string_view{o.end.detail});
                       f("before_answer", o.end.before_answer);
                       f("retry_at", o.end.retry_at);
                   },
                   [&](const output::stopped& o) {
                       line.append(" stopped");
                       f("reason", o.reason);
                   },
               },
               output.out);
    return line;
}

} // namespace distworker::detail
