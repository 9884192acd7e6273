#include <distworker/group_input.hpp>

namespace distworker {
namespace {

using done = std::expected<void, misuse>;

// An event of one slot's connection.
template <typename Event>
done to_slot(worker_group& group, std::uint32_t slot, Event event) {
    if (!group.has_slot(slot)) {
        return std::unexpected{misuse::unknown_slot};
    }
    group.with(slot, event);
    return {};
}

struct giver {
    worker_group& group;
    instant now;

    done operator()(const input::start&) const { return group.start(now); }
    done operator()(const input::stop& in) const { return group.stop(in.why, in.limits, now); }
    done operator()(const input::pause&) const { return group.pause(now); }
    done operator()(const input::resume&) const { return group.resume(now); }
    done operator()(const input::set_slots& in) const { return group.set_slots(in.count, now); }
    done operator()(const input::flush&) const {
        group.flush(now);
        return {};
    }
    done operator()(const input::set_health& in) const {
        group.set_health(in.health);
        return {};
    }
    done operator()(const input::tick&) const {
        group.tick(now);
        return {};
    }
    done operator()(const input::set_usage& in) const {
        return to_slot(group, in.slot, [&](worker_engine& engine) { engine.set_usage(in.usage); });
    }
    done operator()(const input::opened& in) const {
        return to_slot(group, in.slot, [&](worker_engine& engine) { engine.opened(in.generation, now); });
    }
    done operator()(const input::received& in) const {
        return to_slot(group, in.slot, [&](worker_engine& engine) {
            engine.received(in.generation, in.kind, in.part, in.end_of_message, in.announced_size, now);
        });
    }
    done operator()(const input::pinged& in) const {
        return to_slot(group, in.slot, [&](worker_engine& engine) { engine.pinged(in.generation, now); });
    }
    done operator()(const input::pong& in) const {
        return to_slot(group, in.slot,
                       [&](worker_engine& engine) { engine.pong(in.generation, in.payload, now); });
    }
    done operator()(const input::alive& in) const {
        return to_slot(group, in.slot, [&](worker_engine& engine) { engine.alive(in.generation, now); });
    }
    done operator()(const input::sent& in) const {
        return to_slot(group, in.slot, [&](worker_engine& engine) { engine.sent(in.generation, now); });
    }
    done operator()(const input::closed& in) const {
        return to_slot(group, in.slot,
                       [&](worker_engine& engine) { engine.closed(in.generation, in.end, now); });
    }
    done operator()(const input::complete& in) const {
        return group.complete(in.task, std::move(*in.answer), now);
    }
    done operator()(const input::progress& in) const {
        return group.progress(in.task, in.fraction, in.message, now);
    }
    done operator()(const input::stream& in) const { return group.stream(in.task, std::move(*in.item), now); }
};

} // namespace

std::expected<void, misuse> give(worker_group& group, const group_input& what, instant now) {
    return std::visit(giver{group, now}, what);
}

} // namespace distworker
