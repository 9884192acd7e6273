// The one place where Asio's and Beast's own code is compiled (BOOST_ASIO_SEPARATE_COMPILATION), but for
// Beast's masks, which websocket_mask.cpp draws: this is their header's guard.
#define BOOST_BEAST_WEBSOCKET_DETAIL_PRNG_IPP
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
