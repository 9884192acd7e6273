#include "handles.hpp"

namespace c_abi = distworker::c_abi;

dw_writer::dw_writer(const distworker::assigned_task& answered) : task{answered} {
    answer.emplace(task);
}

dw_writer::dw_writer(const distworker::assigned_task& streamed, float fraction) : task{streamed} {
    item.emplace(task, fraction);
}

distworker::outcome dw_writer::take_answer() {
    if (incomplete) {
        return std::move(*answer).fail(distworker::error_code::internal_error,
                                       "there was no memory for the result");
    }
    if (failure) {
        return std::move(*answer).fail(failure->first, failure->second);
    }
    return std::move(*answer).complete();
}

bool dw_writer::finish_item() {
    if (incomplete) {
        return false;
    }
    if (finished.empty()) {
        auto made = std::move(*item).finish();
        if (!made) {
            return false;
        }
        finished = *std::move(made);
    }
    return true;
}

namespace {

// What a lack of memory leaves out must not be sent as if it were whole.
void write(dw_writer* writer, auto&& call) {
    if (c_abi::guarded([&]() -> int {
            call();
            return DW_OK;
        }) != DW_OK) {
        writer->incomplete = true;
    }
}

} // namespace

dw_writer* dw_answer_new(const dw_task* task) {
    dw_writer* made = nullptr;
    static_cast<void>(c_abi::guarded([&]() -> int {
        made = new dw_writer{task->task};
        return DW_OK;
    }));
    return made;
}

dw_writer* dw_item_new(const dw_task* task, float fraction) {
    dw_writer* made = nullptr;
    static_cast<void>(c_abi::guarded([&]() -> int {
        made = new dw_writer{task->task, fraction};
        return DW_OK;
    }));
    return made;
}

void dw_write_key(dw_writer* writer, const char* key, std::size_t size) {
    write(writer, [&] { writer->out().key(c_abi::view(key, size)); });
}

void dw_write_null(dw_writer* writer) {
    write(writer, [&] { writer->out().null(); });
}

void dw_write_number(dw_writer* writer, double number) {
    write(writer, [&] { writer->out().number(number); });
}

void dw_write_boolean(dw_writer* writer, int boolean) {
    write(writer, [&] { writer->out().boolean(boolean != 0); });
}

void dw_write_string(dw_writer* writer, const char* text, std::size_t size) {
    write(writer, [&] { writer->out().string(c_abi::view(text, size)); });
}

void dw_write_begin(dw_writer* writer, int kind) {
    write(writer, [&] {
        writer->open.push_back(kind);
        if (kind == DW_OBJECT) {
            writer->out().begin_object();
        } else if (kind == DW_LIST) {
            writer->out().begin_list();
        } else {
            writer->out().key("").key(""); // misuse, whatever is open
        }
    });
}

void dw_write_end(dw_writer* writer) {
    write(writer, [&] {
        const bool list = !writer->open.empty() && writer->open.back() == DW_LIST;
        if (!writer->open.empty()) {
            writer->open.pop_back();
        }
        if (list) {
            writer->out().end_list();
        } else {
            writer->out().end_object(); // misuse, when nothing was begun
        }
    });
}

void dw_write_file(dw_writer* writer, const dw_file* file) {
    const auto view = [](const dw_text& text) { return c_abi::view(text.data, text.size); };
    write(writer, [&] {
        if (writer->answer) {
            writer->answer->file({.file_id = view(file->id),
                                  .filename = view(file->name),
                                  .content_type = view(file->content_type),
                                  .size = file->size,
                                  .storage_url = view(file->storage_url)});
        }
    });
}

void dw_write_failure(dw_writer* writer, const char* code, std::size_t code_size, const char* message,
                      std::size_t size) {
    write(writer, [&] {
        if (writer->answer) {
            writer->failure.emplace(c_abi::view(code, code_size), c_abi::view(message, size));
        }
    });
}

void dw_writer_free(dw_writer* writer) {
    delete writer;
}
