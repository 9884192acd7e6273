// The real worker over wss: a good certificate, one of an unknown authority, one for another name.
#include "stage.hpp"
#include "support/certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> tls(const certificate& made) {
    return {"--tls-cert", made.file(), "--tls-key", made.key_file()};
}

std::string localhost_url(const controller_process& controller) {
    return "https://localhost:" + std::to_string(controller.worker_port());
}

TEST(WorkerTls, RunsTasksOverACertificateThatItTrusts) {
    const temporary_folder where;
    const certificate good{"DNS:localhost,IP:127.0.0.1"};
    controller_process controller{where, tls(good)};
    EXPECT_TRUE(controller.worker_url().starts_with("https://"));
    for (const std::string& url : {localhost_url(controller), controller.worker_url()}) {
        worker_process worker{where, {.url = url, .arguments = {"--ca-file", good.file()}}};
        controller.await_workers(1);
        EXPECT_EQ(
            controller.run("math.add", {{"operation", "add"}, {"a", 1}, {"b", 2}}).at("result").at("result"),
            3);
        EXPECT_EQ(worker.stop(), 0) << worker.log();
        controller.await_workers(0);
    }
}

TEST(WorkerTls, RefusesACertificateOfAnUnknownAuthority) {
    const temporary_folder where;
    const certificate unknown{"DNS:localhost"};
    controller_process controller{where, tls(unknown)};
    worker_process worker{where, {.url = localhost_url(controller)}};
    worker.await_log("certificate");
    EXPECT_EQ(controller.workers(), 0U);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(WorkerTls, RefusesACertificateForAnotherName) {
    const temporary_folder where;
    const certificate wrong{"DNS:other.example"};
    controller_process controller{where, tls(wrong)};
    worker_process worker{where,
                          {.url = localhost_url(controller), .arguments = {"--ca-file", wrong.file()}}};
    worker.await_log("name");
    EXPECT_EQ(controller.workers(), 0U);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

} // namespace
} // namespace distworker::testing
