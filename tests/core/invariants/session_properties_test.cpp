// I1 to I7: the session.
#include "core/invariants/any_session.hpp"

#include <distworker/signing.hpp>

#include <rapidcheck/gtest.h>

namespace distworker::testing {
namespace {

using enum step::kind;

TEST(Invariants, I1_RegisterIsTheFirstFrameOfAnOpenConnectionAndGoesOutOnce) {
    expect_holds(1, "REGISTER comes first, once, on an open connection", {.more = {open, respond, close}});
}

TEST(Invariants, I2_NothingGoesOutBeforeTheAnswerAndWhatComesTooEarlyIsHeld) {
    expect_holds(2, "nothing before the answer to REGISTER", {.more = {open, assign, close, wake}});
}

TEST(Invariants, I3_TheSignedDateIsThatOfTheOneReading) {
    expect_holds(3, "date, key and signature are of one reading", {.more = {open, close, step_wall, wake}});
}

/// Notes what keys are made of.
class noting_crypto final : public crypto {
public:
    explicit noting_crypto(std::vector<std::string>& data) : data_{&data} {}
    std::expected<digest32, crypto_error> hmac_sha256(std::span<const std::byte>,
                                                      std::span<const std::byte> data) const override {
        data_->emplace_back(as_text(data));
        return digest32{};
    }
    std::expected<digest32, crypto_error> sha256(std::span<const std::byte>) const override {
        return digest32{};
    }
    std::expected<digest20, crypto_error> sha1(std::span<const std::byte>) const override {
        return digest20{};
    }
    std::expected<void, crypto_error> random(std::span<std::byte>) const override { return {}; }
    std::string description() const override { return "noting"; }

private:
    std::vector<std::string>* data_;
};

RC_GTEST_PROP(Invariants, I3_TheKeysDayIsThatOfTheSignedDate, ()) {
    const wall_time wall{
        std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(1'577'836'800'000, 253'402'300'800'000)}};
    const auto date = signing_date(wall);
    RC_ASSERT(date.has_value());
    RC_ASSERT(parse_signing_date(date->view()) == std::chrono::floor<std::chrono::seconds>(wall));
    std::vector<std::string> hashed;
    signer sign = make_signer(std::make_shared<noting_crypto>(hashed), secret{std::string_view{"token"}});
    RC_ASSERT(sign(date->view(), as_byte_span("what is signed")).has_value());
    RC_ASSERT(hashed == (std::vector<std::string>{std::string{date->view().substr(0, 8)},
                                                  std::string{websocket_scope}, "what is signed"}));
}

TEST(Invariants, I4_EachRegistrationIsSignedAnew) {
    expect_holds(4, "no signature goes out twice", {.more = {open, close, refuse_signing, wake}});
}

TEST(Invariants, I5_NothingOfOneConnectionTouchesTheNext) {
    expect_holds(5, "connections do not touch each other",
                 {.more = {open, respond, close, part, stale, old_pong, wake}});
}

TEST(Invariants, I6_NothingGoesOutBehindAClose) {
    expect_holds(6, "a Close is the last word", {.more = {open, respond, stop, pause, resume, burst}});
}

TEST(Invariants, I7_ASlotHasOneConnectionAndOneSetOfTimers) {
    expect_holds(7, "one connection, one set of timers", {.more = {open, close, pause, resume, set_slots}});
}

} // namespace
} // namespace distworker::testing
