# Writes the commit that is being built into a header, if it is another one than last time.
execute_process(COMMAND git -c "safe.directory=${SOURCE}" -C "${SOURCE}" describe --always --dirty --exclude "*"
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
set(content "#pragma once\ninline constexpr const char* commit = \"${commit}\";\n")
set(before "")
if(EXISTS "${HEADER}")
  file(READ "${HEADER}" before)
endif()
if(NOT content STREQUAL before)
  file(WRITE "${HEADER}" "${content}")
endif()
