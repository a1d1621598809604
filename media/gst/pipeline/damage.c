// damage.c: what a decoder of libav cannot decode it says in GStreamer's log alone, and fills in.
#include "shim.h"

#include <string.h>

static gint damages;

static void said(GstDebugCategory *category, GstDebugLevel level, const gchar *file, const gchar *function, gint line,
                 GObject *object, GstDebugMessage *message, gpointer user) {
    (void)file, (void)function, (void)line, (void)object, (void)user;
    if (level != GST_LEVEL_ERROR || strcmp(gst_debug_category_get_name(category), "libav")) return;
    static const char *const parts[] = {"error while decoding MB", "decode_slice_header error", NULL};
    const char *text = gst_debug_message_get(message);
    for (int i = 0; text && parts[i]; i++)
        if (g_str_has_prefix(text, parts[i])) g_atomic_int_inc(&damages);
}

int ew_hear_damage(void) {
    if (!g_getenv("GST_DEBUG")) gst_debug_remove_log_function(gst_debug_log_default); // it would print what is asked for here
    gst_debug_add_log_function(said, NULL, NULL);
    gst_debug_set_threshold_for_name("libav", GST_LEVEL_ERROR);
    return 0;
}

int ew_damages(void) { return g_atomic_int_get(&damages); }
