/* A worker in C99: a loop on poll(2) that adds `a` and `b`, and does something of its own every 100 ms.
 *
 * usage: c_worker CONTROLLER_URL PROVISIONER TOKEN_FILE */
#define _POSIX_C_SOURCE 200809L

#include <distworker.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { beat_ms = 100 };
static int wakes[2]; /* a pipe, by which the signals come into the loop */

static void on_signal(int number) {
    const char byte = (char)number;
    if (write(wakes[1], &byte, 1) < 0) {
        _exit(1);
    }
}

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static double number_of(dw_value input, const char *key) {
    const dw_value found = dw_value_find(input, key, DW_NUL);
    return found.kind == DW_NUMBER ? found.number : 0;
}

static void run(dw_worker *worker, dw_task *task, int beats) {
    dw_task_info info;
    dw_task_read(task, &info);
    dw_writer *answer = dw_answer_new(task);
    if (answer != NULL) {
        if (info.queue.size == strlen("math.add") && memcmp(info.queue.data, "math.add", info.queue.size) == 0) {
            dw_write_key(answer, "result", DW_NUL);
            dw_write_number(answer, number_of(info.input, "a") + number_of(info.input, "b"));
            dw_write_key(answer, "beats", DW_NUL);
            dw_write_number(answer, beats);
        } else {
            dw_write_failure(answer, "NO_HANDLER", DW_NUL, "this worker only adds", DW_NUL);
        }
        dw_worker_complete(worker, answer);
    }
    dw_task_free(task);
}

int main(int argc, char **argv) {
    dw_config *config = dw_config_new();
    dw_worker *worker = NULL;
    if (argc != 4 || config == NULL || pipe(wakes) != 0) {
        fprintf(stderr, "usage: c_worker CONTROLLER_URL PROVISIONER TOKEN_FILE\n");
        return 2;
    }
    dw_config_set(config, "controller", argv[1], DW_NUL);
    dw_config_set(config, "provisioner", argv[2], DW_NUL);
    dw_config_set(config, "token_file", argv[3], DW_NUL);
    const int made = dw_worker_new(config, &worker);
    if (made != DW_OK) {
        const char *faults = dw_config_faults(config);
        fprintf(stderr, "%s\n%s", dw_status_text(made), faults != NULL ? faults : "");
        dw_config_free(config);
        return 2;
    }
    dw_config_free(config);

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    int beats = 0;
    int code = -1;
    long long next_beat = now_ms() + beat_ms;
    while (code < 0) {
        dw_event event = {.size = sizeof event};
        while (code < 0 && dw_worker_step(worker, &event) == DW_OK && event.kind != DW_IDLE) {
            if (event.kind == DW_ASSIGNED) {
                run(worker, event.task, beats);
            } else if (event.kind == DW_DISCONNECTED) {
                fprintf(stderr, "%.*s\n", (int)event.text.size, event.text.data);
            } else if (event.kind == DW_STOPPED) {
                code = event.code == DW_END_STOP_REQUESTED ? 0 : 1;
            }
        }
        struct pollfd watched[] = {{dw_worker_descriptor(worker), POLLIN, 0}, {wakes[0], POLLIN, 0}};
        const long long until_beat = next_beat > now_ms() ? next_beat - now_ms() : 0;
        const int timeout = dw_worker_timeout_ms(worker);
        if (code < 0 && poll(watched, 2, timeout < 0 || timeout > until_beat ? (int)until_beat : timeout) > 0 &&
            watched[1].revents != 0) {
            char number;
            if (read(wakes[0], &number, 1) == 1) {
                dw_worker_stop(worker, 25000); /* finishes what runs, then tells DW_STOPPED */
            }
        }
        for (; next_beat <= now_ms(); next_beat += beat_ms) {
            ++beats;
        }
    }
    dw_worker_free(worker);
    printf("%d beats\n", beats);
    return code;
}
