#include <distworker/settings.hpp>

#include <cstdlib>
#include <cstring>

namespace distworker {
namespace {

// The token leaves the environment, also the block that /proc shows.
secret take_token(const char* name) {
    char* const text = std::getenv(name);
    if (text == nullptr) {
        return {};
    }
    const std::size_t size = std::strlen(text);
    secret token{std::string_view{text, size}};
    wipe(std::as_writable_bytes(std::span{text, size}));
    ::unsetenv(name);
    return token;
}

} // namespace

config config::from_environment() {
    config made;
    for (const setting& each : settings()) {
        if (each.environment.empty()) {
            continue;
        }
        const std::string variable{each.environment};
        if (each.name == "token") {
            made.token = take_token(variable.c_str());
        } else if (const char* const text = std::getenv(variable.c_str()); text != nullptr && *text != '\0') {
            static_cast<void>(each.set(made, text)); // what is none of a choice's names leaves its default
        }
    }
    return made;
}

std::vector<config_fault> config::faults() const {
    std::vector<config_fault> all;
    if (auto valid = validate(); !valid) {
        all = std::move(valid.error());
    }
    for (const setting& each : settings()) {
        if (auto fault = each.check ? each.check(*this) : std::nullopt) {
            all.push_back(*std::move(fault));
        }
    }
    for (config_fault& fault : all) {
        for (const setting& each : settings()) {
            if (fault.field == each.name && !each.environment.empty()) {
                fault.remedy.append("; environment: ").append(each.environment);
            }
        }
    }
    return all;
}

} // namespace distworker
