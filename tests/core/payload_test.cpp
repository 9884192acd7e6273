// Payloads: checked once as they come, read lazily where they lie, written with every fault named.
#include "core/engine_rig.hpp"

#include <distworker/payload_check.hpp>
#include <distworker/value.hpp>
#include <distworker/value_writer.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>

namespace distworker {
namespace {

using testing::copy_of;
using testing::struct_bytes;
using bytes = std::vector<std::byte>;

// A payload made by hand, so that it can be wrong.
template <typename Write>
bytes raw(Write write) {
    byte_buffer out;
    wire::writer w{out};
    write(w);
    w.finish();
    return copy_of(out.bytes());
}

void raw_entry(wire::writer& w, std::string_view key, auto write_value) {
    w.open(1);
    w.text(1, key);
    w.open(2);
    write_value(w);
    w.close();
    w.close();
}

bytes one_value(auto write_value) {
    return raw([&](wire::writer& w) { raw_entry(w, "k", write_value); });
}

payload_fault fault_of(const bytes& payload) {
    const auto checked = check_payload(payload);
    return checked ? throw std::logic_error{"it is sound"} : checked.error();
}

// --- The check at receipt ---

TEST(PayloadCheck, FindsWhatIsWrong) {
    EXPECT_EQ(fault_of(one_value([](wire::writer& w) { w.text(3, "\xFF"); })), payload_fault::not_utf8);
    EXPECT_EQ(fault_of(raw([](wire::writer& w) { raw_entry(w, "\xC0\x80", [](wire::writer&) {}); })),
              payload_fault::not_utf8);
    EXPECT_EQ(fault_of(testing::copy_of(as_byte_span("\x0a\x05"))), payload_fault::malformed);
    EXPECT_EQ(fault_of(one_value([](wire::writer& w) {
                  w.fixed64(2, 1);
                  w.fixed64(2, 2);
              })),
              payload_fault::repeated_field);
    EXPECT_EQ(fault_of(raw([](wire::writer& w) {
                  w.open(1);
                  w.text(1, "a");
                  w.text(1, "b");
                  w.close();
              })),
              payload_fault::repeated_field);
    EXPECT_EQ(fault_of(raw([](wire::writer& w) {
                  w.open(1);
                  w.bytes(2, {});
                  w.bytes(2, {});
                  w.close();
              })),
              payload_fault::repeated_field);
    EXPECT_EQ(fault_of(one_value([](wire::writer& w) {
                  w.varint(4, 1);
                  w.text(3, "\xFF");
              })),
              payload_fault::not_utf8);
}

// What a version to come may add.
void write_news(wire::writer& w) {
    w.varint(9, 1);
    w.text(10, "news");
}

TEST(PayloadCheck, AndTheViewsSkipFieldsThatTheyDoNotKnow) {
    const bytes payload = raw([](wire::writer& w) {
        write_news(w);
        w.open(1);
        write_news(w);
        w.text(1, "list");
        w.open(2);
        write_news(w);
        w.open(6);
        write_news(w);
        w.open(1);
        w.varint(4, 1);
        w.close();
        write_news(w);
        w.close();
        w.close();
        w.close();
        write_news(w);
    });
    ASSERT_TRUE(check_payload(payload));
    EXPECT_EQ(value{object_view{payload}}, (value{{"list", value::of({true})}}));
}

bytes nested(unsigned depth, bool lists) {
    return raw([&](wire::writer& w) {
        const auto level = [&](auto& self, unsigned left) -> void { // inside a Struct or ListValue
            if (left == 0) {
                return;
            }
            if (lists && left != depth - 1) {
                w.open(1); // the next item
                w.open(6);
                self(self, left - 1);
                w.close();
                w.close();
            } else {
                w.open(1);
                w.text(1, "k");
                w.open(2);
                w.open(lists ? 6 : 5);
                self(self, left - 1);
                w.close();
                w.close();
                w.close();
            }
        };
        level(level, depth - 1);
    });
}

TEST(PayloadCheck, TakesAHundredContainersAndNoMore) {
    for (const bool lists : {false, true}) {
        EXPECT_TRUE(check_payload(nested(max_input_depth, lists))) << lists;
        EXPECT_EQ(fault_of(nested(max_input_depth + 1, lists)), payload_fault::too_deep) << lists;
    }
}

TEST(PayloadCheck, DepthCostsNoStack) {
    // Lists, one in another, from the inside out.
    bytes payload;
    const auto wrap = [&payload](std::uint8_t tag) {
        bytes length;
        for (std::size_t n = payload.size(); length.empty() || n != 0; n >>= 7U) {
            length.push_back(static_cast<std::byte>((n & 0x7FU) | (n > 0x7F ? 0x80U : 0U)));
        }
        payload.insert(payload.begin(), length.begin(), length.end());
        payload.insert(payload.begin(), std::byte{tag});
    };
    for (int i = 0; i < 20'000; ++i) {
        wrap(0x32); // a Value's list
        wrap(0x0A); // an item
    }
    wrap(0x32);
    wrap(0x12); // an entry's value
    wrap(0x0A); // an entry
    EXPECT_EQ(fault_of(payload), payload_fault::too_deep);
}

TEST(PayloadCheck, MeasuresTheDocument) {
    // BSON: 4 bytes of length, elements of type, key, NUL and value, one NUL.
    EXPECT_EQ(*check_payload({}), 5U);
    EXPECT_EQ(*check_payload(struct_bytes({{"a", 1.5}})), 5U + 3 + 8);
    EXPECT_EQ(*check_payload(struct_bytes({{"a", "xy"}})), 5U + 3 + 4 + 3);
    EXPECT_EQ(*check_payload(struct_bytes({{"a", true}})), 5U + 3 + 1);
    EXPECT_EQ(*check_payload(struct_bytes({{"a", nullptr}})), 5U + 3);
    EXPECT_EQ(*check_payload(struct_bytes({{"a", value::of({1})}})), 5U + 3 + 5 + 3 + 8);
    // The keys of a list's items are their numbers: the eleventh is "10".
    EXPECT_EQ(*check_payload(struct_bytes({{"a", value{value::list(11)}}})), 5U + 3 + 5 + 10 * 3 + 4);
}

// --- Views ---

TEST(ValueView, ReadsEveryKind) {
    const value content{
        {"n", 1.5},         {"t", "x"}, {"b", true}, {"z", nullptr}, {"l", value::of({1, "two"})},
        {"o", {{"k", "v"}}}};
    const bytes payload = struct_bytes(content);
    const object_view view{payload};
    EXPECT_EQ(view.find("n")->number(), 1.5);
    EXPECT_EQ(view.find("t")->string(), "x");
    EXPECT_EQ(view.find("b")->boolean(), true);
    EXPECT_TRUE(view.find("z")->is_null());
    EXPECT_EQ(view.find("o")->object()->find("k")->string(), "v");
    EXPECT_FALSE(view.find("n")->string());
    EXPECT_FALSE(view.find("n")->boolean());
    EXPECT_FALSE(view.find("n")->list());
    EXPECT_FALSE(view.find("n")->object());
    EXPECT_FALSE(view.find("t")->number());
    EXPECT_FALSE(view.find("nothing"));
    EXPECT_TRUE(view.find("n")->items().empty());
    EXPECT_TRUE(view.find("n")->members().empty());
    int items = 0;
    for (const value_view item : view.find("l")->items()) {
        EXPECT_FALSE(item.is_null());
        ++items;
    }
    EXPECT_EQ(items, 2);
    EXPECT_EQ(value{view}, content);
}

TEST(ValueView, OfEqualKeysAndOfDifferentKindsTheLastCounts) {
    const bytes payload = raw([](wire::writer& w) {
        raw_entry(w, "k", [](wire::writer& v) { v.fixed64(2, 1); });
        raw_entry(w, "k", [](wire::writer& v) {
            v.fixed64(2, 2);
            v.text(3, "last");
        });
    });
    ASSERT_TRUE(check_payload(payload));
    EXPECT_EQ(object_view{payload}.find("k")->string(), "last");
    EXPECT_EQ(value{object_view{payload}}, (value{{"k", "last"}}));
}

TEST(ValueView, AMissingMemberMayCountAsNull) {
    const bytes payload = struct_bytes({{"a", 1}, {"none", nullptr}});
    const object_view view{payload};
    EXPECT_EQ(view["a"].number(), 1);
    EXPECT_TRUE(view["none"].is_null());
    EXPECT_TRUE(view["missing"].is_null());
    EXPECT_EQ(view["missing"].members()["deeper"].number(), std::nullopt);
}

TEST(ValueView, AnyVarintButZeroIsTrue) {
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{1} << 40U}) {
        const bytes payload = one_value([number](wire::writer& w) { w.varint(4, number); });
        EXPECT_EQ(object_view{payload}.find("k")->boolean(), number != 0) << number;
    }
}

