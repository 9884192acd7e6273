// The real worker over wss: a good certificate, one of an unknown authority, one for another name.
#include "stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;

struct certificate {
    fs::path file;
    fs::path key;
};

certificate make_certificate(const folder& where, const std::string& name,
                             const std::string& alternative_names) {
    const certificate made{where / (name + ".pem"), where / (name + ".key")};
    auto openssl = demo::child_process::start(
        {.arguments = {"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext",
                       "subjectAltName=" + alternative_names, "-keyout", made.key, "-out", made.file},
         .environment = {},
         .log_file = where / "openssl.log"});
    if (!openssl) {
        throw std::runtime_error{openssl.error()};
    }
    await("openssl", [&] { return !openssl->running(); });
    if (openssl->stop(0ms) != 0) {
        throw std::runtime_error{"openssl failed: " + read_file(where / "openssl.log")};
    }
    return made;
}

std::vector<std::string> tls(const certificate& made) {
    return {"--tls-cert", made.file, "--tls-key", made.key};
}

std::string localhost_url(const controller_process& controller) {
    return "https://localhost:" + std::to_string(controller.worker_port());
}

TEST(WorkerTls, RunsTasksOverACertificateThatItTrusts) {
    const folder where;
    const certificate good = make_certificate(where, "good", "DNS:localhost,IP:127.0.0.1");
    controller_process controller{where, tls(good)};
    EXPECT_TRUE(controller.worker_url().starts_with("https://"));
    for (const std::string& url : {localhost_url(controller), controller.worker_url()}) {
        worker_process worker{where, {.url = url, .arguments = {"--ca-file", good.file}}};
        controller.await_workers(1);
        EXPECT_EQ(
            controller.run("math.add", {{"operation", "add"}, {"a", 1}, {"b", 2}}).at("result").at("result"),
            3);
        EXPECT_EQ(worker.stop(), 0) << worker.log();
        controller.await_workers(0);
    }
}

TEST(WorkerTls, RefusesACertificateOfAnUnknownAuthority) {
    const folder where;
    const certificate unknown = make_certificate(where, "unknown", "DNS:localhost");
    controller_process controller{where, tls(unknown)};
    worker_process worker{where, {.url = localhost_url(controller)}};
    worker.await_log("certificate");
    EXPECT_EQ(controller.workers(), 0U);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(WorkerTls, RefusesACertificateForAnotherName) {
    const folder where;
    const certificate wrong = make_certificate(where, "wrong", "DNS:other.example");
    controller_process controller{where, tls(wrong)};
    worker_process worker{where, {.url = localhost_url(controller), .arguments = {"--ca-file", wrong.file}}};
    worker.await_log("name");
    EXPECT_EQ(controller.workers(), 0U);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

} // namespace
} // namespace distworker::testing
