#include "token_file.hpp"

#include <distworker/config_choice.hpp>
#include <distworker/proxy.hpp>
#include <distworker/settings.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace distworker {
namespace {

constexpr std::string_view watching = "Logs and traces";

// The variables of the protocol's settings; a provisioner that starts a worker sets these.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> protocol_variables{{
    {"controller", "DISTWORKER_CONTROLLER_URL"},
    {"provisioner", "DISTWORKER_PROVISIONER"},
    {"worker_id", "DISTWORKER_WORKER_ID"},
}};

setting of_protocol(const config_field& field) {
    setting made{.name = field.name,
                 .group = field.group,
                 .meaning = field.meaning,
                 .default_text = field.default_text(),
                 .range_text = field.range_text()};
    const auto variable = std::ranges::find(protocol_variables, field.name,
                                            &std::pair<std::string_view, std::string_view>::first);
    made.environment = variable == protocol_variables.end() ? std::string_view{} : variable->second;
    if (!std::holds_alternative<object_rule>(field.rule)) {
        made.set = [&field](config& into, std::string_view text) { return field.set(into, text); };
    }
    return made;
}

std::unexpected<config_fault> out_of_range(const setting& which) {
    return std::unexpected{
        config_fault{std::string{which.name}, "is out of its range", "give " + which.range_text}};
}

setting text(setting made, std::string config::* member) {
    made.set = [member](config& into, std::string_view text) -> std::expected<void, config_fault> {
        into.*member = text;
        return {};
    };
    return made;
}

setting file(setting made, std::string config::* member) {
    made.range_text = "a file's name";
    return text(std::move(made), member);
}

setting flag(setting made, bool config::* member) {
    made.default_text = config{}.*member ? "true" : "false";
    made.range_text = "true or false";
    made.set = [made, member](config& into, std::string_view value) -> std::expected<void, config_fault> {
        if (value != "true" && value != "false") {
            return out_of_range(made);
        }
        into.*member = value == "true";
        return {};
    };
    return made;
}

setting count(setting made, std::uint64_t config::* member, std::uint64_t max) {
    made.default_text = std::to_string(config{}.*member);
    made.range_text = "0 to " + std::to_string(max);
    made.set = [made, member](config& into, std::string_view text) -> std::expected<void, config_fault> {
        std::uint64_t number = 0;
        const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || rest != text.data() + text.size()) {
            return out_of_range(made);
        }
        into.*member = number;
        return {};
    };
    made.check = [made, member, max](const config& from) -> std::optional<config_fault> {
        return from.*member <= max ? std::nullopt : std::optional{out_of_range(made).error()};
    };
    return made;
}

template <typename Choice>
setting choice(setting made, Choice config::* member, Choice last) {
    made.default_text = to_string(config{}.*member);
    made.range_text = choice_names(last);
    made.set = [made, member, last](config& into,
                                    std::string_view text) -> std::expected<void, config_fault> {
        const auto read = parse_choice(text, last);
        if (!read) {
            return out_of_range(made);
        }
        into.*member = *read;
        return {};
    };
    made.check = [made, member, last](const config& from) -> std::optional<config_fault> {
        return from.*member <= last ? std::nullopt : std::optional{out_of_range(made).error()};
    };
    return made;
}

std::optional<config_fault> check_either_token(const config& from) {
    if (!from.token.empty()) {
        return check_token(from.token);
    }
    if (from.token_file.empty()) {
        return config_fault{"token", "is empty", "give the token, or token_file: the file to read it from"};
    }
    auto read = detail::read_token_file(from.token_file);
    return read ? std::nullopt : std::optional{std::move(read.error())};
}

std::optional<config_fault> check_proxy(const config& from) {
    if (from.proxy.empty()) {
        return std::nullopt;
    }
    auto parsed = parse_proxy(from.proxy);
    return parsed ? std::nullopt : std::optional{std::move(parsed.error())};
}

std::optional<config_fault> check_credentials_file(const config& from) {
    if (from.proxy_credentials_file.empty()) {
        return std::nullopt;
    }
    auto read = detail::read_proxy_credentials(from.proxy_credentials_file);
    return read ? std::nullopt : std::optional{std::move(read.error())};
}

