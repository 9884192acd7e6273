#include "seeds.hpp"

#include "core/controller_step.hpp"
#include "core/invariants/session_step.hpp"
#include "group.hpp"
#include "input.hpp"
#include "support/vectors.hpp"

#include <distworker/frame.hpp>
#include <distworker/random.hpp>
#include <distworker/sim/simulation.hpp>
#include <distworker/worker_config.hpp>

#include <set>
#include <utility>

namespace distworker::fuzz {
namespace {

using testing::from_hex;
using testing::load_vectors;
using inputs = std::vector<std::string>;

std::string to_string(std::span<const std::byte> bytes) {
    return std::string{as_text(bytes)};
}

// --- Frames ---

constexpr std::size_t longest = 1024; // a corpus is as fast as its inputs are short

inputs simulated_frames() {
    constexpr std::size_t enough = 200;
    std::set<std::size_t> sizes; // one frame of each size is variety enough
    inputs frames;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        sim::run_options options{.seed = seed, .workers = 2, .faulty_time = std::chrono::minutes{2}};
        options.mode = seed % 2 == 0 ? sim::mode::hostile : sim::mode::faithful;
        options.frames = [&](std::span<const std::byte> frame) {
            if (frame.size() <= longest && frames.size() < enough && sizes.insert(frame.size()).second) {
                frames.push_back(to_string(frame));
            }
        };
        static_cast<void>(simulate(options));
    }
    return frames;
}

inputs frames() {
    inputs all = simulated_frames();
    for (const char* file : {"frames.json", "malformed_frames.json"}) {
        for (const auto& vector : load_vectors(file)) {
            all.push_back(to_string(from_hex(vector.at("hex").get<std::string>())));
        }
    }
    std::erase_if(all, [](const std::string& frame) { return frame.size() > longest; });
    inputs insides; // of registrations: what is signed
    for (const std::string& frame : all) {
        const auto read = read_frame(as_byte_span(frame));
        if (const auto* const v = read ? std::get_if<worker_register_view>(&*read) : nullptr) {
            insides.push_back(to_string(v->data));
        }
    }
    all.insert(all.end(), insides.begin(), insides.end());
    return all;
}

inputs payloads() {
    inputs all;
    const auto add = [&](const object_view& object) {
        if (!object.empty()) {
            all.push_back(to_string(object.bytes()));
        }
    };
    for (const std::string& frame : frames()) {
        const auto read = read_frame(as_byte_span(frame));
        if (!read) {
            continue;
        }
        if (const auto* const assign = std::get_if<task_assign_view>(&*read)) {
            add(assign->metadata);
            add(assign->input);
        } else if (const auto* const complete = std::get_if<task_complete_view>(&*read)) {
            add(complete->result);
        } else if (const auto* const failed = std::get_if<task_failed_view>(&*read)) {
            add(failed->error_details);
        } else if (const auto* const progress = std::get_if<task_progress_view>(&*read)) {
            add(progress->data);
        }
    }
    return all;
}

// --- Engines ---

// Any bytes are calls.
inputs random_lives(std::uint64_t seed) {
    seeded_random random{seed};
    inputs all;
    for (int i = 0; i < 20; ++i) {
        std::string& life = all.emplace_back();
        for (std::uint64_t left = 20 + random.next() % 200; left > 0; --left) {
            life += static_cast<char>(random.next());
        }
    }
    return all;
}

template <typename Step>
void write(input_writer& out, const std::vector<Step>& steps) {
    for (const Step& s : steps) {
        out.number(static_cast<std::uint8_t>(s.what));
        out.number(static_cast<std::uint16_t>(s.a)).number(static_cast<std::uint16_t>(s.b));
    }
}

inputs engine_lives() {
    using enum testing::step::kind;
    const std::vector<testing::step> join{{wake, 0, 1, 0}, {open, 0, 1, 0}, {respond, 0, 1, 0}};
    const std::vector<testing::step> one_task{{assign, 0, 1, 1},   {progress, 0, 500, 1}, {stream, 0, 0, 100},
                                              {complete, 0, 1, 1}, {written, 0, 1, 0},    {wait, 0, 1, 200},
                                              {pong, 0, 1, 1}};
    const std::vector<std::vector<testing::step>> rests{
        one_task,
        {{assign, 0, 1, 1},
         {close, 0, 6, 0},
         {complete, 0, 1, 1},
         {wake, 0, 1, 0},
         {open, 0, 1, 0},
         {respond, 0, 1, 0}},
        {{assign, 0, 1, 3}, {wake, 0, 1, 0}, {wake, 0, 1, 0}, {complete, 0, 1, 1}},
        {{assign, 0, 1, 1},
         {assign, 0, 2, 2},
         {assign, 0, 1, 1},
         {stop, 0, 0, 5},
         {complete, 0, 1, 1},
         {wake, 0, 1, 0}},
        {{part, 0, 1, 30}, {wake, 0, 1, 0}, {leap, 0, 9, 0}, {ping, 0, 1, 0}, {wake, 0, 1, 0}},
        {{damaged_assign, 0, 1, 9},
         {noise, 0, 7, 8},
         {text, 0, 0, 0},
         {stale, 0, 0, 0},
         {flush, 0, 0, 0},
         {health, 0, 1, 0}},
    };
    inputs all = random_lives(1);
    for (std::uint8_t session = 0; session < 3; ++session) {
        for (const auto& rest : rests) {
            input_writer out;
            out.number(session).number(std::uint8_t{6});
            write(out, join);
            write(out, rest);
            write(out, one_task);
            all.push_back(out.bytes());
        }
    }
    return all;
}

inputs controller_lives() {
    using enum testing::controller_step::kind;
    const std::vector<testing::controller_step> life{
        {join, 0, 0},         {submit, 1, 1}, {progress, 0, 0}, {stream, 0, 0},     {complete, 0, 0},
        {join_session, 0, 0}, {submit, 1, 2}, {submit, 1, 2},   {fail, 0, 1},       {wait, 0, 2},
        {hold, 1, 1},         {submit, 1, 0}, {cancel, 2, 0},   {disconnect, 1, 0}, {store_all, 0, 0},
        {pass, 900, 0},       {alive, 1, 0},  {pass, 900, 0},
    };
    inputs all = random_lives(2);
    for (std::uint8_t variant = 0; variant < 4; ++variant) {
        input_writer out;
        out.number(static_cast<std::uint8_t>(variant % 2)).number(static_cast<std::uint8_t>(variant / 2));
        out.number(std::uint8_t{50});
        write(out, life);
        all.push_back(out.bytes());
    }
    return all;
}

inputs group_lives() {
    return random_lives(3);
}

inputs traces() {
    inputs all;
    for (const std::string& life : group_lives()) {
        all.push_back(recorded_group(as_byte_span(std::string_view{life}.substr(0, 60))));
    }
    return all;
}

// --- What users write ---

inputs urls() {
    return {"http://localhost:8081",
            "https://canary.example/prefix/",
            "ws://[::1]:8081/any/path?key=canary",
            "wss://[fe80::1%25eth0]/x",
            "http://127.0.0.1:65535/%20?a=b&c=d",
            "ws://[1:2:3:4:5:6:1.2.3.4]",
            "http://user:canary@host/",
            "http://host/#canary",
            "http://xn--canary.test.:080",
            "HTTP://A.B-C_D:1?q"};
}

inputs configurations() {
    constexpr std::uint8_t variants = 5;
    const std::size_t fields = worker_config_fields().size();
    inputs all;
    for (std::size_t field = 0; field < fields; ++field) {
        for (std::uint8_t variant = 1; variant < variants; ++variant) {
            input_writer out;
            out.number(std::uint64_t{1} << field).text("token");
            for (std::size_t before = 0; before < field; ++before) {
                out.number(std::uint8_t{0});
            }
            all.push_back(out.number(variant).bytes());
        }
    }
    return all;
}

inputs patterns() {
    inputs all;
    std::string table;
    for (const auto& vector : load_vectors("queue_patterns.json")) {
        const auto pattern = vector.at("pattern").get<std::string>();
        all.push_back(vector.at("queue").get<std::string>() + "\n" + pattern);
        table += "\n" + pattern;
    }
    all.push_back("math.add" + table);
    return all;
}

inputs waits() {
    inputs all;
    for (const std::uint32_t count : {0U, 1U, 5U, UINT32_MAX}) {
        for (const std::int64_t base : {std::int64_t{0}, std::int64_t{5'000'000'000}, INT64_MAX, INT64_MIN}) {
            input_writer out;
            out.number(static_cast<std::uint8_t>(count % 2))
                .number(base)
                .number(std::int64_t{30'000'000'000});
            out.number(count).number(count / 2).number(std::int64_t{count}).number(~std::uint64_t{0} / 3);
            all.push_back(out.bytes());
        }
    }
    return all;
}

inputs signatures() {
    inputs all;
    for (const auto& vector : load_vectors("http_signatures.json")) {
        input_writer out;
        out.text(vector.at("worker_id").get<std::string>());
        for (const char* part : {"method", "path", "query"}) {
            out.text(vector.at(part).get<std::string>());
        }
        out.number(static_cast<std::uint8_t>(vector.at("headers").size()));
        for (const auto& [name, content] : vector.at("headers").items()) {
            out.text(name).text(content.get<std::string>());
        }
        all.push_back(out.bytes());
        all.push_back(vector.at("authorization").get<std::string>());
    }
    return all;
}

} // namespace

const std::map<std::string_view, seed_source>& seeds() {
    static const std::map<std::string_view, seed_source> sources{
        {"backoff", waits},         {"codec", frames},
        {"config", configurations}, {"controller", controller_lives},
        {"engine", engine_lives},   {"frame", frames},
        {"group", group_lives},     {"pattern", patterns},
        {"payload", payloads},      {"signing", signatures},
        {"trace", traces},          {"url", urls},
    };
    return sources;
}

} // namespace distworker::fuzz
