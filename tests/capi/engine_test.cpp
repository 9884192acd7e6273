// The engine by its C interface, against the controller's engine.
#include "c_pair.hpp"
#include "support/vectors.hpp"

#include <distworker/engine_output.hpp>
#include <distworker/frame.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void write_key(dw_writer* writer, const char* key) {
    dw_write_key(writer, key, DW_NUL);
}

dw_task_info read(const dw_task* task) {
    dw_task_info info{};
    dw_task_read(task, &info);
    return info;
}

TEST(CEngine, CarriesAPayloadOfEveryKindBothWays) {
    c_pair pair;
    dw_task* const task = pair.begin(value{{"a", 1.5},
                                           {"text", std::string{"h\0llo", 5}},
                                           {"yes", true},
                                           {"nothing", nullptr},
                                           {"list", value::list{1, "two", value{{"three", 3}}}}});
    ASSERT_NE(task, nullptr);
    const dw_task_info info = read(task);
    EXPECT_EQ(text_of(info.id), pair.id);
    EXPECT_EQ(text_of(info.queue), "math.add");
    EXPECT_EQ(info.deadline_ns, DW_NEVER);
    EXPECT_EQ(info.delivery.serial, 1U);

    // Read in full, and written back as it was read.
    dw_writer* const answer = dw_answer_new(task);
    std::vector<std::string> keys;
    const std::function<void(const dw_value&)> write = [&](const dw_value& content) {
        std::size_t position = 0;
        dw_text key{};
        dw_value item{};
        switch (content.kind) {
        case DW_NUMBER:
            return dw_write_number(answer, content.number);
        case DW_STRING:
            return dw_write_string(answer, content.text.data, content.text.size);
        case DW_BOOLEAN:
            return dw_write_boolean(answer, content.boolean);
        case DW_OBJECT:
        case DW_LIST:
            dw_write_begin(answer, content.kind);
            while (dw_value_next(content, &position, &key, &item) == 1) {
                if (content.kind == DW_OBJECT) {
                    dw_write_key(answer, key.data, key.size);
                    keys.push_back(text_of(key));
                }
                write(item);
            }
            return dw_write_end(answer);
        default:
            return dw_write_null(answer);
        }
    };
    write_key(answer, "input");
    write(info.input);
    write_key(answer, "a");
    dw_write_number(answer, dw_value_find(info.input, "a", DW_NUL).number);
    write_key(answer, "missing");
    write(dw_value_find(info.input, "not there", DW_NUL));
    EXPECT_EQ(dw_engine_complete(pair.engine, answer, pair.now()), DW_OK);
    pair.pump();
    EXPECT_EQ(pair.task().status, task_status::finished);
    ASSERT_TRUE(pair.task().result);
    EXPECT_EQ(value{pair.task().result->view()},
              (value{{"input", value{pair.task().input.view()}}, {"a", 1.5}, {"missing", nullptr}}));
    EXPECT_THAT(keys, Contains("three"));
}

TEST(CEngine, ReadsFilesAndAddsThemToAResult) {
    c_pair pair;
    EXPECT_EQ(dw_engine_start(pair.engine, pair.now()), DW_OK);
    pair.pump();
    for (const auto& vector : load_vectors("frames.json")) {
        const auto expected =
            vector.at("json").value("/task_assign/files"_json_pointer, nlohmann::json::array());
        if (expected.size() < 2) {
            continue;
        }
        pair.hear(from_hex(vector.at("hex").get<std::string>()));
        ASSERT_FALSE(pair.tasks.empty());
        dw_task* const task = pair.tasks.back();
        dw_writer* const answer = dw_answer_new(task);
        std::size_t position = 0;
        dw_file file{};
        for (const auto& one : expected) {
            ASSERT_EQ(dw_task_next_file(task, &position, &file), 1);
            EXPECT_EQ(text_of(file.id), one.at("file_id").get<std::string>());
            EXPECT_EQ(text_of(file.name), one.at("filename").get<std::string>());
            EXPECT_EQ(text_of(file.content_type), one.at("content_type").get<std::string>());
            EXPECT_EQ(text_of(file.storage_url), one.at("storage_url").get<std::string>());
            EXPECT_EQ(std::to_string(file.size), one.value("size", "0"));
            dw_write_file(answer, &file);
        }
        EXPECT_EQ(dw_task_next_file(task, &position, &file), 0);

        EXPECT_EQ(dw_engine_complete(pair.engine, answer, pair.now()), DW_OK);
        pair.pump();
        const auto sent = read_frame(pair.last_sent);
        ASSERT_TRUE(sent && std::holds_alternative<task_complete_view>(*sent));
        EXPECT_EQ(std::ranges::distance(std::get<task_complete_view>(*sent).result_files),
                  static_cast<std::ptrdiff_t>(expected.size()));
        return;
    }
    FAIL() << "no vector has two files";
}

