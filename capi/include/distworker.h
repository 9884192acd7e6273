/* DistWorker for C and for whatever can call C: a worker in an event loop of yours.
 *
 * Two libraries have these functions; link one of them:
 *
 *   libdistworker_c_worker   the ready worker: watch one descriptor, keep one deadline, call `dw_worker_step`.
 *                          It connects, encrypts and signs by itself.
 *   libdistworker_c_engine   the engine alone, for bindings that bring a WebSocket and a crypto library of their own.
 *                          It needs the C and C++ standard libraries and nothing else.
 *
 * Rules for all of it (docs/abi.md has the reasons):
 *
 *   - Text is UTF-8, given as a pointer and a size; the size DW_NUL means "up to the terminating NUL".
 *   - What a function gives out as `dw_text` or `dw_value` is the library's, and may hold NUL; how long it lives
 *     is said where it comes from.
 *   - A function that returns `int` returns a `dw_status` unless it says otherwise. Nothing happened unless it
 *     is DW_OK. No function ends the process, and none throws.
 *   - A handle belongs to one thread at a time. Different handles are independent.
 *   - Nothing calls back but `sign`, and that must not call the library.
 *   - Handles are freed by their own `…_free`, which takes NULL too. Any other handle must not be NULL.
 */
#ifndef DISTWORKER_H
#define DISTWORKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface: of the same major number, an older one is part of a newer one. */
#define DW_ABI_MAJOR 0
#define DW_ABI_MINOR 1

#define DW_NUL SIZE_MAX
#define DW_NEVER INT64_MAX

typedef struct dw_config dw_config; /* settings of a worker */
typedef struct dw_engine dw_engine; /* the protocol, without I/O */
typedef struct dw_worker dw_worker; /* a whole worker */
typedef struct dw_task dw_task;     /* a task to run */
typedef struct dw_writer dw_writer; /* an answer, or an item of a stream, that is being written */

enum dw_status {
    DW_OK = 0,
    DW_STALE_DELIVERY = 1,  /* that task has its answer already; this one was discarded */
    DW_WOULD_BLOCK = 2,     /* the stream is full: DW_WRITABLE tells when it is not */
    DW_INVALID_VALUE = 3,   /* not a number, not UTF-8, out of range */
    DW_NOT_IN_STATE = 4,    /* the call makes no sense now */
    DW_UNKNOWN_SLOT = 5,    /* there is no such slot */
    DW_UNKNOWN_SETTING = 6, /* there is no setting of that name, or it cannot be set by text */
    DW_BAD_CONFIG = 7,      /* `dw_config_faults` tells what is wrong */
    DW_NO_MEMORY = 8,
    DW_FAILED = 9           /* the system or a library below refused */
};

typedef struct dw_text {
    const char *data;
    size_t size;
} dw_text;

/* ---- Versions ---------------------------------------------------------------------------------------------- */

/* DW_ABI_MAJOR << 16 | DW_ABI_MINOR, as the library has them. */
uint32_t dw_abi_version(void);
/* "0.1.0", and what it is built of. Lives as long as the program. */
const char *dw_version(void);
/* A status in words, for a log. Lives as long as the program. */
const char *dw_status_text(int status);

/* ---- Settings (docs/configuration.md lists them) ------------------------------------------------------------ */

/* NULL when there is no memory. */
dw_config *dw_config_new(void);
/* Sets one by its name, from text as a person writes it: ("heartbeat_interval", "30 s"). In libdistworker_c_worker
 * `token` too, which is wiped when the last who uses it goes. */
int dw_config_set(dw_config *config, const char *name, const char *value, size_t size);
/* All that is wrong, a line each; NULL when nothing is. Lives until the next call with this configuration. */
const char *dw_config_faults(dw_config *config);
void dw_config_free(dw_config *config);

/* ---- Payloads: reading -------------------------------------------------------------------------------------- */

enum dw_kind { DW_NULL = 0, DW_NUMBER = 1, DW_STRING = 2, DW_BOOLEAN = 3, DW_OBJECT = 4, DW_LIST = 5 };

