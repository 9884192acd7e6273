// The rules that a transport keeps, as tests: run them against yours.
//
// Link `distworker::transport_conformance` and GoogleTest's main into a program that defines
// `transport_kinds`; it then has every test of the suite for each of them. docs/transports.md is the guide.
//
//     std::span<const transport_kind> distworker::testing::transport_kinds() {
//         static const transport_kind mine[] = {{.name = "mine", .make_loop = …, .connect = …}};
//         return mine;
//     }
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/testing/loop_conformance.hpp>
#include <distworker/transport.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <ostream>
#include <span>

namespace distworker::testing {

/// Over what the tests of framing and of the upgrade are played. A second loop under the same code may leave
/// them out.
enum class rows_over : std::uint8_t {
    nothing, ///< They are left out.
    tcp,     ///< Plain connections: all of them.
    tls      ///< TLS, on fewer bytes of each.
};

/// A transport on a kind of loop.
struct transport_kind {
    const char* name;                            ///< Letters, digits and underscores.
    std::unique_ptr<loop_runner> (*make_loop)(); ///< A new one for each test.
    /// Its connector on that loop, or which option cannot be used, and why.
    std::expected<std::unique_ptr<connector>, config_fault> (*connect)(loop&, const tls_options&,
                                                                       const proxy_options&);
    rows_over rows = rows_over::tcp; ///< See `rows_over`.
    bool proxies = true;             ///< Whether it goes through them.
    /// Whether `connect` finds out that a key does not belong to its certificate, or only a connection.
    bool compares_keys = true;
    bool tls_1_3 = true; ///< Whether its TLS library speaks that version, not only 1.2.

    /// For the names of tests.
    friend std::ostream& operator<<(std::ostream& out, const transport_kind& kind) {
        return out << kind.name;
    }
};

/// Defined by the program that runs the suite. The result lives as long as the program.
[[nodiscard]] std::span<const transport_kind> transport_kinds();

} // namespace distworker::testing
