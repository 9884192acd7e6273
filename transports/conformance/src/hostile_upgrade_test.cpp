// Rows H1 to H20: what a server may answer to the upgrade, and what the worker makes of it.
#include "hostile_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The answer to a key, from a script that wants to change a part of it.
std::string accept_line(const std::string& request) {
    return "Sec-WebSocket-Accept: " + accept_for(request) + "\r\n";
}
const std::string switching = "HTTP/1.1 101 Switching Protocols\r\n";
const std::string upgrade_lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}
std::string lines(int count) {
    return repeated("X-Many: 1\r\n", count);
}
std::string interim(int count) {
    return repeated("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", count);
}

struct answer {
    const char* row;
    std::function<std::string(const std::string& request)> text;
    end_cause cause = end_cause::transport;
    const char* words = ""; // of the detail
    std::chrono::nanoseconds at_least{};
    std::chrono::nanoseconds at_most = 5s;

    friend std::ostream& operator<<(std::ostream& out, const answer& a) { return out << a.row; }
};

auto fixed(std::string text) {
    return [text = std::move(text)](const std::string&) { return text; };
}
auto status(const std::string& line, const std::string& fields = {}) {
    return fixed("HTTP/1.1 " + line + "\r\n" + fields + "Content-Length: 0\r\n\r\n");
}

