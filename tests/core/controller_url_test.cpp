#include <distworker/controller_url.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace distworker {
namespace {

controller_url good(std::string_view text) {
    auto url = parse_controller_url(text);
    EXPECT_TRUE(url.has_value()) << text << ": " << (url ? "" : url.error().to_string());
    return url.value_or(controller_url{});
}

TEST(ControllerUrl, ABaseUrlGetsTheEndpoint) {
    EXPECT_EQ(good("http://localhost:8081"), (controller_url{false, "localhost", 8081, "/worker/v1/ws"}));
    EXPECT_EQ(good("https://Example.TEST"), (controller_url{true, "example.test", 443, "/worker/v1/ws"}));
    EXPECT_EQ(good("HTTP://a/p/q?k=v&x=/").target, "/p/q/worker/v1/ws?k=v&x=/");
    EXPECT_EQ(good("http://a?k=v").target, "/worker/v1/ws?k=v");
    EXPECT_EQ(good("http://a").port, 80);
}

TEST(ControllerUrl, AFullUrlIsUsedAsItIs) {
    EXPECT_EQ(good("ws://h:1/any/path/"), (controller_url{false, "h", 1, "/any/path/"}));
    EXPECT_EQ(good("wss://h/x?y=%20"), (controller_url{true, "h", 443, "/x?y=%20"}));
    EXPECT_EQ(good("ws://h").target, "/");
    EXPECT_EQ(good("ws://h?q").target, "/?q");
    EXPECT_EQ(good("ws://h").port, 80);
}

TEST(ControllerUrl, ASlashAtTheEndOfTheBaseMakesNoDifference) { // G8
    EXPECT_EQ(good("http://h/prefix"), good("http://h/prefix/"));
    EXPECT_EQ(good("http://h"), good("http://h/"));
    EXPECT_EQ(good("http://h?k=v"), good("http://h/?k=v"));
}

TEST(ControllerUrl, Ipv6AndZones) { // G7
    const auto url = good("http://[2001:DB8::1]:8081/p");
    EXPECT_EQ(url.host, "2001:db8::1");
    EXPECT_EQ(url.host_header(), "[2001:db8::1]:8081");
    EXPECT_EQ(url.uri(), "ws://[2001:db8::1]:8081/p/worker/v1/ws");
    EXPECT_TRUE(url.is_address());

    const auto zoned = good("ws://[fe80::1%25eth0]/x");
    EXPECT_EQ(zoned.host, "fe80::1%eth0");
    EXPECT_EQ(zoned, good("ws://[fe80::1%eth0]/x"));
    EXPECT_EQ(zoned.host_header(), "[fe80::1]");
    EXPECT_EQ(zoned.uri(), "ws://[fe80::1%25eth0]:80/x");
    EXPECT_EQ(good("ws://[fe80::1%251]/").host, "fe80::1%1");
    EXPECT_EQ(good("ws://[fe80::1%25]/").host, "fe80::1%25") << "a zone may be called 25";
    EXPECT_EQ(good("ws://[fe80::1%br-0.1_a~Z9]/").host, "fe80::1%br-0.1_a~Z9");
    for (const std::string_view address : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "::ffff:1.2.3.4",
                                           "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7::"}) {
        EXPECT_TRUE(parse_controller_url("ws://[" + std::string{address} + "]/")) << address;
    }
    for (const std::string_view address : {"",
                                           ":",
                                           ":::",
                                           "1",
                                           "1:2:3:4:5:6:7",
                                           "1:2:3:4:5:6:7:8:9",
                                           "1::2::3",
                                           "12345::",
                                           "g::",
                                           "1.2.3.4",
                                           "::1.2.3",
                                           "1.2.3.4::",
                                           "1:2:3:4:5:6:7:1.2.3.4",
                                           "::1%",
                                           "::1%a b",
                                           "1:2:3:4:5:6:7:8::",
                                           "1:2:3:",
                                           "::1 ",
                                           "12x4::",
                                           "1:2:3:4:5:6:7:8:9",
                                           "::1%a/b",
                                           "::1%a{b",
                                           "::1%a!b",
                                           "::1%a@b"}) {
        EXPECT_FALSE(parse_controller_url("ws://[" + std::string{address} + "]/")) << address;
    }
    EXPECT_FALSE(parse_controller_url("ws://[::1/"));
    EXPECT_FALSE(parse_controller_url("ws://[::1]x/"));
    EXPECT_THAT(parse_controller_url("ws://[::1]x").error().problem,
                ::testing::HasSubstr("malformed IPv6 address"));
    EXPECT_FALSE(parse_controller_url("ws://::1/"));
}

