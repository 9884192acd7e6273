// One WebSocket connection on libcurl: its upgrade by the multi handle, its frames by curl_ws_recv and
// curl_ws_send.
#pragma once

#include "multi.hpp"
#include "text_check.hpp"
#include "tls_files.hpp"

#include <distworker/proxy.hpp>
#include <distworker/transport.hpp>
#include <distworker/upgrade_check.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace distworker::curl {

/// A fragment lets pongs and closes pass behind it (protocol, section 1: the controller waits 15 s).
inline constexpr std::size_t fragment_bytes = std::size_t{16} * 1024;

/// What all connections of a connector share.
struct shared_state {
    explicit shared_state(loop& loop) : transfers{loop} {}

    multi_set transfers;
    tls_files tls;
    proxy_options proxy;
    std::optional<proxy_address> proxy_at; // nothing: none
    /// Where received pieces are put, one at a time.
    std::vector<char> buffer = std::vector<char>(std::size_t{64} * 1024);
};

class connection final : public transfer, public std::enable_shared_from_this<connection> {
public:
    connection(std::shared_ptr<shared_state> shared, controller_url url, transport_events& events,
               const std::string& key, std::string proof);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() override;

    void start();
    void send(std::span<const std::byte> message);
    void ping(std::span<const std::byte> payload);
    void close(std::uint16_t code);
    void abort() noexcept;
    /// Ends it for a reason that came up before anything was started; told by way of the loop.
    void fail_soon(link_end how);

    void done(CURLcode result) override;

private:
    // A frame on its way out. libcurl keeps a part of it, so it must be offered until it is through.
    struct outgoing {
        unsigned flags = 0;
        std::span<const std::byte> rest;
        std::string own{}; // what `rest` shows, for control frames
        bool is_message = false;
        bool is_close = false;
    };
    struct header_list_deleter {
        void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    };

    // In connection_setup.cpp.
    void set_options(const std::string& key);
    void set_tls_options();
    void set_proxy();
    [[nodiscard]] link_end failure(CURLcode result) const;

    void ready(io_interest what);
    void read();
    bool take(const curl_ws_frame& frame, std::span<const std::byte> bytes);
    void take_control(unsigned kind);
    void take_close();
    void read_failed(CURLcode result);
    void violate(std::uint16_t code, std::string detail);
    void write();
    bool next_frame();
    bool offer();
    void set_control(unsigned flags, std::string payload);
    void want_writable(bool wanted);
    void tell_sent();
    void tell_what_is_due();
    void post_turn();
    void release() noexcept;
    void end(link_end how);

    std::shared_ptr<shared_state> shared_;
    std::shared_ptr<multi> transfers_;
    controller_url url_;
    transport_events* events_; // null once the end is told, or nobody wants to know
    upgrade_check answer_;
    std::unique_ptr<curl_slist, header_list_deleter> headers_;
    easy_handle easy_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    bool added_ = false;
    std::optional<loop::watch_id> watch_;
    bool want_writable_ = false;
    bool in_turn_ = false;     // a callback of ours is running: what is due is told at its end
    bool turn_posted_ = false; // one will come by way of the loop

    std::optional<outgoing> current_;
    std::optional<std::span<const std::byte>> message_; // what of it is not in a frame yet
    std::optional<std::string> pong_;                   // the newest only
    std::optional<std::string> ping_;
    std::optional<std::string> close_;
    bool closing_ = false; // by us
    bool close_sent_ = false;
    bool broken_ = false; // nothing can be written any more
    bool sent_due_ = false;
    std::optional<link_end> last_; // the end, once our Close is out

    std::string control_; // the control frame that is coming in
    text_check text_;
};

} // namespace distworker::curl
