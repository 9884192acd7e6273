#include "select_loop.hpp"

#include <distworker/testing/loop_conformance.hpp>

namespace {

class select_runner final : public distworker::testing::loop_runner {
public:
    distworker::loop& get() override { return loop_; }
    void run() override { loop_.run(); }
    void stop() override { loop_.stop(); }

private:
    select_loop loop_;
};

std::unique_ptr<distworker::testing::loop_runner> make() {
    return std::make_unique<select_runner>();
}

} // namespace

std::span<const distworker::testing::loop_kind> distworker::testing::loop_kinds() {
    static constexpr loop_kind mine[] = {{.name = "select", .make = make}};
    return mine;
}
