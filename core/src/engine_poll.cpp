// What the engine wants done, derived from its state, one thing at a time.
#include <distworker/value_writer.hpp>
#include <distworker/worker_engine.hpp>

namespace distworker {

engine_output worker_engine::poll(instant now) {
    advance(now);
    const output::idle waiting = timers_.earliest();
    if (waiting.deadline <= now_.monotonic && waiting.deadline != never) {
        dirty_ = true;
        fire_timers();
    }
    if (!dirty_) {
        return waiting;
    }
    if (abort_pending_ != 0) {
        return output::abort{std::exchange(abort_pending_, 0)};
    }
    if (std::exchange(end_pending_, false)) {
        return *last_end_;
    }
    if (told_state_ != state_ && !(state_ == engine_state::stopped && !handed_back_.empty())) {
        told_state_ = state_;
        return output::state_changed{state_};
    }
    if (close_pending_ != 0) {
        return output::close{generation_, std::exchange(close_pending_, std::uint16_t{0})};
    }
    if (stop_pending_ && !assign_pending_) { // a task is told before it is asked to stop
        return output::stop_task{stop_target_, *std::exchange(stop_pending_, std::nullopt)};
    }
    if (!handed_back_.empty()) {
        handed_back back = handed_back_.pop_front();
        return output::undeliverable{std::move(back.answer), back.task, back.how_sure};
    }
    if (assign_pending_) {
        assign_pending_ = false;
        return output::assigned{running_->task};
    }
    if (writable_pending_) {
        writable_pending_ = false;
        return output::writable{running_->task.name()};
    }
    if (connect_pending_) {
        connect_pending_ = false;
        return output::connect{&config_.url(), generation_};
    }
    if (link_up() && sending_ == in_flight::none) {
        if (auto out = next_wire_output()) {
            return *std::move(out);
        }
    }
    if (stopped_pending_) {
        stopped_pending_ = false;
        orphans_.clear(); // what they answer from now on could not be told any more
        return output::stopped{*stopping_};
    }
    dirty_ = false;
    return timers_.earliest();
}

std::optional<engine_output> worker_engine::next_wire_output() {
    if (!register_sent_) {
        const bool held_up = !orphans_.empty() && timer(deadline_reason::register_hold) != never;
        return held_up ? std::nullopt : send_register();
    }
    if (!registered_) {
        return std::nullopt;
    }
    if (ping_wanted_) {
        return send_ping();
    }
    if (heartbeat_due_) {
        if (!sample_told_) {
            sample_told_ = true;
            return output::sample_wanted{};
        }
        heartbeat_due_ = false;
        sample_told_ = false;
        byte_buffer frame{pool_};
        write_heartbeat(frame, {now_.wall.time_since_epoch().count(), health_, usage_});
        return send_own(std::move(frame));
    }
    if (progress_waits_ && timer(deadline_reason::progress) == never) {
        queue_progress();
    }
    if (!queue_.empty()) {
        sending_ = in_flight::queued;
        queue_.front().was_sent = true;
        return output::send{generation_, queue_.front().bytes()};
    }
    return std::nullopt;
}

std::optional<engine_output> worker_engine::send_register() {
    register_sent_ = true;
    set_timer(deadline_reason::registration, config_->registration_timeout);
    const auto fail = [this](const signing_error& error) {
        register_sent_ = false;
        close_link(end_cause::local, "REGISTER could not be signed: " + error.message, 1000);
        return output::state_changed{told_state_ = state_};
    };
    const auto date = signing_date(now_.wall);
    if (!date) {
        return fail(date.error());
    }
    byte_buffer data{pool_};
    signed_register_view content;
    content.provisioner = config_->provisioner;
    content.worker_id = config_->worker_id;
    content.date = date->view();
    content.hostname = config_->hostname;
    content.cpu_cores = static_cast<std::int32_t>(config_->cpu_cores);
    content.memory_mb = config_->memory_mb;
    byte_buffer resources{pool_};
    if (!config_->resource_info.is_null()) {
        wire::writer wire{resources};
        value_writer members{wire, "resource_info", max_document_bytes};
        write_members(members, config_->resource_info);
        wire.finish();
    }
    content.additional = object_view{resources.bytes()};
    write_signed_register(data, content);
    const auto signature = sign_(date->view(), data.bytes());
    if (!signature) {
        return fail(signature.error());
    }
    byte_buffer frame{pool_};
    write_register(frame, data.bytes(), std::as_bytes(std::span{*signature}));
    return send_own(std::move(frame));
}

engine_output worker_engine::send_own(byte_buffer frame) {
    own_frame_ = std::move(frame);
    sending_ = in_flight::own_frame;
    return output::send{generation_, own_frame_.bytes()};
}

} // namespace distworker
