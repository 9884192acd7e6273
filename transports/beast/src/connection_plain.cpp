#include "connection.hpp"
#include "tls_none.hpp"

namespace distworker::beast {

template class connection<tls_none>;

} // namespace distworker::beast
