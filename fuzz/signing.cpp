// Signed requests against the rules written down plainly; and no token in anything that is told.
#include "input.hpp"
#include "target.hpp"

#include <distworker/byte_buffer.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/request_signing.hpp>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace distworker::fuzz {
namespace {

constexpr std::string_view token = "canary-7c1d-4f0e-token";

const crypto& the_crypto() {
    static const std::shared_ptr<const crypto> made = make_openssl_crypto();
    return *made;
}

// A request that owns nothing: all of it points into the input.
struct any_request {
    std::string_view method, path, query;
    std::vector<http_header> headers;

    explicit any_request(input_reader& in) : method{in.text()}, path{in.text()}, query{in.text()} {
        for (unsigned left = in.number<std::uint8_t>() % 16U; left > 0; --left) {
            const std::string_view name = in.text();
            headers.push_back({name, in.text()});
        }
    }
    [[nodiscard]] http_request view() const { return {method, path, query, headers}; }
};

std::string mapped(std::string_view text, int (*to)(int)) {
    std::string out;
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        out += code < 0x80 ? static_cast<char>(to(code)) : c;
    }
    return out;
}

std::string trimmed(std::string text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.back())) {
        text.pop_back();
    }
    while (!text.empty() && blank(text.front())) {
        text.erase(0, 1);
    }
    return text;
}

// Protocol, section 5.
struct expected_request {
    std::string canonical, signed_headers, day;
};

expected_request expect(const any_request& request) {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string payload = "UNSIGNED-PAYLOAD";
    std::string date;
    bool has_payload = false;
    bool has_date = false;
    for (const http_header& h : request.headers) {
        const std::string name = mapped(h.name, std::tolower);
        const std::string value = trimmed(std::string{h.value});
        if (name.substr(0, 13) == "x-distworker-") {
            const auto place =
                std::ranges::upper_bound(headers, name, {}, &std::pair<std::string, std::string>::first);
            headers.emplace(place, name, value);
        }
        if (name == "x-distworker-content-sha256" && !std::exchange(has_payload, true)) {
            payload = value;
        }
        if (name == "x-distworker-date" && !std::exchange(has_date, true)) {
            date = value;
        }
    }
    expected_request out;
    std::string lines;
    for (const auto& [name, value] : headers) {
        lines += name + ":" + value + "\n";
        out.signed_headers += (out.signed_headers.empty() ? "" : ";") + name;
    }
    out.canonical = mapped(request.method, std::toupper) + "\n" + std::string{request.path} + "\n" +
                    std::string{request.query} + "\n" + lines + "\n" + out.signed_headers + "\n" + payload;
    out.day = date.substr(0, 8); // of a date that is none too
    return out;
}

std::string hex_hmac_chain(const std::string& day, const std::string& canonical) {
    const auto hmac = [](std::span<const std::byte> key, std::string_view data) {
        return the_crypto().hmac_sha256(key, as_byte_span(data)).value();
    };
    const std::string first = "DISTWORKER1" + std::string{token};
    const digest32 key = hmac(hmac(as_byte_span(first), day), "distworker1_request");
    std::string out;
    for (const std::byte b : hmac(key, canonical)) {
        constexpr std::string_view digits = "0123456789abcdef";
        out += digits[std::to_integer<std::size_t>(b) / 16];
        out += digits[std::to_integer<std::size_t>(b) % 16];
    }
    return out;
}

void check_signed(const any_request& request, std::string_view worker_id) {
    const secret key{token};
    const auto made = sign_request(the_crypto(), key, worker_id, request.view());
    require(made.has_value(), "any request can be signed");
    const expected_request expected = expect(request);
    require(made->canonical == expected.canonical, "the canonical request is as the rules say");
    require(made->signed_headers == expected.signed_headers, "the signed headers are as the rules say");
    require(made->signature_hex == hex_hmac_chain(expected.day, expected.canonical),
            "the signature is as the rules say");
    require(made->authorization == "DISTWORKER1_HMAC_SHA256 workerId=" + std::string{worker_id} +
                                       ", SignedHeaders=" + expected.signed_headers +
                                       ", Signature=" + made->signature_hex,
            "the header is as the rules say");

    const authorization_parts claimed{worker_id, made->signed_headers, made->signature_hex};
    require(verify_request(the_crypto(), key, request.view(), claimed) == true, "what is signed is verified");
    require(verify_request(the_crypto(), secret{std::string_view{"another"}}, request.view(), claimed) ==
                false,
            "another token's signature is refused");
    std::string damaged = made->signature_hex;
    damaged.back() = damaged.back() == '0' ? '1' : '0';
    require(verify_request(the_crypto(), key, request.view(), {worker_id, made->signed_headers, damaged}) ==
                false,
            "a damaged signature is refused");
    for (const std::string& told : {made->canonical, made->signed_headers, made->authorization}) {
        require(told.find(token) == std::string::npos, "I23: the token is in nothing that is sent");
    }
}

void check_parsed(std::string_view text) {
    const auto parts = parse_authorization(text);
    if (!parts) {
        return;
    }
    require(text == "DISTWORKER1_HMAC_SHA256 workerId=" + std::string{parts->worker_id} +
                        ", SignedHeaders=" + std::string{parts->signed_headers} +
                        ", Signature=" + std::string{parts->signature_hex},
            "an Authorization is its parts");
    require(parts->signature_hex.size() == 64, "a signature has 64 digits");
}

void check_signing(std::span<const std::byte> input) {
    check_parsed(as_text(input));
    if (mapped(as_text(input), std::tolower).find(token) != std::string::npos) {
        return; // then it may well be told, as the name of a header too
    }
    input_reader in{input};
    const std::string_view worker_id = in.text();
    const any_request request{in};
    check_signed(request, worker_id);
}

const registration signing_target{{"signing", check_signing}};

} // namespace
} // namespace distworker::fuzz
