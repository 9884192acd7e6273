# GLib, as the target PkgConfig::GLIB, where it is installed.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND AND NOT TARGET PkgConfig::GLIB)
  pkg_check_modules(GLIB QUIET IMPORTED_TARGET GLOBAL glib-2.0)
endif()
