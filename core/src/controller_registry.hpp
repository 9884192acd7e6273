// Who may register: provisioners, sessions, and the check of a registration (protocol, section 3). Internal.
#pragma once

#include <distworker/controller_engine.hpp>

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::detail {

/// An accepted registration.
struct admission {
    const provisioner_spec* provisioner = nullptr;
    /// Its session has registered before.
    bool returning = false;
    /// What the worker told; points into the message.
    signed_register_view told;
};

class controller_registry {
public:
    explicit controller_registry(std::shared_ptr<const crypto> crypto) : crypto_{std::move(crypto)} {}

    std::expected<void, config_fault> add(provisioner_spec provisioner);
    std::expected<void, config_fault> add(session_spec session);

    /// Accepts a registration; or tells the log why not.
    std::expected<admission, std::string> admit(const worker_register_view& registration, wall_time now);
    void end_session(std::string_view worker_id);
    [[nodiscard]] bool has_session(std::string_view worker_id) const { return sessions_.contains(worker_id); }

    /// In the order of their names; addresses stay.
    [[nodiscard]] const std::map<std::string, provisioner_spec, std::less<>>& provisioners() const noexcept {
        return provisioners_;
    }

private:
    struct session {
        session_spec spec;
        bool has_registered = false;
    };

    std::shared_ptr<const crypto> crypto_;
    std::map<std::string, provisioner_spec, std::less<>> provisioners_;
    std::map<std::string, session, std::less<>> sessions_;
};

} // namespace distworker::detail
