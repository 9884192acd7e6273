# OpenSSL, for those who chose it and for the embedded controller. Its targets belong to the folder that includes this.
find_package(OpenSSL 3.0 QUIET)
if(NOT OPENSSL_FOUND)
  message(FATAL_ERROR "OpenSSL 3 was not found: install libssl-dev; workers do without it on "
    "-DDISTWORKER_CRYPTO=botan -DDISTWORKER_CONTROLLER=OFF")
endif()
