// Outcomes and stream items: what the controller could not keep becomes a failure that names the culprit.
#include "core/engine_rig.hpp"

#include <distworker/outcome.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <type_traits>

namespace distworker {
namespace {

using testing::copy_of;

TEST(Outcomes, OfWhatTheControllerCannotKeepNameTheCodeAndTheCulprit) {
    const auto failure_of = [](const value& result) {
        outcome_writer answer{"t", buffer_pool{}};
        write_members(answer.result(), result);
        const outcome done = std::move(answer).complete();
        const auto view = done.read();
        const auto* failed = std::get_if<task_failed_view>(&view);
        return failed == nullptr ? "completed"
                                 : std::string{failed->error_code} + " " + std::string{failed->error_message};
    };
    using ::testing::AllOf;
    using ::testing::HasSubstr;
    using ::testing::StartsWith;
    EXPECT_EQ(failure_of({{"a", 1}}), "completed");
    EXPECT_THAT(failure_of({{"list", value::of({1, "\xC0"})}}),
                AllOf(StartsWith("RESULT_NOT_UTF8 "), HasSubstr("result.list[1]")));
    EXPECT_THAT(failure_of({{"o", {{"x", std::numeric_limits<double>::quiet_NaN()}}}}),
                AllOf(StartsWith("RESULT_NOT_FINITE "), HasSubstr("result.o.x")));
    EXPECT_THAT(failure_of({{std::string{"k\0", 2}, 1}}), StartsWith("RESULT_BAD_KEY "));
    EXPECT_THAT(failure_of({{"text", std::string(17 << 20, 'x')}}),
                AllOf(StartsWith("RESULT_TOO_LARGE "), HasSubstr("result.text")));
    value deep = 1;
    for (unsigned i = 0; i < max_result_depth; ++i) {
        deep = value{{"d", std::move(deep)}};
    }
    EXPECT_EQ(failure_of(deep), "completed");
    EXPECT_THAT(failure_of({{"one_more", std::move(deep)}}), StartsWith("RESULT_TOO_DEEP "));
}

TEST(Outcomes, ShareTheirDocumentWithTheTask) {
    const auto failure_of = [](std::size_t task_bytes, std::size_t text_bytes) {
        outcome_writer answer{"t", buffer_pool{}, task_bytes};
        answer.result().member("text", std::string(text_bytes, 'x'));
        const outcome done = std::move(answer).complete();
        const auto view = done.read();
        const auto* failed = std::get_if<task_failed_view>(&view);
        return failed == nullptr ? "completed"
                                 : std::string{failed->error_code} + " " + std::string{failed->error_message};
    };
    EXPECT_EQ(failure_of(max_document_bytes - 1000, 900), "completed");
    EXPECT_THAT(
        failure_of(max_document_bytes - 1000, 1100),
        ::testing::AllOf(::testing::StartsWith("RESULT_TOO_LARGE "), ::testing::HasSubstr("room for 1000 ")));
    EXPECT_THAT(
        failure_of(max_document_bytes + 1, 1),
        ::testing::AllOf(::testing::StartsWith("RESULT_TOO_LARGE "), ::testing::HasSubstr("room for 0 ")));
}

TEST(Outcomes, AreMoveOnlyAndEmptyAfterwards) {
    static_assert(!std::is_copy_constructible_v<outcome>);
    outcome first = outcome_writer{"t", buffer_pool{}}.fail("CODE", "why");
    const outcome second = std::move(first);
    EXPECT_TRUE(first.empty()); // NOLINT(bugprone-use-after-move): what this tests
    EXPECT_FALSE(second.empty());
    const frame_view nothing = first.read(); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(std::get<task_failed_view>(nothing).task_id, "");
}

std::string code_of(const outcome& answer) {
    const frame_view view = answer.read();
    const auto* failed = std::get_if<task_failed_view>(&view);
    return failed == nullptr ? "" : std::string{failed->error_code};
}

TEST(Outcomes, WrittenInAnImpossibleOrderAreAFaultOfOurs) {
    outcome_writer answer{"t", buffer_pool{}};
    answer.result().key("a");
    EXPECT_EQ(code_of(std::move(answer).complete()), "INTERNAL_ERROR");
}

TEST(Outcomes, HaveTheRoomThatTheTaskLeaves) {
    const auto code_beside = [](std::size_t task_bytes) {
        outcome_writer answer{"t", buffer_pool{}, task_bytes};
        answer.result().member("text", "x");
        return code_of(std::move(answer).complete());
    };
    EXPECT_EQ(code_beside(max_document_bytes - 100), "");
    EXPECT_EQ(code_beside(max_document_bytes - 10), "RESULT_TOO_LARGE");
    EXPECT_EQ(code_beside(max_document_bytes), "RESULT_TOO_LARGE");
    EXPECT_EQ(code_beside(max_document_bytes + 1), "RESULT_TOO_LARGE");
}

TEST(Outcomes, CountTheirFilesAgainstThatRoom) {
    const auto answer_with = [](std::size_t room) {
        outcome_writer answer{"t", buffer_pool{}, max_document_bytes - room};
        answer.file({.file_id = "f", .filename = std::string(500, 'n')});
        return std::move(answer).complete();
    };
    EXPECT_EQ(code_of(answer_with(2000)), "");
    const outcome refused = answer_with(400);
    EXPECT_EQ(code_of(refused), "RESULT_TOO_LARGE");
    EXPECT_THAT(
        std::string{std::get<task_failed_view>(refused.read()).error_message},
        ::testing::AllOf(::testing::StartsWith("result_files: "), ::testing::HasSubstr("room for 400 ")));
}

TEST(Outcomes, NameFilesOnlyInUtf8) {
    const auto code_with = [](const file_view& file) {
        outcome_writer answer{"t", buffer_pool{}};
        answer.file({.file_id = "first"});
        answer.file(file);
        answer.file({.file_id = "last"});
        return code_of(std::move(answer).complete());
    };
    EXPECT_EQ(code_with({.file_id = "f", .filename = "n", .content_type = "t", .storage_url = "u"}), "");
    EXPECT_EQ(code_with({.file_id = "\xFF"}), "RESULT_NOT_UTF8");
    EXPECT_EQ(code_with({.filename = "\xFF"}), "RESULT_NOT_UTF8");
    EXPECT_EQ(code_with({.content_type = "\xFF"}), "RESULT_NOT_UTF8");
    EXPECT_EQ(code_with({.storage_url = "\xFF"}), "RESULT_NOT_UTF8");
}

TEST(Outcomes, WhoseResultGoesOnBehindAFileAreAFaultOfOurs) {
    const auto code_with = [](auto last) {
        outcome_writer answer{"t", buffer_pool{}};
        answer.result().member("before", 1);
        answer.file({.file_id = "f"});
        answer.result().member("behind", 2);
        last(answer);
        const outcome done = std::move(answer).complete();
        EXPECT_TRUE(outcome::from_frame(done.frame())) << "the controller could not read it";
        return code_of(done);
    };
    EXPECT_EQ(code_with([](outcome_writer&) {}), "INTERNAL_ERROR");
    EXPECT_EQ(code_with([](outcome_writer& answer) { answer.file({.file_id = "g"}); }), "INTERNAL_ERROR");
    EXPECT_EQ(code_with([](outcome_writer& answer) { answer.result().key("open").begin_list(); }),
              "INTERNAL_ERROR");
}

TEST(Outcomes, OfABadResultStayBadWhateverFilesFollow) {
    outcome_writer answer{"t", buffer_pool{}};
    answer.result().member("bad", std::numeric_limits<double>::infinity());
    answer.file({.file_id = "f"});
    EXPECT_EQ(code_of(std::move(answer).complete()), "RESULT_NOT_FINITE");
}

// --- Stream items ---

assigned_task a_task() {
    testing::engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "t", .timeout_ms = 5000});
    return rig.tasks.back();
}

