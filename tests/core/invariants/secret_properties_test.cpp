// I23: the token and the keys made from it appear in nothing that a worker says, shows, records or complains
// of.
//
// The token is a canary: random, so that it stands nowhere by chance. It is looked for as it is, in hex and
// in base64, and so are the day's key and the signing key.
#include "core/invariants/any_session.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/request_signing.hpp>
#include <distworker/trace.hpp>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace distworker::testing {
namespace {

using enum step::kind;

// Of whole groups of three bytes: what every encoding begins with.
std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (; bytes.size() >= 3; bytes.remove_prefix(3)) {
        std::uint32_t three = 0;
        for (const char c : bytes.substr(0, 3)) {
            three = three << 8U | static_cast<unsigned char>(c);
        }
        for (const unsigned shift : {18U, 12U, 6U, 0U}) {
            text += digits[three >> shift & 63U];
        }
    }
    return text;
}

/// What must not be seen, in every dress.
class canary {
public:
    explicit canary(std::string token) : token_{std::move(token)} { hide(token_); }

    [[nodiscard]] secret token() const { return secret{std::string_view{token_}}; }
    /// The keys of a day must not be seen either.
    void hide_keys_of(std::string_view date) {
        if (dates_.emplace(date.substr(0, 8)).second) {
            const auto day_key = date_key(*crypto_, token(), date);
            hide(day_key->view());
            for (const auto scope : {websocket_scope, request_scope}) {
                hide(signing_key(*crypto_, *day_key, scope)->view());
            }
        }
    }
    [[nodiscard]] bool shows_in(std::string_view text) const {
        return std::ranges::any_of(
            hidden_, [&](const std::string& each) { return text.find(each) != std::string_view::npos; });
    }
    [[nodiscard]] const std::shared_ptr<const crypto>& library() const noexcept { return crypto_; }

private:
    void hide(std::string_view bytes) {
        const std::string hex = to_hex(std::as_bytes(std::span{bytes}));
        std::string upper = hex;
        std::ranges::transform(upper, upper.begin(),
                               [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
        for (std::string dress : {std::string{bytes}, hex, upper, base64(bytes)}) {
            hidden_.push_back(std::move(dress));
        }
    }

    std::shared_ptr<const crypto> crypto_ = make_openssl_crypto();
    std::string token_;
    std::set<std::string> dates_;
    std::vector<std::string> hidden_;
};

rc::Gen<std::string> any_token() {
    const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    return rc::gen::container<std::string>(24, rc::gen::elementOf(letters));
}

/// A group whose life is recorded, whole.
class traced_group final : public subject {
public:
    traced_group(const valid_worker_config& config, signer sign, std::uint64_t seed, std::string& text)
        : writer_{[&text](std::string_view line) {
                      text += line;
                      return true;
                  },
                  trace_payloads::whole},
          group_{config, writer_.noting(std::move(sign)), seed} {
        writer_.begin(config, seed);
    }

    std::expected<void, misuse> give(const group_input& what, instant now) override {
        writer_.gave(what, now);
        const auto result = distworker::give(group_, what, now);
        writer_.answered(result);
        return result;
    }
    group_output poll(instant now) override {
        group_output next = group_.poll(now);
        writer_.took(next, now);
        return next;
    }
    [[nodiscard]] std::uint32_t slots() const override { return static_cast<std::uint32_t>(group_.slots()); }
    [[nodiscard]] const worker_engine& slot(std::uint32_t index) const override { return group_.slot(index); }

private:
    trace_writer writer_;
    worker_group group_;
};

std::string shown(const engine_snapshot& slot) {
    return slot.controller + '\n' + slot.held_task + '\n' + (slot.last_end ? slot.last_end->detail : "") +
           '\n' + (slot.running ? slot.running->id : "") + '\n' + why_not_ready(slot) + '\n';
}

RC_GTEST_PROP(Invariants, I23_NoSecretIsInWhatAWorkerSaysShowsOrRecords, ()) {
    canary hidden{*any_token()};
    std::string trace;
    int signatures = 0;
    model_setup setup{.config = *any_config()};
    setup.config.controller += "/?key=" + std::string{hidden.token().view()};
    setup.make = [&](const valid_worker_config& config, signer, std::uint64_t seed) {
        signer sign = [&, real = make_signer(hidden.library(), hidden.token())](
                          std::string_view date, std::span<const std::byte> data) mutable {
            hidden.hide_keys_of(date);
            ++signatures;
            return real(date, data);
        };
        return std::make_unique<traced_group>(config, std::move(sign), seed, trace);
    };
    setup.config.slots = 2;
    const auto steps = *rc::gen::scale(2.0, any_steps({start, open, respond, assign, close, wake}));
    rulebook book{23};
    session_model model{setup, book};
    std::string states;
    for (const step& s : steps) {
        model.take(s);
        for (std::uint32_t slot = 0; slot < model.worker().slots(); ++slot) {
            states += shown(model.worker().slot(slot).snapshot());
        }
    }
    model.finish();
    RC_CLASSIFY(signatures > 0);
    RC_ASSERT(!hidden.shows_in(model.log()));
    RC_ASSERT(!hidden.shows_in(states));
    RC_ASSERT(!hidden.shows_in(trace));
    if (signatures > 0) { // what is looked for would be found
        RC_ASSERT(hidden.shows_in("a log that says " + std::string{hidden.token().view()} + "!"));
    }
}

RC_GTEST_PROP(Invariants, I23_NoSecretIsInAComplaint, ()) {
    const canary hidden{*any_token()};
    const std::string token{hidden.token().view()};
    std::string complaints;
    const auto complain = [&](const config_fault& fault) {
        complaints += fault.field + ' ' + fault.problem + ' ' + fault.remedy + '\n';
    };
    // A token that cannot be used, and URLs that hold one where it must not be, or are damaged.
    for (const std::string& bad : {token + "\n", " " + token, token + std::string(1, '\0'), token + "\t"}) {
        const auto fault = check_token(secret{std::string_view{bad}});
        RC_ASSERT(fault.has_value());
        complain(*fault);
    }
    for (const std::string& url :
         {"http://user:" + token + "@localhost:8081", "http://" + token + "@host", "ftp://host/" + token,
          "http://host:" + token, "http://host/?key=" + token + "#" + token, "http://[" + token + "]/"}) {
        worker_config config;
        config.provisioner = "example";
        config.controller = url;
        if (const auto checked = config.validate()) {
            complaints += checked->url().to_string();
        } else {
            std::ranges::for_each(checked.error(), complain);
        }
    }
    for (const std::int64_t wall : {std::int64_t{0}, INT64_MAX / 2}) {
        const auto date = signing_date(wall_time{std::chrono::milliseconds{wall}});
        RC_ASSERT(!date.has_value());
        complaints += date.error().message;
    }
    RC_LOG(complaints);
    RC_ASSERT(!hidden.shows_in(complaints));
}

RC_GTEST_PROP(Invariants, I23_ASignedRequestShowsItsSignatureAlone, ()) {
    canary hidden{*any_token()};
    const std::string date = "20260921T141320Z";
    hidden.hide_keys_of(date);
    const std::vector<http_header> headers{{date_header, date}};
    const auto done =
        sign_request(*hidden.library(), hidden.token(), "w-1",
                     {.method = "GET", .path = "/worker/v1/file/f", .query = {}, .headers = headers});
    RC_ASSERT(done.has_value());
    RC_ASSERT(!hidden.shows_in(done->authorization + done->canonical + done->signed_headers));
}

} // namespace
} // namespace distworker::testing