TEST(CEngine, AFileAmongTheMembersOfAResultIsAFailure) {
    c_pair pair;
    dw_writer* const answer = dw_answer_new(pair.begin());
    const dw_file file{};
    dw_write_file(answer, &file);
    write_key(answer, "late");
    dw_write_null(answer);
    EXPECT_EQ(dw_engine_complete(pair.engine, answer, pair.now()), DW_OK);
    pair.pump();
    ASSERT_TRUE(pair.task().error);
    EXPECT_EQ(pair.task().error->code, "INTERNAL_ERROR");
}

TEST(CEngine, PausesGoesOnAndTakesMoreAtOnce) {
    c_pair pair;
    EXPECT_EQ(dw_engine_pause(pair.engine, pair.now()), DW_NOT_IN_STATE) << "it has not begun";
    EXPECT_EQ(dw_engine_resume(pair.engine, pair.now()), DW_NOT_IN_STATE);
    EXPECT_EQ(dw_engine_start(pair.engine, pair.now()), DW_OK);
    pair.pump();
    EXPECT_EQ(pair.controller.workers().size(), 1U);
    EXPECT_EQ(dw_engine_pause(pair.engine, pair.now()), DW_OK);
    pair.pass(1s);
    EXPECT_THAT(pair.log, Contains("state paused"));
    EXPECT_EQ(pair.controller.workers().size(), 0U);
    EXPECT_EQ(dw_engine_resume(pair.engine, pair.now()), DW_OK);
    pair.pass(60s);
    EXPECT_EQ(pair.controller.workers().size(), 1U);
    EXPECT_EQ(dw_engine_set_slots(pair.engine, 0, pair.now()), DW_INVALID_VALUE);
    EXPECT_EQ(dw_engine_set_slots(pair.engine, 2, pair.now()), DW_OK);
    dw_event event{};
    event.size = sizeof event;
    do {
        ASSERT_EQ(dw_engine_poll(pair.engine, pair.now(), &event), DW_OK);
    } while (event.kind != DW_CONNECT && event.kind != DW_IDLE);
    EXPECT_EQ(event.kind, DW_CONNECT);
    EXPECT_EQ(event.slot, 1U);
}

TEST(CEngine, FailsATaskByCodeAndMessage) {
    c_pair pair;
    dw_writer* const answer = dw_answer_new(pair.begin());
    write_key(answer, "half");
    dw_write_failure(answer, "TOO_HARD", DW_NUL, "it had to be", DW_NUL);
    EXPECT_EQ(dw_engine_complete(pair.engine, answer, pair.now()), DW_OK);
    pair.pump();
    ASSERT_TRUE(pair.task().error);
    EXPECT_EQ(pair.task().error->code, "TOO_HARD");
    EXPECT_EQ(pair.task().error->message, "it had to be");
}

TEST(CEngine, AResultThatCannotBeKeptBecomesAFailureThatSaysWhere) {
    const std::vector<std::pair<std::function<void(dw_writer*)>, std::string>> faults{
        {[](dw_writer* w) { dw_write_string(w, "\xff", DW_NUL); }, "RESULT_NOT_UTF8"},
        {[](dw_writer* w) { dw_write_number(w, std::numeric_limits<double>::quiet_NaN()); },
         "RESULT_NOT_FINITE"},
        {[](dw_writer* w) { dw_write_begin(w, DW_LIST); }, "INTERNAL_ERROR"},   // left open
        {[](dw_writer* w) { dw_write_begin(w, DW_NUMBER); }, "INTERNAL_ERROR"}, // nothing that has an inside
        {[](dw_writer* w) { dw_write_end(w); }, "INTERNAL_ERROR"},              // of nothing
        {[](dw_writer* w) { write_key(w, "again"); }, "INTERNAL_ERROR"},        // a key without a value
    };
    for (const auto& [write, code] : faults) {
        c_pair pair;
        dw_writer* const answer = dw_answer_new(pair.begin());
        write_key(answer, "culprit");
        write(answer);
        EXPECT_EQ(dw_engine_complete(pair.engine, answer, pair.now()), DW_OK);
        pair.pump();
        ASSERT_TRUE(pair.task().error) << code;
        EXPECT_EQ(pair.task().error->code, code);
    }
}

