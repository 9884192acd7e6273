#include <distworker/post_queue.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace distworker {

post_queue::post_queue() : descriptor_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (descriptor_ < 0) {
        throw std::system_error{errno, std::generic_category(), "post_queue"};
    }
}

post_queue::~post_queue() {
    if (gone_ != nullptr) {
        *gone_ = true;
    }
    ::close(descriptor_);
}

void post_queue::add(task what) {
    const std::lock_guard lock{mutex_};
    tasks_.push_back(std::move(what));
    if (tasks_.size() == 1) {
        wake();
    }
}

void post_queue::wake() noexcept {
    ::eventfd_write(descriptor_, 1);
}

void post_queue::run() {
    std::vector<task> ready;
    {
        const std::lock_guard lock{mutex_};
        eventfd_t ignored = 0;
        ::eventfd_read(descriptor_, &ignored);
        ready.swap(tasks_);
    }
    bool gone = false;
    bool* const outer = std::exchange(gone_, &gone);
    for (task& next : ready) {
        next();
        if (gone) {
            if (outer != nullptr) {
                *outer = true;
            }
            return;
        }
    }
    gone_ = outer;
}

} // namespace distworker