// How the controller is reached: the same whatever transport and TLS library were built in.
void add_ways(std::vector<setting>& own) {
    using config_group::identity;
    own.push_back(file(
        {.name = "ca_file",
         .group = identity,
         .meaning = "PEM file of the authorities to trust for https and wss; empty, and no ca_directory: "
                    "the system's."},
        &config::ca_file));
    own.push_back(text(
        {.name = "ca_directory",
         .group = identity,
         .meaning = "Directory of PEM files (*.pem, *.crt) of authorities to trust, beside those of ca_file.",
         .range_text = "a directory's name"},
        &config::ca_directory));
    own.push_back(
        file({.name = "certificate_file",
              .group = identity,
              .meaning = "PEM file of a certificate of the worker's own, its chain behind it, for a "
                         "controller that asks for one."},
             &config::certificate_file));
    own.push_back(file({.name = "key_file",
                        .group = identity,
                        .meaning = "PEM file of that certificate's private key, without a passphrase."},
                       &config::key_file));
    own.push_back(
        text({.name = "pinned_public_key",
              .group = identity,
              .meaning = "The one public key that the controller may have, beside all else that is verified "
                         "(as curl --pinnedpubkey takes it); empty: any.",
              .range_text = "sha256// and 44 characters of base64"},
             &config::pinned_public_key));
    own.push_back(
        flag({.name = "insecure_skip_verification",
              .group = identity,
              .meaning = "Accept any certificate, and so any machine in the middle; each start warns of it."},
             &config::insecure_skip_verification));
    setting proxy = text({.name = "proxy",
                          .group = identity,
                          .meaning = "HTTP proxy to reach the controller through, by CONNECT; empty: none.",
                          .range_text = "http://host:port",
                          .environment = "DISTWORKER_PROXY"},
                         &config::proxy);
    proxy.check = check_proxy;
    own.push_back(std::move(proxy));
    setting credentials =
        file({.name = "proxy_credentials_file",
              .group = identity,
              .meaning = "File with user:password for the proxy, read when the worker starts.",
              .environment = "DISTWORKER_PROXY_CREDENTIALS_FILE"},
             &config::proxy_credentials_file);
    credentials.check = check_credentials_file;
    own.push_back(std::move(credentials));
}

std::vector<setting> of_sdk() {
    using namespace config_group;
    std::vector<setting> own;
    own.push_back({.name = "token",
                   .group = identity,
                   .meaning =
                       "The token of the provisioner, or of the session that it made; this or token_file "
                       "is needed. In the environment it is wiped once it is read.",
                   .range_text = "text without line breaks or white space at its ends",
                   .environment = "DISTWORKER_WORKER_TOKEN",
                   .check = check_either_token});
    own.push_back(
        file({.name = "token_file",
              .group = identity,
              .meaning = "The file to read the token from, anew at each registration, so that it can "
                         "be rotated; one newline at its end is not part of it.",
              .environment = "DISTWORKER_WORKER_TOKEN_FILE"},
             &config::token_file));
    add_ways(own);
    own.push_back(count({.name = "handler_threads",
                         .group = amounts,
                         .meaning = "Threads that handlers run on; 0: as many as slots."},
                        &config::handler_threads, 10'000));
    own.push_back(
        choice({.name = "level", .group = watching, .meaning = "What is logged: this and what is graver."},
               &config::level, log_level::off));
    own.push_back(
        file({.name = "trace_file",
              .group = watching,
              .meaning = "File to record the worker's life in (docs/tracing.md), for its owner alone; "
                         "empty: none. It grows with every message.",
              .environment = "DISTWORKER_TRACE_FILE"},
             &config::trace_file));
    own.push_back(
        choice({.name = "trace",
                .group = watching,
                .meaning = "What the trace holds of payloads; only a whole one can be played again.",
                .environment = "DISTWORKER_TRACE_PAYLOADS"},
               &config::trace, trace_payloads::whole));
    return own;
}

// Each group where it first appears, with what either table has of it.
std::vector<setting> all_of_them() {
    std::vector<setting> all;
    for (const config_field& field : worker_config_fields()) {
        all.push_back(of_protocol(field));
    }
    for (setting& own : of_sdk()) {
        const auto behind = std::ranges::find(all.rbegin(), all.rend(), own.group, &setting::group);
        all.insert(behind == all.rend() ? all.end() : behind.base(), std::move(own));
    }
    return all;
}

} // namespace

std::span<const setting> settings() {
    static const std::vector<setting> all = all_of_them();
    return all;
}

} // namespace distworker