TEST(ValueView, AFieldOfAnotherWireTypeIsUnknown) {
    const bytes payload = one_value([](wire::writer& w) {
        w.varint(2, 7); // a number is a fixed64
        w.text(4, "x"); // a bool is a varint
        w.varint(5, 1); // an object is a message
    });
    ASSERT_TRUE(check_payload(payload));
    EXPECT_TRUE(object_view{payload}.find("k")->is_null());
}

TEST(ValueView, AValueOfNoKindIsNull) {
    const bytes payload = one_value([](wire::writer&) {});
    EXPECT_TRUE(object_view{payload}.find("k")->is_null());
}

TEST(ValueView, ObjectsAndListsAreRanges) {
    static_assert(std::ranges::input_range<object_view> && std::ranges::input_range<list_view>);
    const bytes payload = struct_bytes({{"a", value::of({1, 2, 3})}, {"b", nullptr}});
    const object_view object{payload};
    EXPECT_EQ(std::ranges::count_if(object, [](const member_view& m) { return m.value.is_null(); }), 1);
    const list_view list = object.find("a")->items();
    EXPECT_EQ(std::ranges::distance(list), 3);
    EXPECT_FALSE(list.empty());
    EXPECT_EQ(std::ranges::distance(list_view{list.bytes()}), 3) << "a view of the same bytes";

    auto member = object.begin();
    member++;
    EXPECT_EQ((*member).key, "b");
    auto item = list.begin();
    item++;
    EXPECT_EQ((*item).number(), 2.0);
    EXPECT_EQ(object_view::iterator{}, object_view::end()) << "one of no object is at its end";
    EXPECT_EQ(list_view::iterator{}, list_view::end());
}

