#include "trace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace distworker::detail {

std::expected<trace_file, config_fault> trace_file::open(const std::string& path) {
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR);
    struct stat status{};
    const bool usable = fd >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                        ::fchmod(fd, S_IRUSR | S_IWUSR) == 0;
    std::FILE* const file = usable ? ::fdopen(fd, "w") : nullptr;
    if (file == nullptr) {
        const std::string problem = fd >= 0 && !usable
                                        ? "is not a plain file of this user's"
                                        : std::string{"cannot be written: "} + std::strerror(errno);
        if (fd >= 0) {
            ::close(fd);
        }
        return std::unexpected{config_fault{
            "trace_file", problem, "name a file in a folder that this user may write to, or leave it empty"}};
    }
    std::setvbuf(file, nullptr, _IOLBF, BUFSIZ);
    return trace_file{file};
}

bool trace_file::write(std::string_view line) {
    // Only now is an earlier trace given up: a worker that cannot begin leaves it alone.
    if (!begun_ && ::ftruncate(::fileno(file_.get()), 0) != 0) {
        return false;
    }
    begun_ = true;
    // glibc counts what it holds in its buffer as written, also when that buffer could not be emptied.
    return std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
           std::ferror(file_.get()) == 0;
}

} // namespace distworker::detail