std::vector<answer> answers() {
    const auto broken = [](const std::string& fields) {
        return [fields](const std::string& request) {
            return switching + fields + accept_line(request) + "\r\n";
        };
    };
    return {
        {"H1_200", status("200 OK"), end_cause::transport, "no WebSocket endpoint"},
        {"H1_204", status("204 No Content"), end_cause::transport, "no WebSocket endpoint"},
        {"H2_301", status("301 Moved", "Location: https://user:pass@else.example/x?token=1\r\n"),
         end_cause::transport, "else.example"},
        {"H2_302", status("302 Found", "Location: http://else.example:99/\r\n"), end_cause::transport,
         "else.example:99"},
        {"H2_307", status("307 Temporary Redirect", "Location: /other\r\n"), end_cause::transport,
         "another path"},
        {"H2_308", status("308 Permanent Redirect"), end_cause::transport, "not followed"},
        {"H3_401", status("401 Unauthorized"), end_cause::refused, "401", 30s, 300s},
        {"H3_403", status("403 Forbidden"), end_cause::refused, "403", 30s, 300s},
        {"H4_404", status("404 Not Found"), end_cause::transport, "/worker/v1/ws"},
        {"H5_426", status("426 Upgrade \x1B[31mRequired"), end_cause::transport, "\\x1b[31m"},
        {"H5_405", status("405 Method Not Allowed"), end_cause::transport, "405"},
        {"H5_400", status("400 Bad Request"), end_cause::transport, "400"},
        {"H6_retry_after_zero", status("429 Too Many", "Retry-After: 0\r\n"), end_cause::transport, "429"},
        {"H6_retry_after_negative", status("503 Busy", "Retry-After: -1\r\n"), end_cause::transport, "503"},
        {"H6_retry_after_endless", status("503 Busy", "Retry-After: 1000000000000\r\n"), end_cause::transport,
         "503", 599s, 600s},
        {"H6_retry_after_date", status("503 Busy", "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n"),
         end_cause::transport, "503", 599s, 600s},
        {"H6_retry_after_text", status("503 Busy", "Retry-After: soon\r\n"), end_cause::transport, "503"},
        {"H7_500", status("500 Internal Server Error"), end_cause::transport, "500"},
        {"H7_502", status("502 Bad Gateway"), end_cause::transport, "502"},
        {"H7_504", status("504 Gateway Timeout"), end_cause::transport, "504"},
        {"H8_no_upgrade", broken("Connection: Upgrade\r\n")},
        {"H8_no_connection", broken("Upgrade: websocket\r\n")},
        {"H9_no_accept", fixed(switching + upgrade_lines + "\r\n")},
        {"H9_wrong_accept",
         fixed(switching + upgrade_lines + "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n")},
        {"H9_doubled_accept",
         [](const std::string& request) {
             return switching + upgrade_lines + accept_line(request) + accept_line(request) + "\r\n";
         }},
        {"H10_accept_of_another_key",
         [](const std::string&) {
             return switching + upgrade_lines + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
         }},
        {"H11_extension", broken(upgrade_lines + "Sec-WebSocket-Extensions: permessage-deflate\r\n")},
        {"H11_subprotocol", broken(upgrade_lines + "Sec-WebSocket-Protocol: chat\r\n")},
        {"H12_header_of_100_lines", broken(upgrade_lines + lines(100))},
        {"H12_line_of_10_MiB",
         [broken](const std::string& request) {
             return broken(upgrade_lines + "X-Large: " + std::string(std::size_t{10} << 20U, 'x') +
                           "\r\n")(request);
         }},
        {"H12_header_of_20_KiB", broken(upgrade_lines + "X-Large: " + std::string(20'000, 'x') + "\r\n")},
        {"H13_header_without_colon", broken(upgrade_lines + "no colon here\r\n")},
        {"H13_header_with_a_nul", broken(upgrade_lines + "X-Nul: a" + std::string(1, '\0') + "b\r\n")},
        {"H13_line_without_its_cr", broken("Upgrade: websocket\nConnection: Upgrade\n")},
        {"H13_folded_line", broken(upgrade_lines + "X-Folded: a\r\n b\r\n")},
        {"H13_name_with_a_blank", broken(upgrade_lines + "X-Blank : a\r\n")},
        {"H14_http_1_0",
         [](const std::string& request) {
             return "HTTP/1.0 101 Switching Protocols\r\n" + upgrade_lines + accept_line(request) + "\r\n";
         }},
        {"H14_http_2_preface",
         fixed(std::string{"\x00\x00\x12\x04\x00\x00\x00\x00\x00", 9} + std::string(18, '\0'))},
        {"H14_tls_on_a_plain_port",
         fixed(std::string{"\x15\x03\x01\x00\x02\x02\x46", 7} + std::string(20, '\r'))},
        {"H14_ssh", fixed("SSH-2.0-OpenSSH_9.2\r\n" + std::string(20, '\n'))},
        {"H15_nine_interim_answers",
         [](const std::string& request) {
             return interim(9) + switching + upgrade_lines + accept_line(request) + "\r\n";
         }},
        {"H17_endless_body_with_escapes",
         fixed("HTTP/1.1 403 No\r\nContent-Type: text/plain\r\n\r\n" + std::string(200'000, '\x1B')),
         end_cause::refused, "403", 30s, 300s},
        {"H19_reason_of_3000_characters", status("500 " + std::string(3000, 'r')), end_cause::transport,
         "500 rrr"},
    };
}

class Answer : public ::testing::TestWithParam<std::tuple<transport_kind, answer>> {};

TEST_P(Answer, EndsTheAttempt) {
    const auto& [kind, row] = GetParam();
    hostile_rig rig{kind};
    const meeting seen = rig.meet([&, text = row.text](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.write(text(peer.read_request()));
        peer.finish();
        peer.read_to_end();
    });
    ASSERT_TRUE(seen.end);
    EXPECT_EQ(seen.end->cause, row.cause) << seen.end->detail;
    EXPECT_THAT(seen.end->detail,
                AllOf(HasSubstr(row.words), Not(HasSubstr("\x1B")), Not(HasSubstr("user:pass"))));
    EXPECT_LT(seen.end->detail.size(), 1000U);
    EXPECT_GE(seen.wait, row.at_least - 2s); // what has passed since
    EXPECT_LE(seen.wait, row.at_most);
}

// What is an answer all the same

struct acceptable {
    const char* row;
    std::function<std::string(const std::string& request)> text;

    friend std::ostream& operator<<(std::ostream& out, const acceptable& a) { return out << a.row; }
};

std::vector<acceptable> acceptables() {
    const auto good = [](const std::string& before, const std::string& line, const std::string& fields) {
        return [=](const std::string& request) {
            return before + line + upgrade_lines + fields + accept_line(request) + "\r\n";
        };
    };
    return {
        {"H15_100_before_101", good("HTTP/1.1 100 Continue\r\n\r\n", switching, "")},
        {"H15_103_before_101", good(interim(1), switching, "")},
        {"H15_eight_interim_answers", good(interim(8), switching, "")},
        {"H19_no_reason", good("", "HTTP/1.1 101 \r\n", "")},
        {"H20_content_length_with_101", good("", switching, "Content-Length: 5\r\n")},
        {"H20_transfer_encoding_with_101", good("", switching, "Transfer-Encoding: chunked\r\n")},
    };
}

class Acceptable : public ::testing::TestWithParam<std::tuple<transport_kind, acceptable>> {};

TEST_P(Acceptable, LeadsToAConnection) {
    const auto& [kind, row] = GetParam();
    hostile_rig rig{kind};
    bool served = false;
    const meeting seen = rig.visit([&, text = row.text](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.write(text(peer.read_request()));
        peer.read_message();
        peer.send(ws_frame::binary, as_text(response_frame()));
        served = serves(peer, "t");
    });
    EXPECT_TRUE(served) << (seen.end ? seen.end->detail : "");
}

class Upgrade : public ::testing::TestWithParam<transport_kind> {};

TEST_P(Upgrade, H16_FramesInOnePieceWithTheAnswer) {
    hostile_rig rig{GetParam()};
    bool served = false;
    rig.visit([&](ws_server& server) {
        ws_peer& peer = server.accept();
        const std::string response = as_text(response_frame());
        peer.write(switching + upgrade_lines + accept_line(peer.read_request()) + "\r\n" + "\x82" +
                   static_cast<char>(response.size()) + response);
        served = serves(peer, "t");
    });
    EXPECT_TRUE(served);
}

TEST_P(Upgrade, H18_AnswerThatNeverComes) {
    hostile_rig rig{GetParam()};
    worker_config config = patient();
    config.connect_timeout = 300ms;
    const meeting seen = rig.meet(
        [](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.write("HTTP/1.1 101 Swi");
            peer.read_to_end();
        },
        config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
}

INSTANTIATE_TEST_SUITE_P(Rows, Answer,
                         ::testing::Combine(::testing::ValuesIn(kinds_with_rows()),
                                            ::testing::ValuesIn(answers())),
                         [](const auto& test) { return name_of_row(test); });
INSTANTIATE_TEST_SUITE_P(Rows, Acceptable,
                         ::testing::Combine(::testing::ValuesIn(kinds_with_rows()),
                                            ::testing::ValuesIn(acceptables())),
                         [](const auto& test) { return name_of_row(test); });
INSTANTIATE_TEST_SUITE_P(On, Upgrade, ::testing::ValuesIn(kinds_with_rows()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker::testing
