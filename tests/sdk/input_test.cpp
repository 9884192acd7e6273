// Reading a task's input, metadata and files: values, defaults, and faults that name their path.
#include "sdk/fake_controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct point {
    double x, y;
    static constexpr auto members = distworker::members("x", &point::x, "y", &point::y);
};

struct order {
    std::string name;
    std::vector<point> points;
    std::optional<int> count;
    std::optional<point> center;
    static constexpr auto members = distworker::members("name", &order::name, "points", &order::points,
                                                        "count", &order::count, "center", &order::center);
};

/// Runs `read` as a handler. What it expects of the task is checked on the handler's thread.
template <typename Read>
task_answer reading(const value& input, Read read) {
    return answer_of(
        [read](task& t) -> value {
            read(t);
            return value::empty_object();
        },
        {.input = input});
}

template <typename Read>
void expect_read(const value& input, Read read) {
    const auto got = reading(input, read);
    EXPECT_TRUE(got.completed) << got.code << ": " << got.message;
}

/// `read` fails the task, naming `path` and telling `reason`.
template <typename Read>
void expect_fault(const value& input, Read read, const std::string& path, const std::string& reason) {
    const auto got = reading(input, read);
    EXPECT_FALSE(got.completed);
    EXPECT_EQ(got.code, "INVALID_INPUT");
    EXPECT_THAT(got.message, AllOf(::testing::StartsWith(path + ": "), HasSubstr(reason)));
    EXPECT_EQ(got.details, (value{{"path", path}}));
}

template <typename T>
auto reads(const char* path) {
    return [path](task& t) { std::ignore = t.input<T>(path); };
}

TEST(Input, GivesEveryKindOfValue) {
    const value input{{"number", 1.5},
                      {"whole", -7},
                      {"text", "words"},
                      {"flag", true},
                      {"list", value::of({1, 2, 3})},
                      {"nested", value{{"inner", value{{"deep", "down"}}}}}};
    expect_read(input, [input](task& t) {
        EXPECT_EQ(t.input<double>("number"), 1.5);
        EXPECT_EQ(t.input<float>("number"), 1.5F);
        EXPECT_EQ(t.input<int>("whole"), -7);
        EXPECT_EQ(t.input<std::string>("text"), "words");
        EXPECT_EQ(t.input<std::string_view>("text"), "words");
        EXPECT_TRUE(t.input<bool>("flag"));
        EXPECT_THAT(t.input<std::vector<int>>("list"), ElementsAre(1, 2, 3));
        EXPECT_EQ(t.input<std::string>("nested.inner.deep"), "down");
        EXPECT_EQ(t.input<value>("nested.inner"), (value{{"deep", "down"}}));
        EXPECT_EQ(t.input<std::optional<int>>("whole"), -7);
        EXPECT_EQ(value{t.input()}, input);
        EXPECT_EQ(t.id(), "task-1");
        EXPECT_EQ(t.queue(), "q");
        EXPECT_FALSE(t.timeout());
    });
}

TEST(Input, ANameThatHoldsDotsIsFoundBeforeAPath) {
    const value input{{"a.b", 1}, {"a", value{{"b", 2}, {"c.d", 3}}}};
    expect_read(input, [](task& t) {
        EXPECT_EQ(t.input<int>("a.b"), 1);
        EXPECT_EQ(t.input<int>("a.c.d"), 3);
    });
}

TEST(Input, DefaultsStandForWhatIsMissingOrNull) {
    const value input{{"null", nullptr}, {"there", 2}, {"nested", value{{"x", "y"}}}};
    expect_read(input, [](task& t) {
        EXPECT_EQ(t.input("missing", 1.5), 1.5);
        EXPECT_EQ(t.input("null", 7), 7);
        EXPECT_EQ(t.input("there", 7), 2);
        EXPECT_EQ(t.input("missing", "text"), "text");
        EXPECT_EQ(t.input("nested.x", "text"), "y");
        EXPECT_EQ(t.input("nested.missing", "text"), "text");
        EXPECT_EQ(t.input("there.no.object", 9), 9);
        EXPECT_TRUE(t.input("missing", true));
        EXPECT_THAT(t.input("missing", std::vector<int>{4}), ElementsAre(4));
        EXPECT_FALSE(t.input<std::optional<int>>("null"));
    });
}