TEST(ControllerUrl, HostHeaderAndTlsName) {
    EXPECT_EQ(good("https://h:443").host_header(), "h");
    EXPECT_EQ(good("http://h:443").host_header(), "h:443");
    EXPECT_EQ(good("https://h.test.:8443").host_header(), "h.test.:8443");
    EXPECT_EQ(good("https://h.test.:8443").tls_name(), "h.test");
    EXPECT_EQ(good("https://h.test").tls_name(), "h.test");
    EXPECT_EQ(good("https://[fe80::1%25eth0]").tls_name(), "fe80::1");
    EXPECT_FALSE(good("https://h.test").is_address());
    EXPECT_TRUE(good("https://127.0.0.1").is_address());
}

TEST(ControllerUrl, Loopback) {
    for (const auto* host : {"localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1",
                             "127.255.0.9", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"}) {
        EXPECT_TRUE(good(std::string{"ws://"} + host + "/").is_loopback()) << host;
    }
    for (const auto* host :
         {"localhost.test", "notlocalhost", "128.0.0.1", "[::2]", "[::ffff:128.0.0.1]", "10.0.0.1",
          "127.0.0.1.test", "[::]", "[1::ffff:127.0.0.1]", "[::ffff:1:127.0.0.1]"}) {
        EXPECT_FALSE(good(std::string{"ws://"} + host + "/").is_loopback()) << host;
    }
}

TEST(ControllerUrl, LogsShowNoQuery) {
    const auto url = good("https://h/p?key=canary");
    EXPECT_EQ(url.uri(), "wss://h:443/p/worker/v1/ws?key=canary");
    EXPECT_EQ(url.to_string(), "wss://h:443/p/worker/v1/ws?...");
}

struct bad_url {
    const char* row;
    std::string text;
    const char* says;
};

// A name of so many characters, 193 to 255, each label of it sound.
std::string long_name(std::size_t size) {
    const std::string label(63, 'h');
    return ("canary" + label.substr(6) + '.' + label + '.' + label + '.').append(size - 192, 'h');
}

TEST(ControllerUrl, NamesMayBeAsLongAsTheDomainNameSystemHasThem) {
    EXPECT_EQ(good("ws://" + long_name(253)).host.size(), 253U);
    EXPECT_EQ(good("ws://a_b.test").host, "a_b.test") << "no host name by the book, but service names are";
    EXPECT_EQ(good("ws://h/%aF%09").target, "/%aF%09");
}

TEST(ControllerUrl, EveryFaultNamesItselfAndNeverTheValue) {
    const bad_url cases[] = {
        {"empty", "", "is empty"},
        {"G3", "canary.test:8081", "does not begin with"},
        {"G3", "ftp://canary/", "does not begin with"},
        {"G3", "javascript:canary", "does not begin with"},
        {"G3", "http:/canary", "does not begin with"},
        {"G3", "//canary/", "does not begin with"},
        {"G4", "http://canary:0", "port"},
        {"G4", "http://canary:65536", "port"},
        {"G4", "http://canary:80a", "port"},
        {"G4", "http://canary:", "port"},
        {"G4", "http://canary:-1", "port"},
        {"G4", "http://canary:+1", "port"},
        {"G4", "http://canary:99999999999999999999", "port"},
        {"G5", "http://user:canary@host/", "user name or password"},
        {"G5", "http://canary@host/", "user name or password"},
        {"G6", "http://host/#canary", "fragment"},
        {"G6", "http://host?canary#", "fragment"},
        {"G7",
         "http://b\xc3\xbc"
         "canary.test/",
         "outside ASCII"},
        {"host", "http:///canary", "no host"},
        {"host", "http://", "no host"},
        {"host", "http://.", "no host"},
        {"host", "http://a..canary", "malformed host"},
        {"host", "http://-canary", "malformed host"},
        {"host", "http://canary-", "malformed host"},
        {"host", "http://canary{}", "malformed host"},
        {"host", "http://" + long_name(254), "longer than 253"},
        {"host", "http://can%41ry", "malformed host"},
        {"host", "http://" + std::string(64, 'c') + ".canary", "malformed host"},
        {"host", "http://canary.127.1", "IPv4"},
        {"host", "http://1.2.3.256", "IPv4"},
        {"host", "http://1.2.3.04", "IPv4"},
        {"host", "http://0x7f000001", "IPv4"},
        {"host", "http://2130706433", "IPv4"},
        {"path", "http://h/canary^", "percent-encode"},
        {"path", "http://h/canary\\", "percent-encode"},
        {"path",
         "http://h/\xc3\xbc"
         "canary",
         "percent-encode"},
        {"path", "http://h/canary%2", "percent-encode"},
        {"path", "http://h/canary%2g", "percent-encode"},
        {"path", "http://h/canary%/0", "percent-encode"},
        {"path", "http://h/canary%:0", "percent-encode"},
        {"path", "http://h/canary%0@", "percent-encode"},
        {"path", "http://h/?canary%zz", "percent-encode"},
        {"blank", "http://canary/\n", "white space"},
        {"blank", " http://canary/", "white space"},
        {"blank", "http://canary/\x7F", "control character"},
        {"blank", "http://h/\r\nX-Canary: canary", "white space"},
        {"blank", std::string{"http://h/\0canary", 16}, "white space"},
    };
    for (const bad_url& c : cases) {
        const auto url = parse_controller_url(c.text);
        ASSERT_FALSE(url.has_value()) << c.row << " " << c.text;
        EXPECT_EQ(url.error().field, "controller");
        EXPECT_NE(url.error().to_string().find(c.says), std::string::npos)
            << c.text << " gives " << url.error().to_string();
        EXPECT_FALSE(url.error().remedy.empty());
        EXPECT_EQ(url.error().to_string().find("canary"), std::string::npos) << url.error().to_string();
    }
    EXPECT_NE(parse_controller_url("http://b\xc3\xbc.test").error().remedy.find("punycode"),
              std::string::npos);
}

rc::Gen<std::string> text_of(const std::string& alphabet) {
    return rc::gen::container<std::string>(rc::gen::elementOf(alphabet));
}

RC_GTEST_PROP(ControllerUrl, ReadsBackWhatItWrites, ()) {
    const auto host =
        *rc::gen::element<std::string>("localhost", "a.b-c.test", "127.0.0.1", "[::1]", "[fe80::1%25e0]");
    const auto scheme = *rc::gen::element<std::string>("http://", "https://", "ws://", "wss://");
    const auto port = *rc::gen::inRange(1, 65536);
    std::string text = scheme + host + ":" + std::to_string(port) + "/" + *text_of("ab/-._~!$&'()*+,;=:@");
    if (*rc::gen::arbitrary<bool>()) {
        text += "?" + *text_of("ab/?-._~!$&'()*+,;=:@");
    }
    const auto url = parse_controller_url(text);
    RC_ASSERT(url.has_value());
    RC_ASSERT(url->port == port);
    const auto again = parse_controller_url(url->uri());
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == *url);
}

RC_GTEST_PROP(ControllerUrl, AnyTextIsAnAnswer, (const std::string& noise)) {
    for (const std::string& text : {noise, "ws://" + noise, "http://[" + noise + "]", "ws://h:" + noise}) {
        const auto url = parse_controller_url(text);
        RC_ASSERT((!url || (url->port > 0 && url->target.starts_with('/') && !url->host.empty())));
    }
}

} // namespace
} // namespace distworker
