#include <distworker/json.hpp>
#include <distworker/payload_check.hpp>

#include <utility>
#include <vector>

namespace distworker {

using nlohmann::json;

namespace {

// Builds a value while nlohmann's parser walks the text: no second tree, and the depth is watched on the way.
class value_builder final : public json::json_sax_t {
public:
    [[nodiscard]] value result() { return std::move(root_); }
    [[nodiscard]] const json_error& error() const noexcept { return error_; }

    bool null() override { return put(value{}); }
    bool boolean(bool content) override { return put(value{content}); }
    bool number_integer(number_integer_t content) override { return put(value{content}); }
    bool number_unsigned(number_unsigned_t content) override { return put(value{content}); }
    bool number_float(number_float_t content, const string_t&) override { return put(value{content}); }
    bool string(string_t& content) override { return put(value{std::move(content)}); }
    bool binary(binary_t&) override { return put(value{}); }
    bool key(string_t& name) override {
        open_.back().key = std::move(name);
        return true;
    }
    bool start_object(std::size_t) override { return open(false); }
    bool start_array(std::size_t) override { return open(true); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t position, const std::string&, const json::exception& problem) override {
        error_ = {problem.what(), position};
        return false;
    }

private:
    struct container {
        bool is_list = false;
        std::string key; // of the member that comes next
        value object = value::empty_object();
        value::list items;
    };

    bool open(bool is_list) {
        if (open_.size() == max_input_depth) {
            error_ = {"nested deeper than " + std::to_string(max_input_depth) + " containers", 0};
            return false;
        }
        open_.push_back({.is_list = is_list, .key = {}, .items = {}});
        return true;
    }
    bool close() {
        container done = std::move(open_.back());
        open_.pop_back();
        return put(done.is_list ? value{std::move(done.items)} : std::move(done.object));
    }
    bool put(value content) {
        if (open_.empty()) {
            root_ = std::move(content);
        } else if (open_.back().is_list) {
            open_.back().items.push_back(std::move(content));
        } else {
            open_.back().object.set(open_.back().key, std::move(content));
        }
        return true;
    }

    std::vector<container> open_;
    value root_;
    json_error error_;
};

} // namespace

json to_json(const value& content) {
    if (const double* number = content.number()) {
        return *number;
    }
    if (const bool* boolean = content.boolean()) {
        return *boolean;
    }
    if (const std::string* text = content.string()) {
        return *text;
    }
    if (const value::list* items = content.items()) {
        json out = json::array();
        for (const value& item : *items) {
            out.push_back(to_json(item));
        }
        return out;
    }
    if (const value::object* members = content.members()) {
        json out = json::object();
        for (const value::member& m : *members) {
            out[m.key] = to_json(m.content);
        }
        return out;
    }
    return nullptr;
}

json to_json(const value_view& content) {
    switch (content.kind()) {
    case value_kind::null:
        break;
    case value_kind::number:
        return *content.number();
    case value_kind::string:
        return *content.string();
    case value_kind::boolean:
        return *content.boolean();
    case value_kind::object:
        return to_json(*content.object());
    case value_kind::list: {
        json out = json::array();
        for (const value_view item : content.items()) {
            out.push_back(to_json(item));
        }
        return out;
    }
    }
    return nullptr;
}

json to_json(const object_view& object) {
    json out = json::object();
    for (const member_view m : object) {
        out[std::string{m.key}] = to_json(m.value);
    }
    return out;
}

value from_json(const json& content) {
    switch (content.type()) {
    case json::value_t::boolean:
        return content.get<bool>();
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
        return content.get<double>();
    case json::value_t::string:
        return content.get_ref<const std::string&>();
    case json::value_t::array: {
        value::list items;
        for (const json& item : content) {
            items.push_back(from_json(item));
        }
        return value{std::move(items)};
    }
    case json::value_t::object: {
        value::object members;
        for (const auto& [key, item] : content.items()) {
            members.push_back({key, from_json(item)});
        }
        return value{std::move(members)};
    }
    default:
        return {};
    }
}

std::expected<value, json_error> parse_json(std::string_view text) {
    value_builder builder;
    if (!json::sax_parse(text, &builder)) {
        return std::unexpected{builder.error()};
    }
    return builder.result();
}

} // namespace distworker