TEST(Input, MissingValuesAreNamed) {
    const value input{{"user", value{{"name", "x"}}}};
    expect_fault(input, reads<double>("a"), "input.a", "is missing");
    expect_fault(input, reads<double>("user.age"), "input.user.age", "is missing");
    expect_fault(input, reads<double>("user.name.first"), "input.user.name.first", "is missing");
}

TEST(Input, WrongTypesAreNamedWithWhatIsNeeded) {
    const value input{{"text", "1"}, {"number", 1}, {"null", nullptr}, {"list", value::of({1, "two"})}};
    expect_fault(input, reads<double>("text"), "input.text", "a number is needed");
    expect_fault(input, reads<int>("text"), "input.text", "whole number");
    expect_fault(input, reads<std::string>("number"), "input.number", "a string is needed");
    expect_fault(input, reads<bool>("number"), "input.number", "a boolean is needed");
    expect_fault(input, reads<std::vector<int>>("number"), "input.number", "a list is needed");
    expect_fault(input, reads<std::vector<int>>("list"), "input.list[1]", "whole number");
    expect_fault(input, reads<object_view>("list"), "input.list", "an object is needed");
    expect_fault(input, reads<double>("null"), "input.null", "a number is needed");
    expect_fault(input, [](task& t) { std::ignore = t.input("text", 0.0); }, "input.text", "a number");
}

TEST(Input, WholeNumbersFitOrAreRefused) {
    const double two63 = 9'223'372'036'854'775'808.0;
    const value input{{"half", 0.5},        {"byte", 255},     {"over", 256},       {"under", -1},
                      {"least", -two63},    {"beyond", two63}, {"most", 2 * two63}, {"large", two63 - 1024},
                      {"small_byte", -128}, {"tiny", -129}};
    expect_read(input, [](task& t) {
        EXPECT_EQ(t.input<std::uint8_t>("byte"), 255);
        EXPECT_EQ(t.input<std::int8_t>("small_byte"), -128);
        EXPECT_EQ(t.input<std::int64_t>("least"), INT64_MIN);
        EXPECT_EQ(t.input<std::int64_t>("large"), INT64_MAX - 1023);
        EXPECT_EQ(t.input<std::uint64_t>("beyond"), std::uint64_t{1} << 63U);
    });
    expect_fault(input, reads<int>("half"), "input.half", "whole number in range");
    expect_fault(input, reads<std::uint8_t>("over"), "input.over", "whole number in range");
    expect_fault(input, reads<unsigned>("under"), "input.under", "whole number in range");
    expect_fault(input, reads<std::int64_t>("beyond"), "input.beyond", "whole number in range");
    expect_fault(input, reads<std::uint64_t>("most"), "input.most", "whole number in range");
    expect_fault(input, reads<std::int8_t>("tiny"), "input.tiny", "whole number in range");
}

TEST(Input, StructsAreReadByTheirMembers) {
    const value input{{"name", "n"},
                      {"points", value::of({value{{"x", 1}, {"y", 2}}, value{{"x", 3}, {"y", 4}}})},
                      {"count", nullptr}};
    expect_read(input, [](task& t) {
        const auto all = t.input<order>();
        EXPECT_EQ(all.name, "n");
        ASSERT_THAT(all.points, SizeIs(2));
        EXPECT_EQ(all.points[1].y, 4);
        EXPECT_FALSE(all.count);
        EXPECT_FALSE(all.center);
    });
    expect_read(value{{"at", value{{"x", 1}, {"y", 2}}}},
                [](task& t) { EXPECT_EQ(t.input<point>("at").y, 2); });
}

