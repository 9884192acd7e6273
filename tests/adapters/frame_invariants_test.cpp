// I13 and I14, with protobuf on the other side: frames without manners end no connection, and whatever an
// application gives to an engine, what goes out is sound.
#include "core/engine_rig.hpp"
#include "wild_frames.hpp"

#include <distworker/payload_check.hpp>
#include <distworker/protobuf.hpp>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <set>

namespace distworker::testing {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

// --- What the controller can keep ---

bool is_sound(const Value& content, unsigned depth);

bool is_sound(const Struct& object, unsigned depth) {
    for (const auto& [key, content] : object.fields()) {
        if (key.find('\0') != std::string::npos || !is_sound(content, depth)) {
            return false;
        }
    }
    return depth <= max_result_depth;
}

bool is_sound(const Value& content, unsigned depth) {
    switch (content.kind_case()) {
    case Value::kNumberValue:
        return std::isfinite(content.number_value());
    case Value::kStructValue:
        return is_sound(content.struct_value(), depth + 1);
    case Value::kListValue:
        for (const Value& item : content.list_value().values()) {
            if (!is_sound(item, depth + 1)) {
                return false;
            }
        }
        return depth + 1 <= max_result_depth;
    default:
        return true;
    }
}

bool is_sound_register(std::string_view data) {
    google::protobuf::io::CodedInputStream input{reinterpret_cast<const std::uint8_t*>(data.data()),
                                                 static_cast<int>(data.size())};
    input.SetRecursionLimit(message_recursion_limit); // it has no such limit in Go
    messages::SignedWorkerRegister content;
    return content.ParseFromCodedStream(&input) && input.ConsumedEntireMessage() &&
           is_sound(content.resource_info().additional(), 1);
}

// protobuf refuses text that is not UTF-8 by itself.
bool is_sound(const messages::WebSocketMessage& frame) {
    switch (frame.type()) {
    case messages::MESSAGE_TYPE_WORKER_REGISTER:
        return is_sound_register(frame.worker_register().data());
    case messages::MESSAGE_TYPE_HEARTBEAT:
        return std::isfinite(frame.heartbeat().resource_usage().cpu_percent()) &&
               std::isfinite(frame.heartbeat().resource_usage().gpu_utilization());
    case messages::MESSAGE_TYPE_TASK_PROGRESS:
        return frame.task_progress().progress() >= 0 && frame.task_progress().progress() <= 1 &&
               is_sound(frame.task_progress().data(), 1);
    case messages::MESSAGE_TYPE_TASK_COMPLETE:
        return is_sound(frame.task_complete().result(), 1);
    case messages::MESSAGE_TYPE_TASK_FAILED:
        return !frame.task_failed().error_code().empty() && is_sound(frame.task_failed().error_details(), 1);
    default:
        return false;
    }
}

// --- What an application may give ---

rc::Gen<std::string> any_text() {
    return rc::gen::weightedOneOf<std::string>(
        {{8, rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127))},
         {1, rc::gen::string<std::string>()},
         {1, rc::gen::element<std::string>("Gr\xC3\xBC\xC3\x9F", "\xFF", "\xED\xA0\x80", "\xF0\x9F\x98",
                                           std::string("a\0b", 3))}});
}

rc::Gen<value> any_value(int depth) {
    return rc::gen::exec([depth]() -> value {
        switch (*rc::gen::inRange(0, depth > 0 ? 8 : 5)) {
        case 0:
            return {};
        case 1:
            return value{*rc::gen::weightedOneOf<double>(
                {{8, rc::gen::arbitrary<double>()},
                 {1, rc::gen::element(std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN())}})};
        case 2:
            return value{*rc::gen::arbitrary<bool>()};
        case 3:
        case 4:
            return value{*any_text()};
        case 5: {
            value::list items;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
                items.push_back(*any_value(depth - 1));
            }
            return value{std::move(items)};
        }
        default: {
            value object = value::empty_object();
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
                object.set(*any_text(), *any_value(depth - 1));
            }
            return object;
        }
        }
    });
}

