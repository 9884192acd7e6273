// Any calls, times and bytes, in any order, keep the invariants.
#include "core/engine_model.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace distworker::testing {
namespace {

rc::Gen<std::vector<step>> any_steps() {
    using enum step::kind;
    const auto kind = rc::gen::weightedElement<step::kind>({
        {1, start}, {2, stop},        {1, flush},    {4, wait},     {8, wake},           {1, step_back},
        {1, leap},  {8, open},        {8, respond},  {10, assign},  {2, damaged_assign}, {1, noise},
        {1, text},  {2, part},        {2, ping},     {6, pong},     {1, alive},          {8, written},
        {2, close}, {2, stale_event}, {8, complete}, {3, progress}, {3, stream},         {1, sample},
    });
    return rc::gen::container<std::vector<step>>(
        rc::gen::map(rc::gen::tuple(kind, rc::gen::inRange<std::uint32_t>(0, 1000),
                                    rc::gen::inRange<std::uint32_t>(0, 1000)),
                     [](const auto& t) { return step{std::get<0>(t), std::get<1>(t), std::get<2>(t)}; }));
}

std::string run(const std::vector<step>& steps, session_policy session, chunking parts = {}) {
    model m{session, parts, 7};
    m.take({step::kind::start, 0, 0});
    for (const step& s : steps) {
        m.take(s);
    }
    m.finish();
    return m.log();
}

std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << "{" << static_cast<int>(s.what) << ", " << s.a << ", " << s.b << "}";
}

std::string shown(const std::vector<step>& steps) {
    std::ostringstream out;
    for (const step& s : steps) {
        out << s << ' ';
    }
    return out.str();
}

session_policy any_session() {
    return *rc::gen::element(session_policy::anonymous, session_policy::one_shot, session_policy::stable);
}

TEST(EngineModel, AnyCallsTimesAndBytesKeepTheInvariants) {
    EXPECT_TRUE(rc::check("I1 I2 I5-I12 I14 I16 I18-I20", [] {
        const auto session = any_session();
        const auto steps = *rc::gen::scale(6.0, any_steps());
        try {
            run(steps, session);
        } catch (const std::logic_error& e) {
            RC_LOG() << e.what() << "\n" << to_string(session) << "\n" << shown(steps);
            RC_FAIL("an invariant is broken");
        }
    }));
}

RC_GTEST_PROP(EngineModel, TheSameInputsGiveTheSameBytesI28, ()) {
    const auto session = any_session();
    const auto steps = *rc::gen::scale(3.0, any_steps());
    RC_ASSERT(run(steps, session) == run(steps, session));
}

RC_GTEST_PROP(EngineModel, HowAMessageIsCutDoesNotMatterI29, ()) {
    const auto session = any_session();
    const auto steps = *rc::gen::scale(3.0, any_steps());
    const auto size = *rc::gen::inRange<std::size_t>(1, 30);
    RC_ASSERT(run(steps, session) == run(steps, session, chunking{size}));
}

} // namespace
} // namespace distworker::testing
