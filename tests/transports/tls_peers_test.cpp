// Each transport over TLS against servers that are not ours: OpenSSL's own and Botan's own.
#include "hostile_rig.hpp"
#include "tls_front.hpp"

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct tls_server_kind {
    const char* name;
    bool tls_1_3;
    std::unique_ptr<tls_front> (*start)(std::uint16_t behind, const certificate& own);
};

const tls_server_kind server_kinds[] = {
    {"openssl_tls_1_2", false,
     [](std::uint16_t behind, const certificate& own) { return openssl_front(behind, own, "-tls1_2"); }},
    {"openssl_tls_1_3", true,
     [](std::uint16_t behind, const certificate& own) { return openssl_front(behind, own, "-tls1_3"); }},
#ifdef DISTWORKER_WITH_BOTAN
    {"botan_tls_1_2", false, botan_front},
#endif
};

class TlsPeer : public ::testing::TestWithParam<std::tuple<transport_kind, tls_server_kind>> {};

TEST_P(TlsPeer, HasItsTaskDone) {
    const auto& [kind, other] = GetParam();
    const certificate own{"DNS:localhost,IP:127.0.0.1"};
    ws_server server;
    const auto front = other.start(server.port(), own);
    hostile_rig rig{kind};
    rig.scheme = "https";
    rig.port = front->port();
    rig.answer = [](const assigned_task& task) {
        outcome_writer large{task};
        large.result().member("text", std::string(std::size_t{1} << 20U, 'x'));
        return std::move(large).complete();
    };
    if (other.tls_1_3 && !kind.tls_1_3) {
        const meeting seen =
            rig.meet(server, [](ws_server& plain) { plain.accept(); }, patient(), {.ca_file = own.file()});
        EXPECT_THAT(seen.end.value().detail, HasSubstr("TLS_VERSION"));
        return;
    }
    bool served = false;
    const meeting seen = rig.visit(server, [&](ws_server& plain) { served = serves(welcome(plain), "t"); },
                                   patient(), {.ca_file = own.file()});
    EXPECT_TRUE(served);
    EXPECT_FALSE(seen.end) << seen.end->detail;
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
}

std::vector<transport_kind> kinds_over_tls() {
    auto kinds = kinds_with_rows();
    std::erase_if(kinds, [](const transport_kind& kind) { return kind.rows != rows_over::tls; });
    return kinds;
}

INSTANTIATE_TEST_SUITE_P(
    On, TlsPeer, ::testing::Combine(::testing::ValuesIn(kinds_over_tls()), ::testing::ValuesIn(server_kinds)),
    [](const auto& test) {
        return std::string{std::get<1>(test.param).name} + "_" + std::get<0>(test.param).name;
    });

} // namespace
} // namespace distworker::testing