/// An object, now and then very deep.
rc::Gen<value> any_object() {
    return rc::gen::exec([] {
        value object = value::empty_object();
        for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
            object.set(*any_text(), *any_value(3));
        }
        const int wraps = *rc::gen::inRange(0, 10) == 0 ? *rc::gen::inRange(90, 100) : 0;
        for (int i = 0; i < wraps; ++i) {
            value outer = value::empty_object();
            outer.set("o", std::move(object));
            object = std::move(outer);
        }
        return object;
    });
}

// --- What is wrong with it, by a way of its own ---

bool is_utf8(const std::string& text) { // protobuf's own check
    const google::protobuf::LogSilencer quiet;
    messages::TaskProgress message;
    message.set_message(text);
    return messages::TaskProgress{}.ParseFromString(message.SerializeAsString());
}

void add_codes(std::set<std::string_view>& codes, const value& content, unsigned depth) {
    if (const double* number = content.number(); number != nullptr && !std::isfinite(*number)) {
        codes.insert(error_code::result_not_finite);
    } else if (const std::string* text = content.string(); text != nullptr && !is_utf8(*text)) {
        codes.insert(error_code::result_not_utf8);
    } else if (const value::list* items = content.items(); items != nullptr) {
        if (depth > max_result_depth) {
            codes.insert(error_code::result_too_deep);
        }
        for (const value& item : *items) {
            add_codes(codes, item, depth + 1);
        }
    } else if (const value::object* members = content.members(); members != nullptr) {
        if (depth > max_result_depth) {
            codes.insert(error_code::result_too_deep);
        }
        for (const value::member& member : *members) {
            if (!is_utf8(member.key)) {
                codes.insert(error_code::result_not_utf8);
            } else if (member.key.find('\0') != std::string::npos) {
                codes.insert(error_code::result_bad_key);
            }
            add_codes(codes, member.content, depth + 1);
        }
    }
}

// As the database counts it (bsonspec.org).
std::size_t document_bytes(const value& content) {
    if (const std::string* text = content.string()) {
        return 4 + text->size() + 1;
    }
    if (content.number() != nullptr) {
        return 8;
    }
    if (content.boolean() != nullptr) {
        return 1;
    }
    std::size_t size = content.items() != nullptr || content.members() != nullptr ? 5 : 0;
    if (const value::list* items = content.items()) {
        for (std::size_t i = 0; i < items->size(); ++i) {
            size += 1 + std::to_string(i).size() + 1 + document_bytes((*items)[i]);
        }
    } else if (const value::object* members = content.members()) {
        for (const value::member& member : *members) {
            size += 1 + member.key.size() + 1 + document_bytes(member.content);
        }
    }
    return size;
}

// --- I14 ---

RC_GTEST_PROP(Invariants, I14_AResultThatCannotBeKeptIsANamedFailure, ()) {
    const value result = *any_object();
    const std::size_t room = *rc::gen::inRange<std::size_t>(5, 2 * document_bytes(result) + 10);
    outcome_writer answer{"t", buffer_pool::none(), max_document_bytes - room};
    write_members(answer.result(), result);
    const outcome done = std::move(answer).complete();
    const auto frame = parse_message(done.frame());
    RC_ASSERT(frame.has_value());
    RC_ASSERT(is_sound(*frame));
    std::set<std::string_view> codes;
    add_codes(codes, result, 1);
    if (document_bytes(result) > room) {
        codes.insert(error_code::result_too_large);
    }
    RC_CLASSIFY(codes.empty());
    RC_ASSERT(done.completed() == codes.empty());
    if (!done.completed()) {
        RC_ASSERT(codes.contains(frame->task_failed().error_code()));
    }
}

RC_GTEST_PROP(Invariants, I14_AFailureFitsBesideItsTask, ()) {
    const value details = *any_object();
    const std::size_t room = *rc::gen::inRange<std::size_t>(5, 2 * document_bytes(details) + 10);
    outcome_writer answer{"t", buffer_pool::none(), max_document_bytes - room};
    const outcome done = std::move(answer).fail(*any_text() + "C", *any_text(), details);
    const auto frame = parse_message(done.frame());
    RC_ASSERT(frame.has_value());
    RC_ASSERT(is_sound(*frame));
    const std::size_t kept = document_bytes(to_value(frame->task_failed().error_details()));
    RC_ASSERT(!frame->task_failed().has_error_details() || kept <= room);
}

