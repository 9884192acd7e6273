#include "command_line.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/utf8.hpp>
#include <distworker/worker_config.hpp>

#include <CLI/CLI.hpp>
#include <boost/version.hpp>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

namespace distworker::controller {
namespace {

constexpr std::uintmax_t largest_token_file = 64U << 10U;

constexpr std::string_view footer =
    "A token belongs into a file, given as @FILE (one trailing newline is dropped); written out, as in\n"
    "example:TOKEN:math.add, it is for development only: lists of processes show it.\n\n"
    "Prints two lines when it is ready: 'api http://ADDRESS:PORT' and 'worker http://ADDRESS:PORT'\n"
    "(https with TLS), and logs to stderr. Tasks are kept in memory.\n\n"
    "Exit codes: 0 stopped by SIGINT or SIGTERM, 1 internal error, 2 unusable options,\n"
    "3 a port cannot be opened.";

// Collects what is wrong while options are read.
class reader {
public:
    explicit reader(parsed_options& out) : out_{&out} {}

    void fault(std::string field, std::string problem, std::string remedy) {
        out_->faults.push_back({std::move(field), std::move(problem), std::move(remedy)});
    }

    template <typename Number>
    void number(const char* field, const std::string& text, std::uint64_t most, Number& into) {
        if (text.empty()) {
            return;
        }
        std::uint64_t parsed = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
        if (error != std::errc{} || end != text.data() + text.size() || parsed > most) {
            fault(field,
                  "'" + escape_for_log(text) + "' is no whole number from 0 to " + std::to_string(most),
                  "give one");
            return;
        }
        into = static_cast<Number>(parsed);
    }

    // "TOKEN" or "@FILE". `who` names the option's owner in messages and holds no secret.
    std::optional<secret> token(const char* field, std::string_view who, std::string_view text) {
        const std::string shown = "'" + escape_for_log(who) + "'";
        secret read;
        if (text.starts_with('@')) {
            auto content = token_file(field, shown, std::string{text.substr(1)});
            if (!content) {
                return std::nullopt;
            }
            read = secret{*std::move(content)};
        } else {
            out_->warnings.push_back("--" + std::string{field} + " " + shown +
                                     ": its token stands on the command line: development only, use @FILE");
            read = secret{text};
        }
        if (const auto problem = check_token(read)) {
            fault(field, "the token of " + shown + " " + problem->problem, problem->remedy);
            return std::nullopt;
        }
        return read;
    }

private:
    std::optional<std::string> token_file(const char* field, const std::string& shown,
                                          const std::string& path) {
        const auto unreadable = [&](const std::string& why) {
            fault(field, "the token file '" + escape_for_log(path) + "' of " + shown + " " + why,
                  "give a readable file that holds the token");
            return std::nullopt;
        };
        std::error_code error;
        const auto status = std::filesystem::status(path, error);
        if (error) {
            return unreadable("cannot be read: " + error.message());
        }
        if (!std::filesystem::is_regular_file(status)) {
            return unreadable("is no regular file");
        }
        if (std::filesystem::file_size(path, error) > largest_token_file || error) {
            return unreadable("is larger than 64 KiB");
        }
        std::ifstream file{path, std::ios::binary};
        std::string content{std::istreambuf_iterator<char>{file}, {}};
        if (!file) {
            return unreadable("cannot be read: " + std::generic_category().message(errno));
        }
        if ((status.permissions() & std::filesystem::perms::others_read) != std::filesystem::perms::none) {
            out_->warnings.push_back("--" + std::string{field} + " " + shown +
                                     ": the token file can be read by all users");
        }
        if (content.ends_with('\n')) {
            content.pop_back();
            if (content.ends_with('\r')) {
                content.pop_back();
            }
        }
        return content;
    }