RC_GTEST_PROP(ValueView, NeverReadsOutsideUncheckedBytes, ()) {
    const auto random = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
    const bytes payload = copy_of(std::as_bytes(std::span{random}));
    std::size_t met = 0;
    const auto walk = [&](auto& self, const object_view& object, int depth) -> void {
        for (const member_view m : object) {
            met += m.key.size() + static_cast<std::size_t>(m.value.kind());
            if (depth < 5) {
                self(self, m.value.members(), depth + 1);
            }
        }
    };
    walk(walk, object_view{payload}, 0); // for the sanitizers to watch
    RC_ASSERT(met <= 1000 + 100 * payload.size());
}

// --- Writing ---

struct attempt {
    byte_buffer buffer;
    wire::writer wire{buffer};
    value_writer members;
    explicit attempt(std::size_t max_bytes = 1000) : members{wire, "result", max_bytes} {}
    [[nodiscard]] std::string told() const {
        return members.fault() ? members.fault()->path + ": " + to_string(members.fault()->what) : "";
    }
};

TEST(ValueWriter, NamesTheCulprit) {
    {
        attempt a;
        a.members.key("a").begin_list().number(1).begin_object().member("b", "\xFF");
        EXPECT_EQ(a.told(), "result.a[1].b: text that is not UTF-8");
    }
    {
        attempt a;
        a.members.member("x", std::numeric_limits<double>::infinity());
        EXPECT_EQ(a.told(), "result.x: a number that is not finite");
    }
    {
        attempt a;
        a.members.member("x", std::numeric_limits<double>::quiet_NaN());
        EXPECT_EQ(a.told(), "result.x: a number that is not finite");
    }
    {
        attempt a;
        a.members.member("\xFF", 1);
        EXPECT_EQ(a.told(), "result.\\xff: text that is not UTF-8");
    }
    {
        attempt a;
        a.members.key(std::string_view{"a\0b", 3});
        EXPECT_EQ(a.told(), "result.a\\x00b: a key that holds NUL");
    }
    {
        attempt a;
        a.members.member("t", std::string(1000, 'x'));
        EXPECT_EQ(a.told(), "result.t: larger than the controller can keep");
    }
}

