// Several lambdas as one visitor: `std::visit(overloaded{[](int) {…}, [](double) {…}}, variant)`.
#pragma once

namespace distworker {

template <typename... F>
struct overloaded : F... {
    using F::operator()...;
};

} // namespace distworker
