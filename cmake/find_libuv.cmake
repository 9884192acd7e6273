# libuv, as the target PkgConfig::LIBUV, where it is installed.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND AND NOT TARGET PkgConfig::LIBUV)
  pkg_check_modules(LIBUV QUIET IMPORTED_TARGET GLOBAL libuv)
endif()