TEST(CEngine, TheSecondAnswerIsStale) {
    c_pair pair;
    dw_task* const task = pair.begin();
    EXPECT_EQ(dw_engine_complete(pair.engine, dw_answer_new(task), pair.now()), DW_OK);
    EXPECT_EQ(dw_engine_complete(pair.engine, dw_answer_new(task), pair.now()), DW_STALE_DELIVERY);
    EXPECT_EQ(dw_engine_progress(pair.engine, read(task).delivery, 0.5, "", 0, pair.now()),
              DW_STALE_DELIVERY);
    EXPECT_EQ(dw_engine_complete(pair.engine, dw_item_new(task, 0), pair.now()), DW_INVALID_VALUE);
    dw_writer_free(dw_answer_new(task)); // one that nobody wants
}

TEST(CEngine, StreamsItemsAndKeepsTheOneThatHadNoRoom) {
    c_pair pair{{{"stream_bytes", "1 KiB"}}};
    dw_task* const task = pair.begin();
    const std::string text(300, 'x');
    int status = DW_OK;
    dw_writer* item = nullptr;
    for (int i = 0; i < 100 && status == DW_OK; ++i) {
        item = dw_item_new(task, 0.25F);
        write_key(item, "text");
        dw_write_string(item, text.data(), text.size());
        status = dw_engine_stream(pair.engine, item, pair.now());
    }
    ASSERT_EQ(status, DW_WOULD_BLOCK);
    pair.pump();
    EXPECT_THAT(pair.log, Contains("writable"));
    EXPECT_EQ(dw_engine_stream(pair.engine, item, pair.now()), DW_OK); // the very same
    dw_writer* const bad = dw_item_new(task, 0);
    dw_write_number(bad, 1); // without a key
    EXPECT_EQ(dw_engine_stream(pair.engine, bad, pair.now()), DW_INVALID_VALUE);
    EXPECT_EQ(dw_engine_stream(pair.engine, dw_answer_new(task), pair.now()), DW_INVALID_VALUE);
    EXPECT_EQ(dw_engine_progress(pair.engine, read(task).delivery, 0.5, "half", DW_NUL, pair.now()), DW_OK);
    EXPECT_EQ(dw_engine_complete(pair.engine, dw_answer_new(task), pair.now()), DW_OK);
    pair.pump();
    EXPECT_EQ(pair.task().status, task_status::finished);
    ASSERT_TRUE(pair.task().progress);
    EXPECT_EQ(pair.task().progress->message, "half");
}

TEST(CEngine, WhatSignCallsOnItsEngineIsRefused) {
    c_pair pair;
    std::vector<int> answers;
    pair.before_signing = [&](c_pair& self) {
        dw_event event{};
        event.size = sizeof event;
        answers = {dw_engine_start(self.engine, self.now()), dw_engine_stop(self.engine, 0, self.now()),
                   dw_engine_poll(self.engine, self.now(), &event),
                   dw_engine_link(self.engine, 0, 1, DW_ALIVE, self.now())};
        return 0;
    };
    EXPECT_NE(pair.begin(), nullptr) << "and it goes on as if nothing had been";
    EXPECT_THAT(answers, ElementsAre(DW_NOT_IN_STATE, DW_NOT_IN_STATE, DW_NOT_IN_STATE, DW_NOT_IN_STATE));
}

TEST(CEngine, ASignThatFailsEndsTheConnectionAndIsAskedAgain) {
    c_pair pair;
    int asked = 0;
    pair.before_signing = [&](c_pair&) { return ++asked == 1 ? 1 : 0; };
    EXPECT_EQ(dw_engine_start(pair.engine, pair.now()), DW_OK);
    pair.pump();
    EXPECT_THAT(pair.log, Contains(HasSubstr("could not sign")));
    pair.pass(60s);
    EXPECT_THAT(pair.log, Contains("state ready"));
}

