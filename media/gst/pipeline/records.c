// records.c: what could keep or send away what it is given has no place in a pipeline. A list of names would be out of
// date with the next plugin, so an element is judged by what it says of itself.
#include "shim.h"

#include <string.h>

static const char *factory_of(GstElement *e) {
    GstElementFactory *f = gst_element_get_factory(e);
    return f ? GST_OBJECT_NAME(f) : "";
}

static int one_of(const char *word, const char *const *words) { return g_strv_contains(words, word); }

static int writable(GstElement *e, const char *property) {
    GParamSpec *p = g_object_class_find_property(G_OBJECT_GET_CLASS(e), property);
    return p && (p->flags & G_PARAM_WRITABLE);
}

static int swallows(GstElement *e) { // nothing comes out of it
    if (GST_OBJECT_FLAG_IS_SET(e, GST_ELEMENT_FLAG_SINK)) return 1;
    int in = 0;
    for (const GList *l = gst_element_class_get_pad_template_list(GST_ELEMENT_GET_CLASS(e)); l; l = l->next) {
        if (GST_PAD_TEMPLATE_DIRECTION(l->data) == GST_PAD_SRC) return 0;
        in = 1;
    }
    return in;
}

// A screen or a loudspeaker says so, and has no place to write to.
static int shows_or_plays(GstElement *e) {
    static const char *const places[] = {"location", "uri", "host", "filename", "file-name", "socket-path", "clients", NULL};
    static const char *const harmless[] = {"appsink", "fakesink", NULL};
    if (one_of(factory_of(e), harmless)) return 1;
    const char *said = gst_element_class_get_metadata(GST_ELEMENT_GET_CLASS(e), GST_ELEMENT_METADATA_KLASS);
    char **k = g_strsplit(said ? said : "", "/", -1);
    const char *const *klass = (const char *const *)k;
    int fit = one_of("Sink", klass) && (one_of("Audio", klass) || one_of("Video", klass)) && !one_of("File", klass) &&
              !one_of("Network", klass) && !one_of("Debug", klass);
    g_strfreev(k);
    for (int i = 0; fit && places[i]; i++) fit = !writable(e, places[i]);
    return fit;
}

static char *text(GstElement *e, const char *property) {
    GParamSpec *p = g_object_class_find_property(G_OBJECT_GET_CLASS(e), property);
    char *s = NULL;
    if (p && (p->flags & G_PARAM_READABLE) && p->value_type == G_TYPE_STRING) g_object_get(e, property, &s, NULL);
    return s;
}

// ALSA has devices of its own, below GStreamer, that write to a file: file and tee, also as the slave of another.
static int alsa_file(GstElement *e) {
    if (!g_str_has_prefix(factory_of(e), "alsa")) return 0;
    char *device = text(e, "device");
    int is = device && g_regex_match_simple("(^|[^a-z0-9_])(file|tee)([^a-z0-9_]|$)", device, G_REGEX_CASELESS, 0);
    g_free(device);
    return is;
}

static int keeps(GstElement *e) { // an element that passes on what it is given may write it somewhere as well
    static const char *const temporary[] = {"temp-template", "temp-location", NULL};
    int is = 0;
    for (int i = 0; !is && temporary[i]; i++) {
        char *s = text(e, temporary[i]);
        is = s && *s;
        g_free(s);
    }
    gboolean dump = FALSE;
    GParamSpec *p = g_object_class_find_property(G_OBJECT_GET_CLASS(e), "dump");
    if (p && p->value_type == G_TYPE_BOOLEAN) g_object_get(e, "dump", &dump, NULL);
    return is || dump;
}

// A bin without a purpose of its own is what is in it.
static int plain(GstElement *e) {
    static const char *const bins[] = {"bin", "pipeline", "", NULL};
    return GST_IS_BIN(e) && one_of(factory_of(e), bins);
}

static int records(GstElement *e) {
    return !plain(e) && ((swallows(e) && !shows_or_plays(e)) || alsa_file(e) || keeps(e));
}

static gint offends(gconstpointer item, gconstpointer unused) {
    (void)unused;
    return !records(g_value_get_object(item));
}

// The factory of an element that could record; NULL if there is none.
char *ew_recorder(GstElement *pipe) {
    GstIterator *all = gst_bin_iterate_recurse(GST_BIN(pipe));
    GValue found = G_VALUE_INIT;
    char *name = NULL;
    if (gst_iterator_find_custom(all, offends, &found, NULL)) {
        name = g_strdup(factory_of(g_value_get_object(&found)));
        g_value_unset(&found);
    }
    gst_iterator_free(all);
    return name;
}

// What an element adds by itself later, as it sees what there is to do, never starts if it could record.
static void added(GstBin *pipe, GstBin *bin, GstElement *e, gpointer unused) {
    (void)pipe, (void)bin, (void)unused;
    if (!records(e)) return;
    gst_element_set_locked_state(e, TRUE);
    GST_ELEMENT_ERROR(e, RESOURCE, NOT_AUTHORIZED, ("it could record what it is given, which a window never does"), (NULL));
}

void ew_watch_recorders(GstElement *pipe) { g_signal_connect(pipe, "deep-element-added", G_CALLBACK(added), NULL); }
