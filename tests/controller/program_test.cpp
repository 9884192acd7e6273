// The program itself: its two lines, its exit codes, its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A run of the program with both its outputs in one pipe.
class program {
public:
    explicit program(std::vector<std::string> arguments) {
        std::string name = CONTROLLER_PROGRAM;
        std::vector<char*> pointers{name.data()};
        for (std::string& argument : arguments) {
            pointers.push_back(argument.data());
        }
        pointers.push_back(nullptr);
        std::array<int, 2> ends{};
        EXPECT_EQ(pipe(ends.data()), 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        EXPECT_EQ(posix_spawn(&process_, pointers[0], &actions, nullptr, pointers.data(), environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        output_ = ends[0];
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program() {
        if (process_ > 0) {
            ::kill(process_, SIGKILL);
            wait();
        }
        ::close(output_);
    }

    // The next line, without its end; what is left at the end of the output.
    std::string line() {
        std::string out;
        for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) {
            out += c;
        }
        return out;
    }
    std::string rest() {
        std::string out;
        for (char c = 0; ::read(output_, &c, 1) == 1;) {
            out += c;
        }
        return out;
    }
    void signal(int number) const { ::kill(process_, number); }
    int wait() {
        int status = 0;
        waitpid(std::exchange(process_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t process_ = -1;
    int output_ = -1;
};

const std::vector<std::string> free_ports = {"--api-port",    "0",         "--worker-port", "0",
                                             "--provisioner", "p:canary:a"};

TEST(controller_program, serves_until_a_signal) {
    for (const int signal : {SIGINT, SIGTERM}) {
        program controller{free_ports};
        EXPECT_THAT(controller.line(), HasSubstr("development only"));
        const std::string api = controller.line();
        ASSERT_THAT(api, StartsWith("api http://127.0.0.1:"));
        EXPECT_THAT(controller.line(), StartsWith("worker http://127.0.0.1:"));
        httplib::Client client{api.substr(4)};
        EXPECT_EQ(client.Get("/health")->status, 200);
        controller.signal(signal);
        EXPECT_THAT(controller.rest(), Not(HasSubstr("canary")));
        EXPECT_EQ(controller.wait(), 0);
    }
}

TEST(controller_program, tells_all_faults_and_exits_with_2) {
    program controller{{"--api-port", "x", "--bind", "y", "--provisioner", "p:@/nowhere/token:a"}};
    const std::string said = controller.rest();
    for (const char* field : {"--api-port: ", "--bind: ", "--provisioner: "}) {
        EXPECT_THAT(said, HasSubstr(field));
    }
    EXPECT_EQ(controller.wait(), 2);
}

TEST(controller_program, exits_with_3_when_a_port_is_taken) {
    program first{free_ports};
    first.line();
    const std::string api = first.line();
    program second{
        {"--api-port", api.substr(api.rfind(':') + 1), "--worker-port", "0", "--provisioner", "p:canary:a"}};
    EXPECT_THAT(second.rest(), HasSubstr("--api-port"));
    EXPECT_EQ(second.wait(), 3);
}

} // namespace
} // namespace distworker::testing