TEST(StreamItems, SayHowFarTheTaskIsUnlessItIsAtItsBeginning) {
    const assigned_task task = a_task();
    for (const auto& [said, told] :
         {std::pair{0.0F, 0.0F}, std::pair{-1.0F, 0.0F}, std::pair{0.5F, 0.5F}, std::pair{7.0F, 1.0F}}) {
        const auto item = stream_item_writer{task, said}.finish();
        ASSERT_TRUE(item);
        const auto frame = read_frame(item->frame());
        const auto view = std::get<task_progress_view>(frame.value());
        EXPECT_EQ(view.task_id, "t");
        EXPECT_EQ(view.progress, told) << said;
        EXPECT_TRUE(view.has_data);
    }
}

TEST(StreamItems, NameWhatTheControllerCouldNotRelay) {
    stream_item_writer item{a_task(), 0.5F};
    item.data().key("a").begin_list().number(std::numeric_limits<double>::infinity());
    const auto made = std::move(item).finish();
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), (write_fault{write_fault::kind::not_finite, "data.a[0]"}));
    EXPECT_NE(made.error(), (write_fault{write_fault::kind::not_finite, "data.a[1]"}));
    EXPECT_NE(made.error(), (write_fault{write_fault::kind::not_utf8, "data.a[0]"}));
}

// --- Taking back ---

TEST(Outcomes, AreTakenBackFromTheirFramesOnly) {
    outcome_writer answer{"t", buffer_pool{}};
    const outcome done = std::move(answer).complete();
    const outcome failed = outcome_writer{"t", buffer_pool{}}.fail("CODE", "why");
    byte_buffer progress;
    write_progress(progress, "t", 0.5F, "half");
    for (const outcome* each : {&done, &failed}) {
        const auto back = outcome::from_frame(each->frame());
        ASSERT_TRUE(back) << back.error();
        EXPECT_EQ(back->completed(), each->completed());
        EXPECT_EQ(back->task_id(), "t");
        EXPECT_EQ(copy_of(back->frame()), copy_of(each->frame()));
        EXPECT_FALSE(stream_item::from_frame(each->frame())) << "an outcome is no progress";
    }
    EXPECT_EQ(outcome::from_frame(progress.bytes()).error(), "it is neither TASK_COMPLETE nor TASK_FAILED");
    EXPECT_TRUE(stream_item::from_frame(progress.bytes()));
    EXPECT_THAT(outcome::from_frame({}).error(), ::testing::StartsWith("it is no frame: "));
    EXPECT_THAT(stream_item::from_frame({}).error(), ::testing::StartsWith("it is no frame: "));
}

TEST(Outcomes, FailuresAlwaysGoOutWhateverTheirTexts) {
    const std::string huge(1 << 20, 'm');
    const outcome failed = outcome_writer{"t", buffer_pool{}}.fail(
        "C\xFF", huge, value{{"bad", std::numeric_limits<double>::infinity()}});
    const auto view = failed.read();
    const auto& told = std::get<task_failed_view>(view);
    EXPECT_EQ(told.error_code, "C\uFFFD");
    EXPECT_LE(told.error_message.size(), max_error_message_bytes);
    EXPECT_TRUE(told.error_details.empty()) << "details that cannot be kept are left out";
}

} // namespace
} // namespace distworker
