// JSON to and from the protocol's values, on nlohmann's library.
//
// Numbers are doubles on both sides: an integer beyond 2^53 loses digits. What JSON cannot say (NaN,
// infinity) becomes null when it is printed.
#pragma once

#include <distworker/value.hpp>
#include <distworker/value_view.hpp>

#include <nlohmann/json.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace distworker {

/// The same content as JSON.
[[nodiscard]] nlohmann::json to_json(const value& content);
[[nodiscard]] nlohmann::json to_json(const value_view& content);
[[nodiscard]] nlohmann::json to_json(const object_view& object);

/// Recurses as deep as `json` is nested. Binary values, which JSON text never gives, become null.
[[nodiscard]] value from_json(const nlohmann::json& json);

/// Why a text is no JSON that could be sent.
struct json_error {
    std::string problem;      ///< What is wrong there, for whoever wrote the text.
    std::size_t position = 0; ///< Byte of the text, from 0.
};

/// Reads JSON text. Nesting deeper than a payload may be (`max_input_depth`) is an error before it costs
/// memory or stack; so is text that is not UTF-8. Of equal keys the last one counts.
[[nodiscard]] std::expected<value, json_error> parse_json(std::string_view text);

} // namespace distworker
