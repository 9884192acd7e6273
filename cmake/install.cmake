# How the project is installed: every component by itself, so that who asks for one searches for nothing that others need.
# `find_package(distworker CONFIG COMPONENTS …)` reads distworker-config.cmake, which takes from each component's own file
# what that is made of; pkg-config reads distworker-COMPONENT.pc. Both find their way from where they lie.

include_guard(GLOBAL)
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(DISTWORKER_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/distworker")
set(DISTWORKER_PKGCONFIG_DIR "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
# Before 1.0 the minor version may break what a program was built with.
set(DISTWORKER_ABI_VERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
file(RELATIVE_PATH distworker_prefix_of_pc "/${DISTWORKER_PKGCONFIG_DIR}" "/")
string(REGEX REPLACE "/$" "" distworker_prefix_of_pc "${distworker_prefix_of_pc}")
file(RELATIVE_PATH distworker_libraries_of_programs "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
set_property(GLOBAL PROPERTY DISTWORKER_INSTALLED "")
set_property(GLOBAL PROPERTY DISTWORKER_DEBIAN "")

# distworker_install(NAME ABOUT TEXT [HEADERS FILE...] [PACKAGES "NAME VERSION"...] [MODULES "PREFIX MODULE"...]
#                    [REQUIRES MODULE...] [DEBIAN PACKAGE...])
# Installs the component distworker::NAME; call it when the target is complete. ABOUT is one line for pkg-config. HEADERS
# are the component's public headers, all of include/ unless given; `none` if it has none. What it needs of this project is read from the target;
# what it needs of others is named: PACKAGES for find_package, MODULES for pkg_check_modules, which gives
# PkgConfig::PREFIX, REQUIRES for pkg-config ("openssl >= 3.0"), where MODULES are included, DEBIAN for libdistworker-dev.
function(distworker_install name)
  cmake_parse_arguments(arg "" "ABOUT" "HEADERS;PACKAGES;MODULES;REQUIRES;DEBIAN" ${ARGN})
  if(NOT DISTWORKER_INSTALL)
    return()
  endif()
  set(target distworker_${name})
  set_property(GLOBAL APPEND PROPERTY DISTWORKER_INSTALLED ${name})
  set_property(GLOBAL APPEND PROPERTY DISTWORKER_DEBIAN ${arg_DEBIAN})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${DISTWORKER_ABI_VERSION}
    INSTALL_RPATH "$ORIGIN")
  install(TARGETS ${target} EXPORT distworker_${name}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT development
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT distworker_${name} NAMESPACE distworker:: FILE distworker-${name}-targets.cmake
    DESTINATION "${DISTWORKER_CMAKE_DIR}" COMPONENT development)
  distworker_install_headers("${arg_HEADERS}")

  # Components that it links are in its own words; asked for by name, each brings its own.
  get_target_property(components ${target} LINK_LIBRARIES)
  list(FILTER components INCLUDE REGEX "^distworker::")
  list(TRANSFORM components REPLACE "^distworker::" "")
  list(REMOVE_DUPLICATES components)
  distworker_install_component_file(${name} "${components}" "${arg_PACKAGES}" "${arg_MODULES}")

  set(modules ${arg_MODULES})
  list(TRANSFORM modules REPLACE "^[^ ]+ " "")
  distworker_install_pc_file(${name} "${arg_ABOUT}" "${components}" "${modules};${arg_REQUIRES}")
endfunction()

# Those in include/, or just the ones named, which lie in a folder of that name or are generated.
function(distworker_install_headers headers)
  if(NOT headers)
    install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
      FILES_MATCHING PATTERN "*.hpp")
  endif()
  list(REMOVE_ITEM headers none)
  foreach(header IN LISTS headers)
    string(REGEX MATCH "^include/(.*/)?" folder "${header}")
    string(REGEX REPLACE "^include/?" "" folder "${folder}")
    install(FILES "${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}" COMPONENT development)
  endforeach()
endfunction()

# distworker-NAME.cmake: what to load and to find before the component's targets.
function(distworker_install_component_file name components packages modules)
  set(find "")
  foreach(package IN LISTS packages)
    string(APPEND find "find_dependency(${package})\n")
  endforeach()
  if(modules)
    string(APPEND find "find_dependency(PkgConfig)\n")
  endif()
  foreach(module IN LISTS modules)
    string(APPEND find "distworker_find_module(${module})\n")
  endforeach()
  list(JOIN components " " components)
  configure_file("${DISTWORKER_TEMPLATES}/distworker-component.cmake.in"
    "${PROJECT_BINARY_DIR}/package/distworker-${name}.cmake" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/distworker-${name}.cmake"
    DESTINATION "${DISTWORKER_CMAKE_DIR}" COMPONENT development)
endfunction()

# distworker-NAME.pc. Whoever links an archive links all that it is made of, with a shared library what its headers use.
function(distworker_install_pc_file name about components modules)
  get_target_property(type distworker_${name} TYPE)
  get_target_property(public distworker_${name} INTERFACE_LINK_LIBRARIES)
  set(packages "${public}")
  list(FILTER packages EXCLUDE REGEX "^distworker::|^\\$<|NOTFOUND$")
  set(required "")
  set(private "")
  foreach(component IN LISTS components)
    if(type STREQUAL "SHARED_LIBRARY" AND NOT "distworker::${component}" IN_LIST public)
      list(APPEND private "distworker-${component}")
    else()
      list(APPEND required "distworker-${component}")
    endif()
  endforeach()
  list(REMOVE_ITEM modules "")
  if(type STREQUAL "SHARED_LIBRARY" AND NOT packages)
    list(APPEND private ${modules})
  else()
    list(APPEND required ${modules})
  endif()
  list(JOIN required ", " required)
  list(JOIN private ", " private)
  set(libraries "")
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    set(libraries "-L\${libdir} -ldistworker_${name}")
  endif()
  get_target_property(definitions distworker_${name} INTERFACE_COMPILE_DEFINITIONS)
  set(flags "")
  if(definitions)
    list(TRANSFORM definitions PREPEND " -D")
    list(JOIN definitions "" flags)
  endif()
  configure_file("${DISTWORKER_TEMPLATES}/distworker.pc.in" "${PROJECT_BINARY_DIR}/package/distworker-${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/distworker-${name}.pc"
    DESTINATION "${DISTWORKER_PKGCONFIG_DIR}" COMPONENT development)
endfunction()

# distworker_install_program(TARGET)
function(distworker_install_program target)
  if(DISTWORKER_INSTALL)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${distworker_libraries_of_programs}")
    install(TARGETS ${target} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
  endif()
endfunction()

# What belongs to all components; the last thing to call.
function(distworker_install_package)
  if(NOT DISTWORKER_INSTALL)
    return()
  endif()
  get_property(DISTWORKER_COMPONENTS GLOBAL PROPERTY DISTWORKER_INSTALLED)
  configure_package_config_file("${DISTWORKER_TEMPLATES}/distworker-config.cmake.in"
    "${PROJECT_BINARY_DIR}/package/distworker-config.cmake"
    INSTALL_DESTINATION "${DISTWORKER_CMAKE_DIR}" NO_SET_AND_CHECK_MACRO)
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/distworker-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
  install(FILES
    "${PROJECT_BINARY_DIR}/package/distworker-config.cmake"
    "${PROJECT_BINARY_DIR}/package/distworker-config-version.cmake"
    DESTINATION "${DISTWORKER_CMAKE_DIR}" COMPONENT development)
endfunction()

set(DISTWORKER_TEMPLATES "${CMAKE_CURRENT_LIST_DIR}")