/* One value of a task's input, read where it lies: it lives as long as the task. */
typedef struct dw_value {
    int32_t kind;
    int32_t boolean; /* of DW_BOOLEAN: 0 or 1 */
    double number;   /* of DW_NUMBER; may be NaN or infinite, as it came */
    dw_text text;    /* of DW_STRING; of an object or a list something of the library's own */
} dw_value;

/* The member of that key; DW_NULL when there is none, or `object` is no object. */
dw_value dw_value_find(dw_value object, const char *key, size_t size);
/* Walks an object or a list. `*position` is 0 at first. 1 with the next member or item in `*item`, and a
 * member's key in `*key`, which may be NULL; 0 at the end. */
int dw_value_next(dw_value container, size_t *position, dw_text *key, dw_value *item);

/* ---- Tasks -------------------------------------------------------------------------------------------------- */

/* Names one acceptance of one task: answers go by it, never by the task's id, which may come again. */
typedef struct dw_delivery {
    uint32_t slot;
    uint32_t generation;
    uint64_t serial;
} dw_delivery;

typedef struct dw_task_info {
    dw_delivery delivery;
    dw_text id;
    dw_text queue;
    dw_value input;
    dw_value metadata;
    int64_t deadline_ns; /* when its timeout passes, monotonic; DW_NEVER: it has none */
} dw_task_info;

/* What is in `*info` lives as long as the task. */
void dw_task_read(const dw_task *task, dw_task_info *info);
/* A file by reference, of a task or of its result. Names and URLs are the sender's text: never a path to trust. */
typedef struct dw_file {
    dw_text id;
    dw_text name;
    dw_text content_type;
    dw_text storage_url;
    int64_t size; /* bytes, as claimed */
} dw_file;
/* Walks the task's files. `*position` is 0 at first. 1 with the next one in `*file`, which lives as long as the
 * task; 0 at the end. */
int dw_task_next_file(const dw_task *task, size_t *position, dw_file *file);
/* A task is its receiver's; answers that were begun do not need it. */
void dw_task_free(dw_task *task);

/* ---- Payloads: writing -------------------------------------------------------------------------------------- */

/* Begins the answer to a task: its result is an object, whose members follow. NULL when there is no memory. */
dw_writer *dw_answer_new(const dw_task *task);
/* Begins an item of the task's data stream; `fraction` (0 to 1) is the progress that goes with it. */
dw_writer *dw_item_new(const dw_task *task, float fraction);

/* These mirror JSON: in an object `dw_write_key` comes before each value. They report nothing: what the
 * controller could not keep turns the answer into a failure with a RESULT_… code and the path of the culprit. */
void dw_write_key(dw_writer *writer, const char *key, size_t size);
void dw_write_null(dw_writer *writer);
void dw_write_number(dw_writer *writer, double number);
void dw_write_boolean(dw_writer *writer, int boolean);
void dw_write_string(dw_writer *writer, const char *text, size_t size);
/* DW_OBJECT or DW_LIST; anything else counts as misuse, and fails the answer. */
void dw_write_begin(dw_writer *writer, int kind);
/* Ends what was begun last. */
void dw_write_end(dw_writer *writer);
/* Adds a file to an answer, behind the members of the result; of no use on an item. */
void dw_write_file(dw_writer *writer, const dw_file *file);
/* Makes of an answer, whatever was written, a failure with this code and message; of no use on an item. */
void dw_write_failure(dw_writer *writer, const char *code, size_t code_size, const char *message, size_t size);
/* For one that was not handed over. */
void dw_writer_free(dw_writer *writer);

/* ---- What engine and worker tell ---------------------------------------------------------------------------- */

