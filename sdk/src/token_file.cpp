#include "token_file.hpp"

#include <distworker/worker_config.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace distworker::detail {
namespace {

// More than any token; a larger file is not one.
constexpr std::size_t max_token_bytes = 64 * 1024;

config_fault unreadable(const std::string& problem) {
    return {"token_file", problem,
            "name a file that holds the token and nothing else, and that this user may read"};
}

} // namespace

std::expected<secret, config_fault> read_token_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected{unreadable(std::string{"cannot be opened: "} + std::strerror(errno))};
    }
    std::string text(max_token_bytes + 1, '\0');
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
    secret token{content};
    wipe(text);
    if (count < 0) {
        return std::unexpected{unreadable("cannot be read")};
    }
    if (size > max_token_bytes) {
        return std::unexpected{unreadable("is larger than any token")};
    }
    if (auto fault = check_token(token)) {
        fault->field = "token_file";
        return std::unexpected{*std::move(fault)};
    }
    return token;
}

bool readable_by_others(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
}

} // namespace distworker::detail
