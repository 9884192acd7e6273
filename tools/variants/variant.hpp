// Which of the mistakes that are woven into this copy of core is made: its number is in DISTWORKER_VARIANT.
//
// tools/planted and tools/mutate put this beside the copy; core itself has no such thing. With
// DISTWORKER_VARIANTS_REACHED set, the numbers of those that were come by are added to that file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace variant {

class choice {
public:
    choice() noexcept {
        if (const char* const number = std::getenv("DISTWORKER_VARIANT")) {
            chosen_ = std::strtoul(number, nullptr, 10);
        }
        if (std::getenv("DISTWORKER_VARIANTS_REACHED") != nullptr) {
            std::atexit([] { the_one().tell(); });
        }
    }

    static choice& the_one() noexcept {
        static choice only;
        return only;
    }

    bool made(std::size_t number) noexcept {
        reached_[number] = true;
        return number == chosen_;
    }

private:
    void tell() const noexcept {
        if (std::FILE* const file = std::fopen(std::getenv("DISTWORKER_VARIANTS_REACHED"), "a")) {
            for (std::size_t number = 0; number < reached_.size(); ++number) {
                if (reached_[number]) {
                    std::fprintf(file, "%zu\n", number);
                }
            }
            std::fclose(file);
        }
    }

    std::size_t chosen_ = 0; // 0: none
    std::array<bool, 4096> reached_{};
};

/// Whether this mistake is made. For what becomes a constant too; there it never is.
constexpr bool is(std::size_t number) noexcept {
    if consteval {
        return false;
    } else {
        return choice::the_one().made(number);
    }
}

/// The same where the program begins, in place of a constant.
inline bool is_from_the_start(std::size_t number) noexcept {
    return choice::the_one().made(number);
}

} // namespace variant
