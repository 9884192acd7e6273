# An overlay port that builds the tree it lies in: vcpkg install distworker --overlay-ports=PATH/packaging/vcpkg
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS options
  FEATURES
    worker DISTWORKER_SDK
    json DISTWORKER_JSON
    protobuf DISTWORKER_PROTOBUF
    controller DISTWORKER_CONTROLLER)

# choose(OPTION FIRST SECOND): which of two features are wanted, as CMakeLists.txt wants to hear it.
function(choose option first second)
  set(chosen none)
  if(first IN_LIST FEATURES AND second IN_LIST FEATURES)
    set(chosen both)
  elseif(first IN_LIST FEATURES)
    set(chosen ${first})
  elseif(second IN_LIST FEATURES)
    set(chosen ${second})
  endif()
  set(options ${options} "-D${option}=${chosen}" PARENT_SCOPE)
endfunction()
choose(DISTWORKER_TRANSPORTS beast curl)
choose(DISTWORKER_CRYPTO openssl botan)

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${options} -DDISTWORKER_LOOPS=none -DDISTWORKER_CAPI=OFF -DDISTWORKER_EXAMPLES=OFF -DDISTWORKER_TOOLS=OFF
          -DDISTWORKER_WERROR=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME distworker CONFIG_PATH lib/cmake/distworker)
vcpkg_fixup_pkgconfig()
if("controller" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES distworker-controller AUTO_CLEAN)
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