TEST(Invariants, I14_FilesCountAsPartOfTheirResult) {
    const std::string long_name(max_document_bytes / 2, 'n');
    for (const int files : {1, 2}) {
        outcome_writer answer{"t", buffer_pool::none()};
        for (int i = 0; i < files; ++i) {
            answer.file({.file_id = "f", .filename = long_name});
        }
        const outcome done = std::move(answer).complete();
        EXPECT_EQ(done.completed(), files == 1);
        if (!done.completed()) {
            EXPECT_EQ(std::get<task_failed_view>(done.read()).error_code, error_code::result_too_large);
        }
    }
}

RC_GTEST_PROP(Invariants, I14_WhateverAnApplicationGivesWhatGoesOutIsSound, ()) {
    worker_config config = default_config();
    config.hostname = "h\xC3\xB6st";
    config.resource_info = *any_object();
    if (!config.validate()) {
        config.resource_info = value{{"zone", "north"}};
    }
    engine_rig rig{config};
    rig.engine.set_usage({.cpu_percent = *rc::gen::element(1.0F, NAN, INFINITY, -INFINITY),
                          .memory_used_mb = *rc::gen::arbitrary<std::int64_t>(),
                          .gpu_utilization = *rc::gen::element(1.0F, NAN)});
    rig.connect();
    rig.respond();
    rig.assign({.id = "task \xF0\x9F\x98\x80"});
    const assigned_task task = rig.tasks.back();
    static_cast<void>(rig.engine.progress(task.name(), *rc::gen::arbitrary<double>(), *any_text(), rig.now));
    rig.drain();
    stream_item_writer item{task, *rc::gen::element(0.5F, NAN, INFINITY, -1.0F, 2.0F)};
    write_members(item.data(), *any_object());
    if (auto made = std::move(item).finish()) {
        static_cast<void>(rig.engine.stream(task.name(), *std::move(made), rig.now));
        rig.drain();
    }
    outcome_writer answer{task};
    outcome done = std::move(answer).fail("C" + *any_text(), *any_text(), *any_object());
    RC_ASSERT(rig.engine.complete(task.name(), std::move(done), rig.now).has_value());
    rig.assign({.id = "x", .queue = "\xFF"}); // refused by the engine itself
    rig.drain();
    RC_ASSERT(rig.frames.size() >= 4U);
    for (const sent_frame& sent : rig.frames) {
        const auto frame = parse_message(*sent.bytes);
        RC_ASSERT(frame.has_value());
        RC_ASSERT(is_sound(*frame));
    }
}

// --- I13 ---

RC_GTEST_PROP(Invariants, I13_AFrameWithoutMannersIsAStrikeOrARefusalAndEndsNothing, (std::uint64_t seed)) {
    const google::protobuf::LogSilencer quiet;
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "running"});
    for (std::uint64_t i = 0; i < 60; ++i) { // short of a storm of refusals
        const auto message = wild_frame(seed + i);
        const auto parsed = parse_message(message);
        const engine_counters before = rig.engine.counters();
        rig.receive(message);
        const engine_counters& after = rig.engine.counters();
        RC_ASSERT(rig.engine.state() == engine_state::busy);
        RC_ASSERT(after.strikes + after.refused + after.coalesced ==
                  before.strikes + before.refused + before.coalesced + 1);
        const auto failed = rig.all<task_failed_view>();
        if (!parsed && after.refused > before.refused) {
            RC_ASSERT(failed.back().error_code == error_code::invalid_task);
        }
        RC_ASSERT(failed.size() == after.refused);
    }
    RC_ASSERT(rig.tasks.size() == 1U);
    RC_ASSERT(rig.complete().has_value());
}

} // namespace
} // namespace distworker::testing
