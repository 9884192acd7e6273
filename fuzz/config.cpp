// Configurations: what is accepted lies within the table of fields, what is refused is named, and no secret
// is told.
#include "input.hpp"
#include "target.hpp"

#include <distworker/overloaded.hpp>
#include <distworker/trace.hpp>
#include <distworker/utf8.hpp>
#include <distworker/worker_config.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace distworker::fuzz {
namespace {

// A field left alone, at an end of its range, one beyond, or anything.
template <typename Value>
Value any_of(input_reader& in, Value ours, Value min, Value max) {
    switch (in.number<std::uint8_t>() % 8) {
    case 1:
        return min;
    case 2:
        return max;
    case 3:
        return min - Value{1};
    case 4:
        return max + Value{1};
    case 5:
        return static_cast<Value>(in.number<std::int16_t>());
    case 6:
        return static_cast<Value>(in.number<std::int64_t>());
    default:
        return ours;
    }
}

std::string any_text(input_reader& in, const std::string& ours, const text_rule& rule) {
    switch (in.number<std::uint8_t>() % 4) {
    case 1:
        return std::string{in.text()};
    case 2:
        return std::string(rule.max_bytes, 'x');
    case 3:
        return std::string(rule.max_bytes + 1, 'x');
    default:
        return ours;
    }
}

worker_config any_config(input_reader& in) {
    worker_config config;
    config.controller = "http://localhost:8081";
    config.provisioner = "example";
    for (const config_field& field : worker_config_fields()) {
        std::visit(overloaded{
                       [&](const text_rule& r) { config.*r.member = any_text(in, config.*r.member, r); },
                       [&](const flag_rule& r) { config.*r.member = in.number<std::uint8_t>() % 2 != 0; },
                       [&](const time_rule& r) {
                           const auto ms = [&](std::chrono::milliseconds t) { return t.count(); };
                           config.*r.member = std::chrono::milliseconds{
                               any_of(in, ms(config.*r.member), ms(r.min), ms(r.max))};
                       },
                       [&](const object_rule& r) {
                           const std::string_view payload = in.text();
                           const object_view object{std::as_bytes(std::span{payload})};
                           if (!payload.empty() && check_payload(object.bytes())) {
                               config.*r.member = value{object};
                           }
                       },
                       [&](const session_rule& r) {
                           config.*r.member = static_cast<session_policy>(in.number<std::uint8_t>() % 5);
                       },
                       [&](const reconnect_rule& r) {
                           config.*r.member = static_cast<reconnect_policy>(in.number<std::uint8_t>() % 3);
                       },
                       [&](const auto& r) { config.*r.member = any_of(in, config.*r.member, r.min, r.max); },
                   },
                   field.rule);
    }
    return config;
}

// What the table alone says of a field.
bool is_sound(const config_field& field, const worker_config& config) {
    return std::visit(
        overloaded{
            [&](const text_rule& r) {
                const std::string& text = config.*r.member;
                return text.size() >= r.min_bytes && text.size() <= r.max_bytes && is_valid_utf8(text) &&
                       std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
            },
            [](const flag_rule&) { return true; },
            [&](const session_rule& r) { return config.*r.member <= session_policy::stable; },
            [&](const reconnect_rule& r) { return config.*r.member <= reconnect_policy::fixed; },
            [&](const object_rule& r) {
                byte_buffer out;
                wire::writer wire{out};
                value_writer members{wire, field.name, r.max_document_bytes};
                write_members(members, config.*r.member);
                return !members.fault();
            },
            [&](const auto& r) { return config.*r.member >= r.min && config.*r.member <= r.max; },
        },
        field.rule);
}

// And of the fields together.
bool fit_together(const worker_config& config) {
    const auto url = parse_controller_url(config.controller);
    const bool named = !config.worker_id.empty();
    const bool lasting =
        config.session == session_policy::one_shot || config.session == session_policy::stable;
    return url && (!config.require_tls || url->secure || url->is_loopback()) && (named || !lasting) &&
           !(named && config.session == session_policy::anonymous) &&
           config.silence_timeout > config.silence_probe &&
           config.reconnect_cap >= config.reconnect_interval && config.receipt_timeout > config.receipt_retry;
}

bool names_a_field(const config_fault& fault) {
    return std::ranges::any_of(worker_config_fields(), [&](const config_field& field) {
        return fault.field.starts_with(field.name); // of an object, the path in it
    });
}

void check_traced(const valid_worker_config& config) {
    constexpr std::uint64_t enough_slots = 100;
    if (config->slots > enough_slots) {
        return; // as valid, and takes its time
    }
    std::string text;
    trace_writer writer{[&](std::string_view line) {
                            text += line;
                            return true;
                        },
                        trace_payloads::whole};
    writer.begin(config, 1);
    require(replay(text).has_value(), "a trace keeps every valid configuration");
}

void check_config(input_reader& in) {
    const worker_config config = any_config(in);
    const auto valid = config.validate();
    bool sound = true;
    for (const config_field& field : worker_config_fields()) {
        const bool good = is_sound(field, config);
        sound = sound && good;
        require(good || (!valid && std::ranges::any_of(valid.error(),
                                                       [&](const config_fault& fault) {
                                                           return fault.field.starts_with(field.name);
                                                       })),
                "a field outside its rule is named");
    }
    require(valid.has_value() == (sound && fit_together(config)),
            "a configuration is refused for what the rules say, and for nothing else");
    if (!valid) {
        for (const config_fault& fault : valid.error()) {
            require(names_a_field(fault) && !fault.problem.empty() && !fault.remedy.empty(),
                    "a fault has a field, a problem and a remedy");
        }
        return;
    }
    require(valid->session() != session_policy::automatic, "the policy in force is known");
    require(valid->url() == *parse_controller_url(config.controller), "the URL is the one that was given");
    require(valid->reconnect().base <= valid->reconnect().cap, "the cap is no less than the interval");
    check_traced(*valid);
}

// "250 ms": the number times its unit.
std::uint64_t read_back(const std::string& text,
                        std::initializer_list<std::pair<std::string_view, std::uint64_t>> units) {
    std::uint64_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
    for (const auto& [unit, size] : units) {
        if (std::string_view{end, text.data() + text.size()} == unit) {
            return number * size;
        }
    }
    require(false, "a value is written in a known unit");
    return 0;
}

void check_units(input_reader& in) {
    const auto value = in.number<std::uint64_t>();
    require(read_back(format_bytes(value),
                      {{" B", 1}, {" KiB", 1U << 10U}, {" MiB", 1U << 20U}, {" GiB", 1U << 30U}}) == value,
            "a size is written exactly");
    const auto time = static_cast<std::int64_t>(value);
    const std::string text = format_duration(std::chrono::milliseconds{time});
    require(time < 0
                ? text == std::to_string(time) + " ms"
                : read_back(text, {{" ms", 1}, {" s", 1'000}, {" min", 60'000}, {" h", 3'600'000}}) == value,
            "a time is written exactly");
}

void check_secret(input_reader& in) {
    const std::string_view text = in.text();
    const auto fault = check_token(secret{text});
    const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    const bool usable = !text.empty() &&
                        text.find_first_of(std::string_view{"\n\r\0", 3}) == std::string_view::npos &&
                        !blank(text.front()) && !blank(text.back());
    require(fault.has_value() != usable, "a token is refused for its ends and its breaks");
    require(!fault || fault->field == "token", "a token's fault is the token's");
}

void check_config(std::span<const std::byte> input) {
    input_reader in{input};
    check_units(in);
    check_secret(in);
    check_config(in);
}

const registration config_target{{"config", check_config}};

} // namespace
} // namespace distworker::fuzz
