#include "_cgo_export.h"

#include <glib.h>
#include <unistd.h>

// Errors are fatal to GLib: it would abort with a signal that tells nobody why.
static void said(const char *domain, GLogLevelFlags level, const char *text, gpointer user) {
    if (!(level & G_LOG_LEVEL_ERROR)) {
        g_log_default_handler(domain, level, text, user);
        return;
    }
    ewFatal((char *)text);
    _exit(1);
}

int ew_catch_fatal(void) {
    g_log_set_default_handler(said, NULL);
    return 0;
}
