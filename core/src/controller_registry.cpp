#include "controller_registry.hpp"

#include <distworker/signing.hpp>
#include <distworker/utf8.hpp>

#include <algorithm>
#include <utility>

namespace distworker::detail {
namespace {

constexpr std::size_t max_name_bytes = 1024;

// What is wrong with a name, or nothing.
std::string name_problem(std::string_view name) {
    if (name.empty()) {
        return "is empty";
    }
    if (name.size() > max_name_bytes) {
        return "is longer than 1024 bytes";
    }
    if (!is_valid_utf8(name)) {
        return "is not UTF-8";
    }
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    return std::ranges::any_of(name, is_control) ? "holds a control character" : "";
}

std::unexpected<config_fault> fault(std::string field, std::string problem, std::string remedy) {
    return std::unexpected{config_fault{std::move(field), std::move(problem), std::move(remedy)}};
}

} // namespace

std::expected<void, config_fault> controller_registry::add(provisioner_spec provisioner) {
    if (std::string problem = name_problem(provisioner.name); !problem.empty()) {
        return fault("provisioner", "the name " + problem, "give a name of 1 to 1024 bytes");
    }
    const std::string shown = escape_for_log(provisioner.name);
    if (provisioner.token.empty()) {
        return fault("provisioner", "'" + shown + "' has an empty token", "give a token");
    }
    if (provisioner.queues.empty()) {
        return fault("provisioner", "'" + shown + "' serves no queue", "name at least one queue");
    }
    for (const std::string& queue : provisioner.queues) {
        if (std::string problem = name_problem(queue); !problem.empty()) {
            return fault("provisioner", "a queue of '" + shown + "' " + problem,
                         "give queue names of 1 to 1024 bytes");
        }
    }
    std::string name = provisioner.name;
    if (!provisioners_.try_emplace(std::move(name), std::move(provisioner)).second) {
        return fault("provisioner", "'" + shown + "' is given twice", "give each provisioner once");
    }
    return {};
}

std::expected<void, config_fault> controller_registry::add(session_spec spec) {
    if (std::string problem = name_problem(spec.worker_id); !problem.empty()) {
        return fault("session", "the worker id " + problem, "give an id of 1 to 1024 bytes");
    }
    const std::string shown = escape_for_log(spec.worker_id);
    if (spec.token.empty()) {
        return fault("session", "'" + shown + "' has an empty token", "give a token");
    }
    if (!provisioners_.contains(spec.provisioner)) {
        return fault("session",
                     "'" + shown + "' names the unknown provisioner '" + escape_for_log(spec.provisioner) +
                         "'",
                     "name a provisioner that is configured");
    }
    std::string id = spec.worker_id;
    if (!sessions_.try_emplace(std::move(id), std::move(spec)).second) {
        return fault("session", "'" + shown + "' is given twice", "give each session once");
    }
    return {};
}

std::expected<admission, std::string> controller_registry::admit(const worker_register_view& registration,
                                                                 wall_time now) {
    const auto told = read_signed_register(registration.data);
    if (!told) {
        return std::unexpected{"unreadable: " + std::string{told.error().reason}};
    }
    const auto date = parse_signing_date(told->date);
    if (!date) {
        return std::unexpected{std::string{"its date is no date"}};
    }
    if (*date > now + signing_date_tolerance || *date < now - signing_date_tolerance) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*date - now).count();
        return std::unexpected{"its clock is off by " + std::to_string(seconds) + " s"};
    }
    const auto provisioner = provisioners_.find(told->provisioner);
    if (provisioner == provisioners_.end()) {
        return std::unexpected{"unknown provisioner '" + escape_for_log(told->provisioner) + "'"};
    }
    const secret* token = &provisioner->second.token;
    session* own = nullptr;
    if (!told->worker_id.empty()) {
        const auto found = sessions_.find(told->worker_id);
        if (found == sessions_.end() || found->second.spec.provisioner != told->provisioner) {
            return std::unexpected{"no session for worker id '" + escape_for_log(told->worker_id) + "'"};
        }
        own = &found->second;
        token = &own->spec.token;
    }
    const auto right =
        verify_registration(*crypto_, *token, told->date, registration.data, registration.signature);
    if (!right) {
        return std::unexpected{"it could not be verified: " + right.error().message};
    }
    if (!*right) {
        return std::unexpected{"wrong signature (another token) for provisioner '" +
                               escape_for_log(told->provisioner) + "'"};
    }
    const bool returning = own != nullptr && std::exchange(own->has_registered, true);
    return admission{&provisioner->second, returning, *told};
}

void controller_registry::end_session(std::string_view worker_id) {
    if (const auto found = sessions_.find(worker_id); found != sessions_.end()) {
        sessions_.erase(found);
    }
}

} // namespace distworker::detail
