# What every target of the project shares: language level, warnings, sanitizers, ccache, output folders.

include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# What is for the whole build is for whoever's build it is to say.
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # ccache refuses precompiled headers unless it may ignore their time stamps.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        ${CCACHE_PROGRAM})
  endif()
endif()

# Translation units that instantiate Beast take up to 2.8 GB each: no more than two at a time.
set_property(GLOBAL APPEND PROPERTY JOB_POOLS distworker_heavy=2)

add_library(distworker_options INTERFACE)
target_compile_options(distworker_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-qual -Wformat=2 $<$<BOOL:${DISTWORKER_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The last two: clang reports what a macro of OpenSSL casts, and what libstdc++ itself uses in std::stable_sort.
  target_compile_options(distworker_options INTERFACE
    -Wno-missing-designated-field-initializers -Wno-cast-qual -Wno-deprecated-declarations)
else()
  # g++ 12 reports false positives of these on std::variant and std::expected under optimisation.
  target_compile_options(distworker_options INTERFACE
    -Wno-missing-field-initializers -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer
    # Where sources are compiled together, it takes each of them for a header.
    $<$<BOOL:${CMAKE_UNITY_BUILD}>:-Wno-subobject-linkage>)
endif()

# Apart from the warnings, for targets that compile other people's code.
add_library(distworker_sanitizers INTERFACE)
if(DISTWORKER_SANITIZE)
  target_compile_options(distworker_sanitizers INTERFACE
    -fsanitize=${DISTWORKER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(distworker_sanitizers INTERFACE -fsanitize=${DISTWORKER_SANITIZE})
  if(DISTWORKER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's fences are not seen by this sanitizer, which g++ warns of in every file that has Asio.
    target_compile_options(distworker_sanitizers INTERFACE -Wno-tsan)
  endif()
endif()
if(DISTWORKER_COVERAGE)
  target_compile_options(distworker_sanitizers INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(distworker_sanitizers INTERFACE -fprofile-instr-generate)
endif()
target_link_libraries(distworker_options INTERFACE distworker_sanitizers)

# distworker_library(NAME SOURCES ... [LINK ...] [PRIVATE_LINK ...] [PRECOMPILE HEADER... | PRECOMPILED_BY OTHER])
# A component: target distworker_NAME, alias distworker::NAME, public headers in include/; `distworker_install` installs
# it. PRECOMPILE is for headers that
# take longer than the sources; another component that includes and defines the same may share what that has compiled.
function(distworker_library name)
  cmake_parse_arguments(arg "" "PRECOMPILED_BY" "SOURCES;LINK;PRIVATE_LINK;PRECOMPILE" ${ARGN})
  add_library(distworker_${name} ${arg_SOURCES})
  add_library(distworker::${name} ALIAS distworker_${name})
  target_include_directories(distworker_${name} PUBLIC "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>")
  target_compile_features(distworker_${name} PUBLIC cxx_std_23)
  target_link_libraries(distworker_${name} PUBLIC ${arg_LINK}
    PRIVATE $<BUILD_INTERFACE:distworker_options> ${arg_PRIVATE_LINK})
  if(arg_PRECOMPILE)
    target_precompile_headers(distworker_${name} PRIVATE ${arg_PRECOMPILE})
  elseif(arg_PRECOMPILED_BY)
    target_precompile_headers(distworker_${name} REUSE_FROM distworker_${arg_PRECOMPILED_BY})
  endif()
endfunction()

# distworker_program(NAME SOURCES ... [LINK ...]): an executable in build/<preset>/bin.
function(distworker_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE distworker_options ${arg_LINK})
endfunction()

# distworker_busy(TARGET...): with sanitizers nothing is optimised, since most code takes longer to compile than to run.
# These take longer to run where all of core's tests do.
function(distworker_busy)
  if(DISTWORKER_SANITIZE MATCHES "address")
    foreach(target ${ARGN})
      target_compile_options(${target} PRIVATE -O1)
    endforeach()
  endif()
endfunction()

# distworker_seldom(TARGET...): the other way round. What starts a program, reads its arguments and draws its reports, and
# the controller, which serves development and tests, take longer to compile than they will ever run.
function(distworker_seldom)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  endforeach()
endfunction()

# distworker_heavy(TARGET...): compile no more than two of these at a time, for their memory.
function(distworker_heavy)
  set_target_properties(${ARGN} PROPERTIES JOB_POOL_COMPILE distworker_heavy)
endfunction()

# distworker_protobuf_sources(FILE...): these include protobuf. Under ThreadSanitizer its headers lay maps out otherwise
# than Debian's library does, so they are compiled without it.
function(distworker_protobuf_sources)
  if(DISTWORKER_SANITIZE MATCHES "thread")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -fno-sanitize=thread)
  endif()
endfunction()
