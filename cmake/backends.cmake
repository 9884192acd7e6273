# What DISTWORKER_TRANSPORTS and DISTWORKER_CRYPTO ask for, as DISTWORKER_WITH_… and, where both are built, what the SDK
# uses: Beast and OpenSSL.

include_guard(GLOBAL)

# distworker_choose(OPTION FIRST SECOND)
function(distworker_choose option first second)
  set(value "${${option}}")
  set_property(CACHE ${option} PROPERTY STRINGS ${first} ${second} both)
  if(NOT value MATCHES "^(${first}|${second}|both)$")
    message(FATAL_ERROR "${option} is '${value}': set it to ${first}, ${second} or both")
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
