# Boost's headers, new enough for Asio and Beast as they are used here.
find_package(Boost 1.81 QUIET)
if(NOT TARGET Boost::headers)
  message(FATAL_ERROR "Boost 1.81 or newer was not found: install libboost1.81-dev (Debian 12) or libboost1.83-dev; "
    "workers do without it on -DDISTWORKER_TRANSPORTS=curl -DDISTWORKER_CONTROLLER=OFF")
endif()
