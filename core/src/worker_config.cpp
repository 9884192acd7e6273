#include <distworker/utf8.hpp>
#include <distworker/value_writer.hpp>
#include <distworker/worker_config.hpp>

#include <algorithm>
#include <type_traits>

namespace distworker {
namespace {

using faults = std::vector<config_fault>;

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

void check_text(const config_field& field, const text_rule& rule, const worker_config& config, faults& out) {
    const std::string& value = config.*rule.member;
    const auto fault = [&](std::string problem, std::string remedy) {
        out.push_back({std::string{field.name}, std::move(problem), std::move(remedy)});
    };
    if (value.size() < rule.min_bytes) {
        fault("is empty", "set it");
    } else if (value.size() > rule.max_bytes) {
        fault("has " + std::to_string(value.size()) + " bytes",
              "use at most " + std::to_string(rule.max_bytes) + " bytes");
    } else if (!is_valid_utf8(value)) {
        fault("is not valid UTF-8", "write it in UTF-8");
    } else if (std::ranges::any_of(value, is_control)) {
        fault("holds a control character", "remove it (a trailing newline?)");
    }
}

std::string shown(number_unit unit, std::uint64_t value) {
    return unit == number_unit::bytes ? format_bytes(value) : std::to_string(value);
}
std::string shown(number_unit, std::int64_t value) {
    return std::to_string(value);
}

template <typename Value>
void check_range(const config_field& field, Value value, Value min, Value max, const std::string& text,
                 faults& out) {
    if (value < min || value > max) {
        out.push_back({std::string{field.name}, "is " + text + ", outside the allowed range",
                       "set it from " + field.range_text()});
    }
}

template <typename Choice>
void check_choice(const config_field& field, Choice value, Choice last, faults& out) {
    if (value > last) {
        out.push_back({std::string{field.name}, "is none of its values", "set it to " + field.range_text()});
    }
}

void check_object(const config_field& field, const object_rule& rule, const worker_config& config,
                  faults& out) {
    const value& content = config.*rule.member;
    if (!content.is_null() && content.members() == nullptr) {
        out.push_back({std::string{field.name}, "is no object", "make it one: {name: value}"});
        return;
    }
    byte_buffer scratch;
    wire::writer wire{scratch};
    value_writer writer{wire, field.name, rule.max_document_bytes};
    write_members(writer, content);
    if (const auto& fault = writer.fault()) {
        const bool too_large = fault->what == write_fault::kind::too_large;
        out.push_back({fault->path, std::string{"is "} + (too_large ? "too large" : to_string(fault->what)),
                       "give " + field.range_text() + ", in UTF-8, with finite numbers"});
    }
}

void check_field(const config_field& field, const worker_config& config, faults& out) {
    const auto check = [&](const auto& rule) {
        using rule_type = std::remove_cvref_t<decltype(rule)>;
        const auto& value = config.*rule.member;
        if constexpr (std::is_same_v<rule_type, text_rule>) {
            check_text(field, rule, config, out);
        } else if constexpr (std::is_same_v<rule_type, time_rule>) {
            check_range(field, value, rule.min, rule.max, format_duration(value), out);
        } else if constexpr (std::is_same_v<rule_type, session_rule> ||
                             std::is_same_v<rule_type, reconnect_rule>) {
            check_choice(field, value, rule.last, out);
        } else if constexpr (std::is_same_v<rule_type, object_rule>) {
            check_object(field, rule, config, out);
        } else if constexpr (!std::is_same_v<rule_type, flag_rule>) {
            check_range(field, value, rule.min, rule.max, shown(rule.unit, value), out);
        }
    };
    std::visit(check, field.rule);
}

bool has_fault(const faults& found, std::string_view field) {
    return std::ranges::find(found, field, &config_fault::field) != found.end();
}

// What no single field can tell.
void check_together(const worker_config& config, const controller_url* url, faults& out) {
    if (config.require_tls && url != nullptr && !url->secure && !url->is_loopback()) {
        out.push_back({"controller", "is not secured by TLS, and require_tls is set",
                       "use https:// or wss://, or clear require_tls"});
    }
    const bool named = !config.worker_id.empty();
    if (!named && (config.session == session_policy::one_shot || config.session == session_policy::stable)) {
        out.push_back({"session", std::string{"is "} + to_string(config.session) + " without a worker_id",
                       "set worker_id, or session to anonymous"});
    }
    if (named && config.session == session_policy::anonymous) {
        out.push_back({"session", "is anonymous although worker_id is set",
                       "clear worker_id, or set session to one_shot or stable"});
    }
    const auto ordered = [&](std::string_view greater, std::chrono::milliseconds high, std::string_view less,
                             std::chrono::milliseconds low, bool equal_allowed) {
        if (has_fault(out, greater) || has_fault(out, less)) {
            return; // one fault per mistake
        }
        if (high < low || (high == low && !equal_allowed)) {
            out.push_back({std::string{greater},
                           "is " + format_duration(high) + ", with " + std::string{less} + " at " +
                               format_duration(low),
                           std::string{"set it "} + (equal_allowed ? "at least as high as " : "above ") +
                               std::string{less}});
        }
    };
    ordered("silence_timeout", config.silence_timeout, "silence_probe", config.silence_probe, false);
    ordered("reconnect_cap", config.reconnect_cap, "reconnect_interval", config.reconnect_interval, true);
    ordered("receipt_timeout", config.receipt_timeout, "receipt_retry", config.receipt_retry, false);
}

} // namespace

std::expected<valid_worker_config, std::vector<config_fault>> worker_config::validate() const {
    faults found;
    for (const config_field& field : worker_config_fields()) {
        check_field(field, *this, found);
    }
    const bool text_is_sound = !has_fault(found, "controller");
    auto url = text_is_sound ? parse_controller_url(controller) : std::unexpected{config_fault{}};
    if (text_is_sound && !url) {
        found.insert(found.begin(), url.error());
    }
    check_together(*this, url ? &*url : nullptr, found);
    if (!found.empty()) {
        return std::unexpected{std::move(found)};
    }
    return valid_worker_config{
        std::make_shared<const valid_worker_config::contents>(valid_worker_config::contents{*this, *url})};
}

session_policy valid_worker_config::session() const noexcept {
    if (get().session != session_policy::automatic) {
        return get().session;
    }
    return get().worker_id.empty() ? session_policy::anonymous : session_policy::one_shot;
}

backoff_policy valid_worker_config::reconnect() const noexcept {
    return {.kind = get().reconnect, .base = get().reconnect_interval, .cap = get().reconnect_cap};
}

std::optional<config_fault> check_token(const secret& token) {
    const auto fault = [](std::string problem, std::string remedy) {
        return config_fault{"token", std::move(problem), std::move(remedy)};
    };
    const std::string_view text = token.view();
    if (text.empty()) {
        return fault("is empty", "set it to the provisioner's or the session's token");
    }
    const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    if (text.find_first_of(std::string_view{"\n\r\0", 3}) != std::string_view::npos) {
        return fault("holds a line break or a NUL", "remove it (trailing newline?)");
    }
    if (blank(text.front()) || blank(text.back())) {
        return fault("begins or ends with white space", "remove it (trailing newline?)");
    }
    return std::nullopt;
}

} // namespace distworker
