# What DISTWORKER_TRANSPORTS and DISTWORKER_CRYPTO ask for, as DISTWORKER_WITH_… and, where both are built, what the SDK
# uses: Beast and OpenSSL.

include_guard(GLOBAL)

# distworker_choose(OPTION FIRST SECOND)
function(distworker_choose option first second)
  set(value "${${option}}")
  set_property(CACHE ${option} PROPERTY STRINGS ${first} ${second} both none)
  if(NOT value MATCHES "^(${first}|${second}|both|none)$")
    message(FATAL_ERROR "${option} is '${value}': set it to ${first}, ${second}, both or none")
  endif()
  if(DISTWORKER_SDK AND value STREQUAL "none")
    message(FATAL_ERROR "${option} is 'none', with which there is no worker: set it, or build with -DDISTWORKER_SDK=OFF")
  endif()
  foreach(backend ${first} ${second})
    string(TOUPPER ${backend} name)
    set(DISTWORKER_WITH_${name} OFF PARENT_SCOPE)
    if(value STREQUAL backend OR value STREQUAL "both")
      set(DISTWORKER_WITH_${name} ON PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

distworker_choose(DISTWORKER_TRANSPORTS beast curl)
distworker_choose(DISTWORKER_CRYPTO openssl botan)

# The embedded controller is a program for development, and always uses OpenSSL; workers link what was chosen.
set(DISTWORKER_NEEDS_OPENSSL OFF)
if(DISTWORKER_WITH_OPENSSL OR DISTWORKER_CONTROLLER)
  set(DISTWORKER_NEEDS_OPENSSL ON)
endif()
set(DISTWORKER_NEEDS_JSON OFF)
if(DISTWORKER_JSON OR DISTWORKER_CONTROLLER OR DISTWORKER_TESTS)
  set(DISTWORKER_NEEDS_JSON ON)
endif()
