#include "token_file.hpp"

#include <distworker/proxy.hpp>
#include <distworker/worker_config.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace distworker::detail {
namespace {

// More than any secret; a larger file is not one.
constexpr std::size_t max_bytes = 64 * 1024;

// The file's content without one newline at its end; else what is wrong with the file.
std::expected<secret, std::string> read_secret(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected{std::string{"cannot be opened: "} + std::strerror(errno)};
    }
    std::string text(max_bytes + 1, '\0');
    std::size_t size = 0;
    ssize_t count = 0;
    while (size < text.size() && (count = ::read(fd, text.data() + size, text.size() - size)) > 0) {
        size += static_cast<std::size_t>(count);
    }
    ::close(fd);
    std::string_view content{text.data(), size};
    if (content.ends_with('\n')) {
        content.remove_suffix(content.ends_with("\r\n") ? 2 : 1);
    }
    secret read{content};
    wipe(text);
    if (count < 0) {
        return std::unexpected{"cannot be read"};
    }
    if (size > max_bytes) {
        return std::unexpected{"is larger than any secret"};
    }
    return read;
}

std::expected<secret, config_fault> checked(const char* field, const char* what, const std::string& path,
                                            std::optional<config_fault> (*check)(const secret&)) {
    auto read = read_secret(path);
    if (!read) {
        return std::unexpected{config_fault{field, std::move(read.error()),
                                            std::string{"name a file that holds "} + what +
                                                " and nothing else, and that this user may read"}};
    }
    if (auto fault = check(*read)) {
        fault->field = field;
        return std::unexpected{*std::move(fault)};
    }
    return *std::move(read);
}

} // namespace

std::expected<secret, config_fault> read_token_file(const std::string& path) {
    return checked("token_file", "the token", path, check_token);
}

std::expected<secret, config_fault> read_proxy_credentials(const std::string& path) {
    return checked("proxy_credentials_file", "user:password", path, check_proxy_credentials);
}

bool readable_by_others(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
}

} // namespace distworker::detail
