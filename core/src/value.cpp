#include <distworker/value.hpp>

#include <algorithm>

namespace distworker {
namespace {

// Of members with equal keys only the last stays, in its place. Sorting pointers keeps a million keys cheap.
void drop_overwritten(value::object& members) {
    std::vector<const value::member*> by_key;
    by_key.reserve(members.size());
    for (const value::member& m : members) {
        by_key.push_back(&m);
    }
    std::ranges::sort(by_key, [](const value::member* a, const value::member* b) {
        return a->key != b->key ? a->key < b->key : a < b;
    });
    std::vector<bool> overwritten(members.size());
    bool any = false;
    for (std::size_t i = 1; i < by_key.size(); ++i) {
        if (by_key[i - 1]->key == by_key[i]->key) {
            overwritten[static_cast<std::size_t>(by_key[i - 1] - members.data())] = true;
            any = true;
        }
    }
    if (any) {
        std::size_t next = 0;
        std::erase_if(members, [&](const value::member&) { return overwritten[next++]; });
    }
}

} // namespace

value::value(list items) : content_{std::move(items)} {}
value::value(object members) : content_{std::move(members)} {}
value::value(std::initializer_list<member> members) : content_{object{members}} {}

value::value(const value_view& view) {
    switch (view.kind()) {
    case value_kind::null:
        break;
    case value_kind::number:
        content_ = *view.number();
        break;
    case value_kind::boolean:
        content_ = *view.boolean();
        break;
    case value_kind::string:
        content_ = std::string{*view.string()};
        break;
    case value_kind::object:
        *this = value{*view.object()};
        break;
    case value_kind::list:
        for (list& items = content_.emplace<list>(); const value_view item : view.items()) {
            items.emplace_back(item);
        }
        break;
    }
}

value::value(const object_view& view) {
    object members;
    for (const member_view m : view) {
        members.push_back(member{std::string{m.key}, value{m.value}});
    }
    drop_overwritten(members);
    content_ = std::move(members);
}

value_kind value::kind() const noexcept {
    static constexpr value_kind kinds[] = {value_kind::null,   value_kind::number, value_kind::boolean,
                                           value_kind::string, value_kind::list,   value_kind::object};
    return kinds[content_.index()];
}

const value* value::find(std::string_view key) const noexcept {
    if (const object* all = members()) {
        const auto found = std::ranges::find(*all, key, &member::key);
        if (found != all->end()) {
            return &found->content;
        }
    }
    return nullptr;
}

void value::set(std::string_view key, value content) {
    if (is_null()) {
        content_ = object{};
    }
    if (object* const all = std::get_if<object>(&content_)) {
        const auto found = std::ranges::find(*all, key, &member::key);
        if (found != all->end()) {
            found->content = std::move(content);
        } else {
            all->push_back(member{std::string{key}, std::move(content)});
        }
    }
}

bool operator==(const value& a, const value& b) {
    return a.content_ == b.content_;
}

} // namespace distworker
