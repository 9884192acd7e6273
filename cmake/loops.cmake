# What DISTWORKER_LOOPS asks for beside epoll's loop and Asio's, as DISTWORKER_WITH_LIBUV, _GLIB and _QT.

include_guard(GLOBAL)

set(loops_wanted "${DISTWORKER_LOOPS}")
if(loops_wanted STREQUAL "all")
  set(loops_wanted libuv glib qt)
elseif(loops_wanted STREQUAL "none")
  set(loops_wanted "")
endif()
foreach(loop IN LISTS loops_wanted)
  if(NOT loop MATCHES "^(libuv|glib|qt)$" AND NOT loops_wanted STREQUAL "found")
    message(FATAL_ERROR "DISTWORKER_LOOPS has '${loop}': name libuv, glib or qt (a list), all, none, or found")
  endif()
endforeach()

# distworker_loop(NAME PACKAGE TARGET): DISTWORKER_WITH_NAME, when it is wanted, and there or asked for by name.
macro(distworker_loop name package target)
  string(TOUPPER ${name} upper)
  set(DISTWORKER_WITH_${upper} OFF)
  if(loops_wanted STREQUAL "found" OR "${name}" IN_LIST loops_wanted)
    include(find_${name})
    if(TARGET ${target})
      set(DISTWORKER_WITH_${upper} ON)
    elseif(NOT loops_wanted STREQUAL "found")
      message(FATAL_ERROR "DISTWORKER_LOOPS asks for ${name}, which was not found: install ${package}, "
        "or leave it out of the list")
    endif()
  endif()
endmacro()

distworker_loop(libuv libuv1-dev PkgConfig::LIBUV)
distworker_loop(glib libglib2.0-dev PkgConfig::GLIB)
distworker_loop(qt qt6-base-dev Qt6::Core)
