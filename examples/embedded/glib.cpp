// A worker in a program on GLib.
#include "pulse.hpp"

#include <distworker/glib_loop.hpp>

#include <glib-unix.h>
#include <glib.h>

#include <csignal>

namespace {

gboolean beat(gpointer own) {
    static_cast<pulse*>(own)->beat();
    return G_SOURCE_CONTINUE;
}

gboolean stop(gpointer worker) {
    static_cast<distworker::worker*>(worker)->stop(); // finishes what runs, then tells its end below
    return G_SOURCE_CONTINUE;
}

} // namespace

int main() {
    GMainLoop* const main_loop = g_main_loop_new(nullptr, FALSE);
    int code = 2; // of a worker that cannot begin; its log says why
    {
        pulse own;
        distworker::glib_loop loop; // on the default context, as main_loop is
        distworker::worker worker{distworker::config::from_environment()};
        serve(worker, own);

        const guint sources[] = {g_timeout_add(static_cast<guint>(pulse::interval.count()), beat, &own),
                                 g_unix_signal_add(SIGINT, stop, &worker),
                                 g_unix_signal_add(SIGTERM, stop, &worker)};
        const bool begun = worker.attach(loop, [&](const distworker::worker_end& end) {
            code = end;
            g_main_loop_quit(main_loop);
        });
        if (begun) {
            g_main_loop_run(main_loop);
        }
        for (const guint source : sources) {
            g_source_remove(source);
        }
    }
    g_main_loop_unref(main_loop);
    return code;
}
