#include "task_request.hpp"

#include "go_duration.hpp"

#include <distworker/json.hpp>
#include <distworker/payload_check.hpp>
#include <distworker/utf8.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>

namespace distworker::controller {

using nlohmann::json;

namespace {

std::unexpected<request_fault> refuse(std::string field, std::string problem) {
    return std::unexpected{request_fault{std::move(field), std::move(problem)}};
}

// How deep brackets nest, counted without recursion before a parser with a tree meets them.
std::size_t nesting(std::string_view text) noexcept {
    std::size_t depth = 0;
    std::size_t deepest = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            deepest = std::max(deepest, ++depth);
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    return deepest;
}

// An object, or null and absent as an empty one.
std::expected<value, request_fault> object_field(const json& body, const char* name) {
    const auto found = body.find(name);
    if (found == body.end() || found->is_null()) {
        return value::empty_object();
    }
    if (!found->is_object()) {
        return refuse(name, "must be an object");
    }
    return from_json(*found);
}

std::expected<std::int64_t, request_fault> timeout_field(const json& body) {
    const auto found = body.find("timeout");
    if (found == body.end() || found->is_null()) {
        return 0;
    }
    if (!found->is_string()) {
        return refuse("timeout", "must be a text such as \"30s\" or \"1m30s\"");
    }
    const auto& text = found->get_ref<const std::string&>();
    if (text.empty()) {
        return 0;
    }
    const auto milliseconds = parse_go_duration(text);
    if (!milliseconds || *milliseconds < 0) {
        return refuse("timeout", "is no duration such as \"30s\" or \"1m30s\"");
    }
    return *milliseconds;
}

std::expected<std::uint32_t, request_fault> retry_field(const json& body) {
    constexpr std::int64_t most = INT32_MAX;
    const auto found = body.find("retry");
    if (found == body.end() || found->is_null()) {
        return 0U;
    }
    if (!found->is_number_integer() || found->get<std::int64_t>() < 0 || found->get<std::int64_t>() > most) {
        return refuse("retry", "must be a whole number from 0 to 2147483647");
    }
    return found->get<std::uint32_t>();
}

} // namespace

std::expected<task_spec, request_fault> parse_task(std::string_view text) {
    if (!is_valid_utf8(text)) {
        return refuse("body", "is not UTF-8");
    }
    if (nesting(text) > max_input_depth + 1) {
        return refuse("body", "metadata or input is nested deeper than 100 containers");
    }
    json body;
    try {
        body = json::parse(text);
    } catch (const json::exception& error) { // a syntax error, or a number out of range
        return refuse("body", "is no JSON: " + escape_for_log(error.what()));
    }
    if (!body.is_object()) {
        return refuse("body", "must be a JSON object");
    }
    task_spec spec;
    const auto queue = body.find("queue");
    if (queue == body.end() || !queue->is_string()) {
        return refuse("queue", queue == body.end() ? "is missing" : "must be a text");
    }
    spec.queue = queue->get<std::string>();
    auto metadata = object_field(body, "metadata");
    auto input = object_field(body, "input");
    const auto timeout = timeout_field(body);
    const auto retry = retry_field(body);
    for (const request_fault* const fault : std::initializer_list<const request_fault*>{
             metadata ? nullptr : &metadata.error(), input ? nullptr : &input.error(),
             timeout ? nullptr : &timeout.error(), retry ? nullptr : &retry.error()}) {
        if (fault != nullptr) {
            return std::unexpected{*fault};
        }
    }
    if (const auto webhook = body.find("webhook_url");
        webhook != body.end() && !webhook->is_null() && *webhook != json("")) {
        return refuse("webhook_url", "webhooks are not offered by the embedded controller");
    }
    spec.metadata = *std::move(metadata);
    spec.input = *std::move(input);
    spec.timeout_ms = *timeout;
    spec.max_retry = *retry;
    return spec;
}

} // namespace distworker::controller
