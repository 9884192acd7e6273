# Qt 6, of which the core is enough, as the target Qt6::Core, where it is installed.
find_package(Qt6 QUIET COMPONENTS Core)
