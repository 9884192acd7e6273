// The judge of answers to an upgrade, which all transports share: pieces of any size mean the same.
#include <distworker/upgrade_check.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace distworker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
const std::string good = interim + "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
                                   "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: proof\r\n\r\n";

TEST(UpgradeCheck, TakesAnAnswerInPiecesOfAnySize) {
    const std::string sent = good + "frames";
    for (std::size_t size = 1; size <= sent.size(); ++size) {
        upgrade_check check{"proof"};
        std::size_t taken = 0;
        while (taken < sent.size() && check.state() == upgrade_check::progress::wants_more) {
            taken += check.take(std::string_view{sent}.substr(taken, size));
        }
        EXPECT_EQ(taken, good.size()) << size;
        EXPECT_EQ(check.state(), upgrade_check::progress::answered);
        EXPECT_THAT(check.problem(), IsEmpty()) << size;
    }
}

TEST(UpgradeCheck, BelievesNoAnswerThatIsCutShort) {
    for (std::size_t size = 0; size < good.size(); ++size) {
        upgrade_check check{"proof"};
        check.take(std::string_view{good}.substr(0, size));
        EXPECT_EQ(check.state(), upgrade_check::progress::wants_more) << size;
        EXPECT_FALSE(check.problem().empty()) << size;
    }
}

TEST(UpgradeCheck, ComparesTheProofWhereItIsGivenOne) {
    upgrade_check other{"another proof"};
    other.take(good);
    EXPECT_THAT(other.problem(), HasSubstr("Sec-WebSocket-Accept"));
    upgrade_check none{std::nullopt};
    none.take(good);
    EXPECT_THAT(none.problem(), IsEmpty());
    EXPECT_EQ(none.accept(), "proof");
}

TEST(UpgradeCheck, NamesWhatElseSpeaksThere) {
    const std::pair<std::string, const char*> cases[] = {
        {"\x16\x03\x01", "speaks TLS"},
        {"\x15\x03\x01", "speaks TLS"},
        {"SSH-2.0-OpenSSH_9.2", "speaks SSH"},
        {std::string{"\0\0\x12", 3}, "HTTP/2, "},
        {"220 smtp", "no HTTP"},
        {"HTTP/1.0 200 OK\r\n", "HTTP/1.0, "},
    };
    for (const auto& [bytes, words] : cases) {
        upgrade_check check{std::nullopt};
        check.take(bytes);
        EXPECT_EQ(check.state(), upgrade_check::progress::refused);
        EXPECT_THAT(check.problem(), HasSubstr(words));
    }
}

TEST(UpgradeCheck, HoldsNoMoreThanItsLimit) {
    upgrade_check check{std::nullopt};
    check.take("HTTP/1.1 101 Switching\r\n");
    std::size_t taken = 0;
    const std::string piece(1000, 'x');
    while (check.state() == upgrade_check::progress::wants_more) {
        taken += check.take(piece);
    }
    EXPECT_LE(taken, 17'000U);
    EXPECT_THAT(check.problem(), HasSubstr("too large"));
    EXPECT_EQ(check.take(piece), 0U);
}

} // namespace
} // namespace distworker
