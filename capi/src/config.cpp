#include "handles.hpp"

#ifdef DISTWORKER_C_WORKER
#include <distworker/settings.hpp>
#endif

#include <algorithm>

namespace c_abi = distworker::c_abi;

namespace {

#ifdef DISTWORKER_C_WORKER
std::span<const distworker::setting> known() {
    return distworker::settings();
}
#else
std::span<const distworker::config_field> known() {
    return distworker::worker_config_fields();
}
#endif

// Those that code alone may set.
bool takes_text(const auto& setting) {
    if constexpr (requires { setting.environment; }) {
        return setting.set != nullptr;
    } else {
        return !std::holds_alternative<distworker::object_rule>(setting.rule);
    }
}

} // namespace

std::vector<distworker::config_fault> dw_config::check() const {
    std::vector<distworker::config_fault> all = of_set;
#ifdef DISTWORKER_C_WORKER
    std::ranges::copy(settings.faults(), std::back_inserter(all));
#else
    if (auto valid = settings.validate(); !valid) {
        std::ranges::copy(valid.error(), std::back_inserter(all));
    }
#endif
    return all;
}

dw_config* dw_config_new(void) {
    return new (std::nothrow) dw_config;
}

int dw_config_set(dw_config* config, const char* name, const char* value, std::size_t size) {
    return c_abi::guarded([&]() -> int {
        const std::string_view text = c_abi::view(value, size);
#ifdef DISTWORKER_C_WORKER
        if (std::string_view{name} == "token") {
            config->settings.token = distworker::secret{text};
            return DW_OK;
        }
#endif
        const auto all = known();
        const auto found = std::ranges::find_if(all, [&](const auto& each) { return each.name == name; });
        if (found == all.end() || !takes_text(*found)) {
            return DW_UNKNOWN_SETTING;
        }
        std::erase_if(config->of_set, [&](const auto& fault) { return fault.field == found->name; });
        if (auto set = found->set(config->settings, text); !set) {
            config->of_set.push_back(std::move(set.error()));
            return DW_INVALID_VALUE;
        }
        return DW_OK;
    });
}

const char* dw_config_faults(dw_config* config) {
    const char* faults = "there is no memory to check it";
    static_cast<void>(c_abi::guarded([&]() -> int {
        config->faults.clear();
        for (const auto& fault : config->check()) {
            config->faults += fault.to_string() + '\n';
        }
        faults = config->faults.empty() ? nullptr : config->faults.c_str();
        return DW_OK;
    }));
    return faults;
}

void dw_config_free(dw_config* config) {
    delete config;
}
