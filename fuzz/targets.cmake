# Every fuzz target, sorted; one line each. What a target needs beside its own file and the core is below it.
set(DISTWORKER_FUZZ_TARGETS
  backoff
  codec
  config
  controller
  engine
  frame
  group
  pattern
  payload
  signing
  trace
  url)
if(NOT TARGET distworker::protobuf)
  list(REMOVE_ITEM DISTWORKER_FUZZ_TARGETS codec)
endif()

set(DISTWORKER_FUZZ_SOURCES_codec "${CMAKE_SOURCE_DIR}/tests/adapters/codec_judge.cpp")
set(DISTWORKER_FUZZ_LINK_codec distworker::protobuf)
set(DISTWORKER_FUZZ_LINK_controller distworker::openssl GTest::gtest)
set(DISTWORKER_FUZZ_LINK_signing distworker::openssl)
file(GLOB DISTWORKER_FUZZ_SOURCES_engine "${CMAKE_SOURCE_DIR}/tests/core/invariants/*_watch.cpp")
list(APPEND DISTWORKER_FUZZ_SOURCES_engine
  "${CMAKE_SOURCE_DIR}/tests/core/invariants/engine_anatomy.cpp"
  "${CMAKE_SOURCE_DIR}/tests/core/invariants/incoming_message.cpp"
  "${CMAKE_SOURCE_DIR}/tests/core/invariants/session_model.cpp"
  "${CMAKE_SOURCE_DIR}/tests/core/invariants/session_peer.cpp"
  "${CMAKE_SOURCE_DIR}/tests/core/invariants/wild_bytes.cpp")