TEST(Input, FaultsInsideOfStructsNameTheWholePath) {
    const auto whole = [](task& t) { std::ignore = t.input<order>(); };
    const value points = value::of({value{{"x", 1}, {"y", 2}}, value{{"x", 3}}});
    expect_fault(value{{"name", "n"}, {"points", points}}, whole, "input.points[1].y", "is missing");
    expect_fault(value{{"points", points}}, whole, "input.name", "is missing");
    expect_fault(value{{"name", "n"}, {"points", value::empty_object()}}, whole, "input.points", "a list");
    expect_fault(value{{"name", "n"}, {"points", value::of({})}, {"count", "x"}}, whole, "input.count",
                 "whole number");
    expect_fault(value{{"name", "n"}, {"points", value::of({})}, {"center", value{{"x", "1"}}}}, whole,
                 "input.center.x", "a number");
    expect_fault(value{{"at", 5}}, reads<point>("at"), "input.at", "an object");
}

TEST(Input, MetadataIsReadTheSameWay) {
    const auto got = answer_of(
        [](task& t) -> value {
            EXPECT_EQ(t.metadata("tenant", ""), "acme");
            EXPECT_EQ(t.metadata("attempt", 0), 3);
            EXPECT_EQ(t.metadata("missing", "fallback"), "fallback");
            EXPECT_EQ(t.metadata().find("tenant")->string(), "acme");
            return t.metadata("tenant", 1);
        },
        {.metadata = value{{"tenant", "acme"}, {"attempt", 3}}});
    EXPECT_EQ(got.code, "INVALID_INPUT");
    EXPECT_THAT(got.message, HasSubstr("metadata.tenant"));
}

TEST(Input, FilesAreFoundByIdAndByName) {
    const std::vector<file_view> files{
        {.file_id = "f1",
         .filename = "a.txt",
         .content_type = "text/plain",
         .size = 5,
         .storage_url = "http://store/f1"},
        {.file_id = "f2", .filename = "b.txt", .content_type = "", .size = 0, .storage_url = ""}};
    const auto got = answer_of(
        [](task& t) {
            std::vector<std::string> ids;
            for (const file_view file : t.files()) {
                ids.emplace_back(file.file_id);
            }
            EXPECT_THAT(ids, ElementsAre("f1", "f2"));
            EXPECT_EQ(t.file("f1").value().filename, "a.txt");
            EXPECT_EQ(t.file("f1").value().content_type, "text/plain");
            EXPECT_EQ(t.file("f1").value().size, 5);
            EXPECT_EQ(t.file("f1").value().storage_url, "http://store/f1");
            EXPECT_EQ(t.file_named("b.txt").value().file_id, "f2");
            EXPECT_FALSE(t.file("a.txt"));
            EXPECT_FALSE(t.file_named("f2"));
        },
        {.files = files});
    EXPECT_TRUE(got.completed) << got.message;
    EXPECT_TRUE(answer_of([](task& t) {
                    EXPECT_TRUE(t.files().empty());
                    EXPECT_FALSE(t.file("f1"));
                }).completed);
}

TEST(Input, OutlivesItsTaskInACopy) {
    stage on;
    std::optional<task> kept;
    on.it().on("q", [&](task& t) { kept = t; });
    on.start();
    EXPECT_TRUE(on.run({.input = value{{"a", 1}}, .timeout_ms = 60'000}).completed);
    on.stop();
    EXPECT_EQ(kept->input<int>("a"), 1);
    EXPECT_EQ(kept->id(), "task-1");
    EXPECT_EQ(kept->timeout(), std::chrono::minutes{1});
    kept->progress(percent(50), "too late, which is no trouble");
    EXPECT_FALSE(kept->stream({{"n", 1}}));
}

} // namespace
} // namespace distworker::testing
