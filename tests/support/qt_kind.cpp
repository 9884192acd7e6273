// The event loop of this program's QCoreApplication, which outlives the loop on it.
#include "support/loop_kinds.hpp"

#include <distworker/qt_loop.hpp>

#include <QCoreApplication>
#include <QEventLoop>
#include <optional>

namespace distworker::testing {
namespace {

// One for the whole program, which Qt wants before anything else of it.
QCoreApplication& application() {
    static int count = 1;
    static char name[] = "test";
    static char* arguments[] = {name, nullptr};
    static QCoreApplication made{count, arguments};
    return made;
}

class qt_kind final : public loop_runner {
public:
    qt_kind() { own_.emplace(); }
    loop& get() override { return *own_; }
    void run() override {
        events_.exec();
        QCoreApplication::sendPostedEvents(nullptr,
                                           QEvent::DeferredDelete); // as the application's own end does
    }
    // Sent to the loop as an event, which waits for one that does not run yet.
    void stop() override { QMetaObject::invokeMethod(&events_, &QEventLoop::quit, Qt::QueuedConnection); }
    bool drop() override {
        const bool there = own_.has_value();
        own_.reset();
        return there;
    }

private:
    QCoreApplication* application_ = &application();
    QEventLoop events_;
    std::optional<qt_loop> own_;
};

} // namespace

std::unique_ptr<loop_runner> make_qt_kind() {
    return std::make_unique<qt_kind>();
}

} // namespace distworker::testing
