#include "http_answer.hpp"

#include <distworker/upgrade_answer.hpp>

namespace distworker::beast {

namespace http = boost::beast::http;

link_end describe_answer(const boost::beast::websocket::response_type& answer) {
    const auto text_of = [&answer](http::field field) {
        const auto found = answer.find(field);
        return found == answer.end() ? std::string_view{}
                                     : std::string_view{found->value().data(), found->value().size()};
    };
    const auto reason = answer.reason();
    return distworker::describe_answer({.status = static_cast<int>(answer.result_int()),
                                        .reason = {reason.data(), reason.size()},
                                        .location = text_of(http::field::location),
                                        .retry_after = text_of(http::field::retry_after),
                                        .date = text_of(http::field::date)});
}

} // namespace distworker::beast
