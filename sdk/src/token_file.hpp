// Reads secrets from files.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/secret.hpp>

#include <expected>
#include <string>

namespace distworker::detail {

/// The file's content without one newline at its end, checked by `check_token`.
[[nodiscard]] std::expected<secret, config_fault> read_token_file(const std::string& path);

/// `user:password`, checked by `check_proxy_credentials`.
[[nodiscard]] std::expected<secret, config_fault> read_proxy_credentials(const std::string& path);

/// Whether others than its owner may read it.
[[nodiscard]] bool readable_by_others(const std::string& path);

} // namespace distworker::detail