    parsed_options* out_;
};

// NAME:TOKEN:REST. A token may hold colons, names and queues may not.
struct three_parts {
    std::string_view first, middle, last;
};
std::optional<three_parts> split(std::string_view text) {
    const std::size_t left = text.find(':');
    const std::size_t right = text.rfind(':');
    if (left == std::string_view::npos || left == right) {
        return std::nullopt;
    }
    return three_parts{text.substr(0, left), text.substr(left + 1, right - left - 1), text.substr(right + 1)};
}

std::vector<std::string> split_queues(std::string_view text) {
    std::vector<std::string> out;
    for (;;) {
        const std::size_t comma = text.find(',');
        out.emplace_back(text.substr(0, comma));
        if (comma == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(comma + 1);
    }
}

void read_provisioner(reader& in, const std::string& text, controller_options& out) {
    const auto parts = split(text);
    if (!parts) {
        in.fault("provisioner", "is not of the form NAME:TOKEN:QUEUE[,QUEUE...]",
                 "write for example example:@token.txt:math.add,demo.sleep");
        return;
    }
    if (auto token = in.token("provisioner", parts->first, parts->middle)) {
        out.provisioners.push_back({std::string{parts->first}, *std::move(token), split_queues(parts->last)});
    }
}

void read_session(reader& in, const std::string& text, controller_options& out) {
    const auto parts = split(text);
    if (!parts) {
        in.fault("session", "is not of the form WORKER_ID:@FILE:PROVISIONER",
                 "write for example w1:@token.txt:example");
        return;
    }
    if (!parts->middle.starts_with('@')) {
        in.fault("session", "the token of '" + escape_for_log(parts->first) + "' is not given as @FILE",
                 "put it into a file");
        return;
    }
    if (auto token = in.token("session", parts->first, parts->middle)) {
        out.sessions.push_back({std::string{parts->first}, *std::move(token), std::string{parts->last}});
    }
}

void hide_tokens(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (const auto parts = split(argv[i]); parts && !parts->middle.starts_with('@')) {
            std::memset(argv[i] + parts->first.size() + 1, '*', parts->middle.size());
        }
    }
}

} // namespace

std::variant<parsed_options, just_print> parse_command_line(int argc, char** argv) {
    parsed_options out;
    std::string api_port;
    std::string worker_port;
    std::string idle_time;
    std::string keep;
    std::string mode;
    std::vector<std::string> provisioners;
    std::vector<std::string> sessions;

    CLI::App app{"The embedded DistWorker controller: for development, tests and demos, not for production.",
                 "distworker-controller"};
    app.footer(std::string{footer});
    app.set_version_flag("--version", "distworker-controller " DISTWORKER_VERSION ", Boost " BOOST_LIB_VERSION
                                      ", " +
                                          make_openssl_crypto()->description());
    app.add_option("--api-port", api_port, "Port of the HTTP API, 0 for a free one (default 8080)")
        ->type_name("N");
    app.add_option("--worker-port", worker_port, "Port for workers, 0 for a free one (default 8081)")
        ->type_name("N");
    app.add_option("--bind", out.options.bind, "Address to listen on (default 127.0.0.1)")
        ->type_name("ADDRESS");
    app.add_option("--provisioner", provisioners,
                   "Who may connect workers, with which token, for which queues; may be given again")
        ->type_name("NAME:@FILE:QUEUE[,QUEUE...]")
        ->allow_extra_args(false);
    app.add_option("--session", sessions,
                   "A worker with an id and token of its own, in faithful mode good for one connection; may "
                   "be given again")
        ->type_name("WORKER_ID:@FILE:PROVISIONER")
        ->allow_extra_args(false);
    app.add_option("--idle-time", idle_time,
                   "Seconds without a task after which workers end, 0 for never (default 0)")
        ->type_name("S");
    app.add_option(
           "--mode", mode,
           "faithful: as the deployed controller, which loses the task of a lost connection (default); "
           "ideal: sessions outlive connections, and no task is lost")
        ->type_name("faithful|ideal");
    app.add_option("--keep", keep, "Finished tasks that are kept (default 10000)")->type_name("N");
    app.add_option("--tls-cert", out.options.tls_certificate, "Certificate of the worker port, PEM")
        ->type_name("FILE");
    app.add_option("--tls-key", out.options.tls_key, "Its key, PEM")->type_name("FILE");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return just_print{app.help(), exit_code::stopped};
    } catch (const CLI::CallForVersion& version) {
        return just_print{std::string{version.what()} + '\n', exit_code::stopped};
    } catch (const CLI::ExtrasError&) { // its text would repeat what might be a token
        return just_print{"unknown option or stray argument; see --help\n", exit_code::configuration};
    } catch (const CLI::ParseError& error) {
        return just_print{std::string{error.what()} + "; see --help\n", exit_code::configuration};
    }
    hide_tokens(argc, argv);

    reader in{out};
    in.number("api-port", api_port, UINT16_MAX, out.options.api_port);
    in.number("worker-port", worker_port, UINT16_MAX, out.options.worker_port);
    in.number("idle-time", idle_time, INT32_MAX, out.options.broker.idle_time);
    in.number("keep", keep, 10'000'000, out.options.broker.keep);
    if (mode == "ideal") {
        out.options.broker.mode = controller_mode::ideal;
    } else if (!mode.empty() && mode != "faithful") {
        in.fault("mode", "'" + escape_for_log(mode) + "' is no mode", "give faithful or ideal");
    }
    for (std::string& text : provisioners) {
        read_provisioner(in, text, out.options);
        wipe(text);
    }
    for (const std::string& text : sessions) {
        read_session(in, text, out.options);
    }
    if (provisioners.empty()) {
        in.fault("provisioner", "is missing: no worker could connect",
                 "give --provisioner NAME:@FILE:QUEUE[,QUEUE...]");
    }
    return out;
}

} // namespace distworker::controller