TEST(ValueWriter, TakesNinetySixContainersAndNamesTheNinetySeventh) {
    attempt a{10'000};
    std::string path = "result";
    for (unsigned depth = 2; depth <= max_result_depth; ++depth) {
        if (depth % 2 == 0) {
            a.members.key("d").begin_list();
            path += ".d";
        } else {
            a.members.begin_object();
            path += "[0]";
        }
    }
    EXPECT_EQ(a.told(), "");
    a.members.begin_object();
    EXPECT_EQ(a.told(), path + "[0]: nested deeper than 96 containers");
}

TEST(ValueWriter, CallsInAnImpossibleOrderAreMisuse) {
    const auto misuse = [](auto calls) {
        attempt a;
        calls(a.members);
        a.members.finish();
        return a.members.fault() && a.members.fault()->what == write_fault::kind::misuse;
    };
    EXPECT_TRUE(misuse([](value_writer& w) { w.number(1); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.boolean(true); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.string("text"); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.null(); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.begin_list(); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.key("a").key("b"); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.key("a"); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.end_object(); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.key("a").begin_list().end_object(); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.key("a").begin_list().key("b"); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.key("a").begin_object(); }));
    EXPECT_TRUE(misuse([](value_writer& w) { w.key("a").begin_object().key("b").end_object(); }));
    EXPECT_TRUE(misuse([](value_writer& w) { write_members(w, value{1}); }));
    EXPECT_FALSE(misuse([](value_writer& w) { w.key("a").begin_object().end_object(); }));
}

TEST(ValueWriter, WritesNothingAfterAFault) {
    attempt a;
    a.members.member("bad", "\xFF");
    const std::size_t size = a.buffer.size();
    a.members.member("good", 1).key("more").begin_list().end_list();
    EXPECT_EQ(a.buffer.size(), size);
    EXPECT_EQ(a.told(), "result.bad: text that is not UTF-8") << "the first one is told";
}

TEST(ValueWriter, CopiesAViewUpToItsFirstFault) {
    const double odd = std::numeric_limits<double>::quiet_NaN(); // comes in unchanged, cannot go out
    const bytes payload = raw([&](wire::writer& w) {
        raw_entry(w, "good", [](wire::writer& v) { v.fixed64(2, 1); });
        raw_entry(w, "odd", [&](wire::writer& v) { v.fixed64(2, odd); });
        raw_entry(w, "later", [](wire::writer& v) { v.text(3, "text"); });
    });
    attempt a;
    write_members(a.members, object_view{payload});
    EXPECT_EQ(a.told(), "result.odd: a number that is not finite");
}

TEST(ValueWriter, MeasuresWhatTheCheckMeasures) {
    const value content{{"n", 1},
                        {"list", value::of({1, "x", value::of({}), nullptr})},
                        {"more", value{value::list(120)}},
                        {"o", {{"b", true}}}};
    attempt a;
    write_members(a.members, content);
    a.wire.finish();
    EXPECT_EQ(a.members.document_bytes(), *check_payload(a.buffer.bytes()));
}

TEST(Value, IntegersBecomeDoublesAndObjectsKeepTheirOrder) {
    value object{{"b", 1}, {"a", 2U}};
    object.set("c", true);
    object.set("b", "again");
    ASSERT_EQ(object.members()->size(), 3U);
    EXPECT_EQ(object.members()->at(0).key, "b");
    EXPECT_EQ(*object.find("b")->string(), "again");
    EXPECT_EQ(*object.find("a")->number(), 2.0);
    EXPECT_EQ(object.find("nothing"), nullptr);
    value number{3};
    number.set("x", 1);
    EXPECT_EQ(number, value{3}) << "a number has no members";
    EXPECT_EQ(number.find("x"), nullptr);
    value nothing;
    nothing.set("x", 1);
    EXPECT_EQ(nothing, (value{{"x", 1}})) << "null becomes an object";
    EXPECT_NE(nothing, (value{{"x", 2}}));
    EXPECT_NE(nothing, (value{{"y", 1}}));
}

TEST(Value, IsCopiedWhole) {
    value tree{{"list", value::of({1, "x"})}};
    const value before = tree;
    value other{"other"};
    other = tree;
    tree.set("list", nullptr);
    EXPECT_EQ(other, before);
    other = *other.find("list"); // a part of its own
    EXPECT_EQ(other, *before.find("list"));
}

} // namespace
} // namespace distworker