enum dw_event_kind {
    DW_IDLE = 0,           /* nothing more until an input, or until `deadline_ns` */
    DW_CONNECT = 1,        /* engine: open a WebSocket to `text`, the URL; report it by `generation` */
    DW_SEND = 2,           /* engine: one binary message, `text`, which stays put until DW_SENT is reported */
    DW_PING = 3,           /* engine: a ping with the payload `text`, behind what was sent before */
    DW_CLOSE = 4,          /* engine: a Close frame with the code `code` */
    DW_ABORT = 5,          /* engine: drop the connection now; nothing is to be reported */
    DW_ASSIGNED = 6,       /* run `task`, which is yours now, and answer it */
    DW_STOP_TASK = 7,      /* ask the handler of `delivery` to stop; `code`: a dw_stop_reason */
    DW_WRITABLE = 8,       /* the stream of `delivery` takes items again */
    DW_UNDELIVERABLE = 9,  /* the controller did not get the outcome of `delivery`; `code`: 0 not sent, 1 maybe
                              processed; `text`: the encoded frame */
    DW_SAMPLE_WANTED = 10, /* engine: a heartbeat is next; call `dw_engine_set_usage` for fresh figures */
    DW_STATE_CHANGED = 11, /* `text` names the state of slot `slot`: "ready", "backoff" … */
    DW_DISCONNECTED = 12,  /* a connection ended; `text` says why, `deadline_ns` when the next attempt is */
    DW_STOPPED = 13        /* it is all over, the last; `text` says why, `code`: a dw_end_reason */
};

enum dw_stop_reason { DW_STOP_TIMEOUT = 0, DW_STOP_CONNECTION_LOST = 1, DW_STOP_SHUTDOWN = 2 };

enum dw_end_reason {
    DW_END_STOP_REQUESTED = 0,
    DW_END_SIGNAL = 1,
    DW_END_IDLE = 2,
    DW_END_ATTEMPTS_EXHAUSTED = 3,
    DW_END_SESSION_GONE = 4,
    DW_END_STUCK_HANDLERS = 5
};

/* One event. What it points to, but for `task`, lives until the next call that gives an event. */
typedef struct dw_event {
    uint32_t size; /* set it to sizeof(dw_event) before each call: the library writes no more than that */
    int32_t kind;
    uint32_t slot;
    uint32_t generation;
    int64_t deadline_ns; /* monotonic */
    dw_text text;
    int32_t code;
    uint32_t reserved;
    dw_delivery delivery;
    dw_task *task;
} dw_event;

/* ---- The engine --------------------------------------------------------------------------------------------- */

/* Both clocks, read together for each call: CLOCK_MONOTONIC in nanoseconds, Unix time in milliseconds. */
typedef struct dw_instant {
    int64_t monotonic_ns;
    int64_t wall_ms;
} dw_instant;

/* Signs a registration: `date` and `data` are what is signed (protocol, section 3), `signature` takes 32 bytes.
 * 0, or anything else when it cannot, which fails that connection. It must not call the library: what it
 * calls on its engine is refused as DW_NOT_IN_STATE. */
typedef int (*dw_sign)(void *context, const char *date, size_t date_size, const unsigned char *data, size_t size,
                       unsigned char *signature);

/* An engine of as many slots as the configuration has, each with a connection of its own. The configuration is
 * copied. `seed`: 64 random bits, for each engine others. */
int dw_engine_new(dw_config *config, dw_sign sign, void *context, uint64_t seed, dw_engine **engine);
void dw_engine_free(dw_engine *engine);
/* Begins to connect. */
int dw_engine_start(dw_engine *engine, dw_instant now);
/* Ends in order, within that many milliseconds. */
int dw_engine_stop(dw_engine *engine, uint32_t drain_ms, dw_instant now);
/* Finishes what runs, closes, and stays away until `dw_engine_resume`. DW_NOT_IN_STATE: not started, ending, or the
 * session would not survive. */
int dw_engine_pause(dw_engine *engine, dw_instant now);
int dw_engine_resume(dw_engine *engine, dw_instant now);
/* From now on this many tasks at once, 1 to 10,000; whoever is too many finishes its task first. */
int dw_engine_set_slots(dw_engine *engine, uint32_t count, dw_instant now);
/* The next thing to do, into `*event`; DW_IDLE when there is none. */
int dw_engine_poll(dw_engine *engine, dw_instant now, dw_event *event);

