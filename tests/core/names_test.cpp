// The words for enumerations: each value has one of its own, and a value that does not exist says so.
#include <distworker/controller_engine.hpp>
#include <distworker/engine_state.hpp>
#include <distworker/payload_check.hpp>
#include <distworker/value_writer.hpp>
#include <distworker/worker_config.hpp>
#include <distworker/worker_engine.hpp>

#include <gtest/gtest.h>

#include <set>
#include <source_location>
#include <string>

namespace distworker {
namespace {

// `last` is the last enumerator: what comes behind it has no word.
template <typename Enum>
void expect_words(Enum last) {
    using wire::to_string;
    const std::string where = std::source_location::current().function_name(); // names the enumeration
    std::set<std::string> words;
    const auto count = static_cast<unsigned>(last) + 1;
    for (unsigned i = 0; i < count; ++i) {
        const std::string word = to_string(static_cast<Enum>(i));
        EXPECT_NE(word, "");
        EXPECT_NE(word, "unknown") << where << ' ' << i;
        EXPECT_TRUE(words.insert(word).second) << word << " stands for two values";
    }
    EXPECT_STREQ(to_string(static_cast<Enum>(count)), "unknown") << where;
}

TEST(Names, OfTheCodec) {
    expect_words(value_kind::list);
    expect_words(wire::wire_error::group);
    expect_words(payload_fault::repeated_field);
    expect_words(write_fault::kind::misuse);
}

TEST(Names, OfTheEngine) {
    expect_words(engine_state::paused);
    expect_words(engine_event::finished);
    expect_words(engine_action::finish);
    expect_words(link_end::kind::closed);
    expect_words(end_cause::local);
    expect_words(deadline_reason::memory);
    expect_words(stop_reason::shutdown);
    expect_words(certainty::maybe_processed);
    expect_words(end_reason::stuck_handlers);
    expect_words(misuse::unknown_slot);
}

TEST(Names, OfTheConfiguration) {
    expect_words(session_policy::stable);
    expect_words(reconnect_policy::fixed);
}

TEST(Names, OfTheController) {
    expect_words(controller_mode::ideal);
    expect_words(availability::ghost);
    expect_words(note_kind::task_timed_out);
    expect_words(task_status::finished);
}

} // namespace
} // namespace distworker
