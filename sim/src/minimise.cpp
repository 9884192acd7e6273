#include <distworker/sim/minimise.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace distworker::sim {
namespace {

using deviations = std::vector<deviation>;

// All runs together; some minutes of a computer.
constexpr std::uint64_t enough_events = 40'000'000;

class search {
public:
    search(const run_options& failing, const run_result& how, unsigned max_runs)
        : best_{failing, how, how.happened.size(), 0}, broken_{invariant_of(how.accusations.front())},
          max_runs_{max_runs} {
        best_.options.log = nullptr;
        best_.options.trace = nullptr;
    }

    small_failure find() {
        shorten();
        if (!try_to({})) {
            leave_out_classes(); // each takes many deviations with it
            const deviations all = happened();
            // The last ones before the failure are the likely ones.
            for (std::size_t last = 8; last < all.size() && may_go_on(); last *= 4) {
                if (try_to({all.end() - static_cast<std::ptrdiff_t>(last), all.end()})) {
                    break;
                }
            }
            halve();
        }
        leave_out_classes();
        return std::move(best_);
    }

private:
    [[nodiscard]] bool may_go_on() const noexcept {
        return best_.runs < max_runs_ && events_ < enough_events;
    }

    [[nodiscard]] deviations happened() const {
        std::set<deviation> all;
        for (const happening& one : best_.result.happened) {
            all.insert(one.what);
        }
        deviations in_order;
        for (const happening& one : best_.result.happened) {
            if (all.erase(one.what) > 0) {
                in_order.push_back(one.what);
            }
        }
        return in_order;
    }

    // Whether it still fails so; then these options are the best so far.
    bool fails(run_options options) {
        if (!may_go_on()) {
            return false;
        }
        ++best_.runs;
        run_result result = simulate(options);
        events_ += result.events;
        if (result.good() || invariant_of(result.accusations.front()) != broken_) {
            return false;
        }
        best_.options = std::move(options);
        best_.result = std::move(result);
        return true;
    }

    bool try_to(const deviations& keep) {
        run_options options = best_.options;
        options.keep.emplace(keep.begin(), keep.end());
        return fails(std::move(options));
    }

    // What was to come after the failure need not be played by those that do not fail.
    void shorten() {
        constexpr std::chrono::seconds step{36}; // a hundredth of an hour, as the command has it
        run_options options = best_.options;
        options.faulty_time = std::min<std::chrono::nanoseconds>(options.faulty_time,
                                                                 (best_.result.ended_at / step + 1) * step);
        fails(std::move(options));
    }

    void leave_out_classes() {
        for (std::size_t kind = 0; kind < fault_kinds && may_go_on(); ++kind) {
            const auto which = static_cast<fault>(kind);
            run_options options = best_.options;
            if (options.without.insert(which).second && plan{options.seed}.has(which)) {
                fails(std::move(options));
            }
        }
    }

    // Leaves out smaller and smaller parts.
    void halve() {
        std::size_t parts = 2;
        for (deviations left = happened(); left.size() > 1 && may_go_on();) {
            const std::size_t size = (left.size() + parts - 1) / parts;
            bool smaller = false;
            for (std::size_t at = 0; at < left.size() && !smaller; at += size) {
                deviations rest = left;
                const auto first = rest.begin() + static_cast<std::ptrdiff_t>(at);
                rest.erase(first, first + static_cast<std::ptrdiff_t>(std::min(size, left.size() - at)));
                smaller = try_to(rest);
            }
            if (smaller) {
                left = happened();
                parts = std::max<std::size_t>(parts - 1, 2);
            } else if (size == 1) {
                break;
            } else {
                parts = std::min(parts * 2, left.size());
            }
        }
    }

    small_failure best_;
    std::string broken_;
    unsigned max_runs_;
    std::uint64_t events_ = 0;
};

} // namespace

std::string invariant_of(std::string_view accusation) {
    if (accusation.starts_with("worker ")) {
        accusation.remove_prefix(std::min(accusation.find(": ") + 2, accusation.size()));
    }
    return std::string{accusation.substr(0, accusation.find(':'))};
}

small_failure minimise(const run_options& failing, const run_result& how, unsigned max_runs) {
    return search{failing, how, max_runs}.find();
}

} // namespace distworker::sim