TEST(CEngine, EndsInOrder) {
    c_pair pair;
    EXPECT_EQ(dw_engine_stop(pair.engine, 1000, pair.now()), DW_NOT_IN_STATE) << "it has not begun";
    dw_task* const task = pair.begin();
    EXPECT_EQ(dw_engine_start(pair.engine, pair.now()), DW_NOT_IN_STATE) << "it has";
    dw_engine_set_usage(pair.engine, 50, 1000, pair.now());
    pair.pass(40s);
    EXPECT_EQ(pair.controller.workers().at(0).usage.cpu_percent, 50);
    EXPECT_EQ(dw_engine_stop(pair.engine, 10'000, pair.now()), DW_OK);
    EXPECT_EQ(dw_engine_complete(pair.engine, dw_answer_new(task), pair.now()), DW_OK);
    pair.pass(1s);
    EXPECT_THAT(pair.log, Contains(StartsWith("stopped ")));
    EXPECT_THAT(pair.log, Contains("connect ws://controller.test:80/worker/v1/ws"));
    EXPECT_EQ(pair.task().status, task_status::finished);
}

TEST(CEngine, RefusesWhatItDoesNotKnow) {
    c_pair pair;
    EXPECT_EQ(dw_engine_link(pair.engine, 7, 1, DW_OPENED, pair.now()), DW_UNKNOWN_SLOT);
    EXPECT_EQ(dw_engine_link(pair.engine, 0, 1, 99, pair.now()), DW_INVALID_VALUE);
    EXPECT_EQ(dw_engine_closed(pair.engine, 0, 1, 99, 0, "", 0, pair.now()), DW_INVALID_VALUE);
    std::size_t position = 0;
    dw_value item{};
    EXPECT_EQ(dw_value_next({.kind = DW_NUMBER, .boolean = 0, .number = 1, .text = {nullptr, 0}}, &position,
                            nullptr, &item),
              0);
}

TEST(CEngine, AnOlderCallerGetsAsMuchOfAnEventAsItKnows) {
    c_pair pair;
    EXPECT_EQ(dw_engine_start(pair.engine, pair.now()), DW_OK);
    dw_event event{};
    std::memset(&event, 0x55, sizeof event);
    event.size = offsetof(dw_event, text);
    EXPECT_EQ(dw_engine_poll(pair.engine, pair.now(), &event), DW_OK);
    EXPECT_EQ(event.size, offsetof(dw_event, text));
    EXPECT_EQ(event.text.size, 0x5555'5555'5555'5555U) << "what is behind is untouched";
}

TEST(CConfig, TellsAllFaultsAndTakesThemBackWhenTheyAreMended) {
    dw_config* const config = dw_config_new();
    EXPECT_EQ(dw_config_set(config, "no_such", "x", DW_NUL), DW_UNKNOWN_SETTING);
    EXPECT_EQ(dw_config_set(config, "resource_info", "{}", DW_NUL), DW_UNKNOWN_SETTING) << "code only";
    EXPECT_EQ(dw_config_set(config, "heartbeat_interval", "soon", DW_NUL), DW_INVALID_VALUE);
    EXPECT_EQ(dw_config_set(config, "slots", "0", DW_NUL), DW_OK) << "its range is checked as a whole";
    EXPECT_EQ(dw_config_set(config, "provisioner", "demo and more", 4), DW_OK);
    const std::string faults = dw_config_faults(config);
    EXPECT_THAT(faults, HasSubstr("heartbeat_interval: "));
    EXPECT_THAT(faults, HasSubstr("slots: "));
    EXPECT_THAT(faults, HasSubstr("controller: "));
    dw_engine* engine = nullptr;
    const dw_sign never_called = [](void*, const char*, std::size_t, const unsigned char*, std::size_t,
                                    unsigned char*) { return 1; };
    EXPECT_EQ(dw_engine_new(config, never_called, nullptr, 1, &engine), DW_BAD_CONFIG);
    EXPECT_EQ(engine, nullptr);
    for (const auto& [name, text] :
         {std::pair{"heartbeat_interval", "30 s"}, {"slots", "2"}, {"controller", "http://c.test"}}) {
        EXPECT_EQ(dw_config_set(config, name, text, DW_NUL), DW_OK);
    }
    EXPECT_EQ(dw_config_faults(config), nullptr);
    EXPECT_EQ(dw_engine_new(config, never_called, nullptr, 1, &engine), DW_OK);
    dw_engine_free(engine);
    dw_config_free(config);
    dw_config_free(nullptr);
}

TEST(CVersion, IsThatOfTheHeader) {
    EXPECT_EQ(dw_abi_version(), static_cast<std::uint32_t>(DW_ABI_MAJOR) << 16U | DW_ABI_MINOR);
    EXPECT_STREQ(dw_version(), "0.1.0, the engine alone");
    for (int status = DW_OK; status <= DW_FAILED; ++status) {
        EXPECT_STRNE(dw_status_text(status), "there is no such status") << status;
    }
    EXPECT_STREQ(dw_status_text(-1), "there is no such status");
    EXPECT_STREQ(dw_status_text(DW_WOULD_BLOCK), to_string(misuse::would_block));
}

} // namespace
} // namespace distworker::testing