/* The connection's events, each with its slot and generation; those of one that is over are ignored. All have
 * to be told: a link that stays silent is given up, and an outcome is proven by a pong. */
enum dw_link_event {
    DW_OPENED = 0, /* the upgrade is done */
    DW_SENT = 1,   /* the last DW_SEND is written out */
    DW_PINGED = 2, /* the peer pinged, and has its pong */
    DW_ALIVE = 3   /* bytes came that are none of the others */
};
int dw_engine_link(dw_engine *engine, uint32_t slot, uint32_t generation, int event, dw_instant now);
/* A piece of a message, `text` being 1 for a text message; `last` is 1 for its last piece. */
int dw_engine_received(dw_engine *engine, uint32_t slot, uint32_t generation, int text, const void *data,
                       size_t size, int last, dw_instant now);
int dw_engine_pong(dw_engine *engine, uint32_t slot, uint32_t generation, const void *data, size_t size,
                   dw_instant now);

enum dw_link_end {
    DW_END_NAME_RESOLUTION = 0,
    DW_END_CONNECT = 1,
    DW_END_TLS = 2,
    DW_END_UPGRADE = 3,    /* `code`: the HTTP status */
    DW_END_PROTOCOL = 4,   /* the peer broke WebSocket framing */
    DW_END_PEER_CLOSE = 5, /* `code`: the close code, 1005 when the peer gave none */
    DW_END_LOST = 6,
    DW_END_CLOSED = 7 /* we asked for it, and it is done */
};
/* The connection is over, whoever ended it. `detail` is for the log. Not after DW_ABORT. */
int dw_engine_closed(dw_engine *engine, uint32_t slot, uint32_t generation, int end, int code, const char *detail,
                     size_t size, dw_instant now);

/* Hands an answer over, which is gone then, whatever is returned. */
int dw_engine_complete(dw_engine *engine, dw_writer *answer, dw_instant now);
/* The latest update wins. `message` is for people. */
int dw_engine_progress(dw_engine *engine, dw_delivery task, double fraction, const char *message, size_t size,
                       dw_instant now);
/* Hands an item over, which is gone then; only DW_WOULD_BLOCK leaves it to its owner, to be given again. */
int dw_engine_stream(dw_engine *engine, dw_writer *item, dw_instant now);
/* What the next heartbeats say. */
void dw_engine_set_usage(dw_engine *engine, float cpu_percent, int64_t memory_used_mb, dw_instant now);

/* ---- The ready worker (libdistworker_c_worker) ---------------------------------------------------------------- */

/* Makes it and begins to connect. The configuration is copied. */
int dw_worker_new(dw_config *config, dw_worker **worker);
/* Drops its connections. */
void dw_worker_free(dw_worker *worker);
/* Readable (level-triggered) when `dw_worker_step` has something to do. It stays the worker's, and the same. */
int dw_worker_descriptor(const dw_worker *worker);
/* How long to wait at most, as poll(2) takes it: in milliseconds, rounded up; -1: for ever. Ask after each step. */
int dw_worker_timeout_ms(const dw_worker *worker);
/* Does what is due, without waiting, and gives the next event; DW_IDLE when there is none. Call it until then. */
int dw_worker_step(dw_worker *worker, dw_event *event);
/* As of the engine; DW_UNDELIVERABLE tells of an answer that was accepted and did not arrive. */
int dw_worker_complete(dw_worker *worker, dw_writer *answer);
int dw_worker_progress(dw_worker *worker, dw_delivery task, double fraction, const char *message, size_t size);
int dw_worker_stream(dw_worker *worker, dw_writer *item);
/* Ends in order, within that many milliseconds; DW_STOPPED tells the end. */
int dw_worker_stop(dw_worker *worker, uint32_t drain_ms);
/* As of the engine. */
int dw_worker_pause(dw_worker *worker);
int dw_worker_resume(dw_worker *worker);
int dw_worker_set_slots(dw_worker *worker, uint32_t count);
/* Makes the descriptor readable once. From any thread: the one function that is. */
void dw_worker_wake(dw_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
