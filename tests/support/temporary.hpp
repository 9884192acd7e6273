// Folders and files that go with the test that made them. Only their owner can read them.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace distworker::testing {

namespace detail {
inline std::string temporary_name() {
    return (std::filesystem::temp_directory_path() / "distworker-test-XXXXXX").string();
}
} // namespace detail

class temporary_folder {
public:
    temporary_folder() {
        std::string name = detail::temporary_name();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::filesystem::path operator/(const std::filesystem::path& name) const {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

class temporary_file {
public:
    explicit temporary_file(std::string_view content) {
        std::string name = detail::temporary_name();
        const int descriptor = ::mkstemp(name.data());
        if (descriptor < 0) {
            throw std::runtime_error{"no temporary file"};
        }
        ::close(descriptor);
        path_ = name;
        write(content);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    void write(std::string_view content) const {
        if (!(std::ofstream{path_, std::ios::binary} << content).flush()) {
            throw std::runtime_error{"a temporary file cannot be written"};
        }
    }
    [[nodiscard]] std::string path() const { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace distworker::testing
