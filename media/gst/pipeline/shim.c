#define _GNU_SOURCE // pthread_setattr_default_np
#include "shim.h"

#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static char *take(GError *e, const char *otherwise) {
    char *s = g_strdup(e ? e->message : otherwise);
    g_clear_error(&e);
    return s;
}

// A stack of 8 MiB, the system's default, counts in full against the limit of memory, and how many threads there are is
// also a matter of how busy the machine is. Codecs are made to live with far less.
static void small_stacks(void) {
    pthread_attr_t a;
    if (pthread_attr_init(&a)) return;
    if (!pthread_attr_setstacksize(&a, 2 << 20)) pthread_setattr_default_np(&a);
    pthread_attr_destroy(&a);
}

char *ew_init(void) {
    small_stacks();
    mallopt(M_ARENA_MAX, 2); // pictures go from thread to thread: an arena for each would keep many of them
    GError *e = NULL;
    if (!gst_init_check(NULL, NULL, &e)) return take(e, "GStreamer does not start");
    return ew_colour_register() ? NULL : g_strdup("the element ewcolour cannot be registered");
}

// From the beginning malloc takes 128 KiB and more from the system and gives them back at once; but it takes each such size that
// is freed for one that is better kept among the small ones, and then what is left of pictures lies between what lives long.
int ew_large_apart(void) { return mallopt(M_MMAP_THRESHOLD, 128 << 10); }

int ew_trim(void) { return malloc_trim(0); }

int ew_has(const char *element) {
    GstElementFactory *f = gst_element_factory_find(element);
    if (f) gst_object_unref(f);
    return f != NULL;
}

int ew_has_since(const char *element, guint major, guint minor) {
    return gst_registry_check_feature_version(gst_registry_get(), element, major, minor, 0);
}

// A pipeline on the system's monotonic clock, whatever clocks its devices bring, so that times mean the same in
// every process.
GstElement *ew_parse(const char *description, char **err) {
    GError *e = NULL;
    GstElement *p = gst_parse_launch_full(description, NULL, GST_PARSE_FLAG_FATAL_ERRORS | GST_PARSE_FLAG_PLACE_IN_BIN, &e);
    if (!p || e) {
        if (p) gst_object_unref(gst_object_ref_sink(p));
        *err = take(e, "empty pipeline");
        return NULL;
    }
    GstElement *pipe = gst_pipeline_new(NULL);
    gst_bin_add(GST_BIN(pipe), p);
    GstClock *clock = gst_system_clock_obtain();
    gst_pipeline_use_clock(GST_PIPELINE(pipe), clock);
    gst_object_unref(clock);
    return gst_object_ref_sink(pipe);
}

// A branch begins behind a tee that may be playing, so it must be able to take what comes before it is linked. Nothing
// passes the tee meanwhile: else what is said once, as the format, may pass between the look at what was said so far and
// the new pad, which then gets sound that it does not know.
GstElement *ew_branch(GstElement *tee, const char *description, char **err) {
    GError *e = NULL;
    GstElement *b = gst_parse_bin_from_description_full(description, TRUE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &e);
    if (!b || e) {
        if (b) gst_object_unref(gst_object_ref_sink(b));
        *err = take(e, "empty branch");
        return NULL;
    }
    GstObject *parent = gst_object_get_parent(GST_OBJECT(tee));
    gst_object_ref(gst_object_ref_sink(b)); // one for the parent, one for the caller
    gst_bin_add(GST_BIN(parent), b);
    gst_object_unref(b);
    gst_element_sync_state_with_parent(b);
    GstPad *in = gst_element_get_static_pad(tee, "sink");
    GST_PAD_STREAM_LOCK(in);
    GstPad *from = gst_element_request_pad_simple(tee, "src_%u"), *to = gst_element_get_static_pad(b, "sink");
    if (!to || gst_pad_link(from, to) != GST_PAD_LINK_OK) *err = g_strdup("the branch does not fit behind the tee");
    GST_PAD_STREAM_UNLOCK(in);
    gst_object_unref(in);
    if (to) gst_object_unref(to);
    gst_object_unref(from);
    gst_object_unref(parent);
    return b;
}

// The tee lets go of its pad first: what it is just pushing then ends without an error for the others.
void ew_branch_end(GstElement *tee, GstElement *b) {
    GstPad *to = gst_element_get_static_pad(b, "sink"), *from = to ? gst_pad_get_peer(to) : NULL;
    if (from) {
        gst_pad_unlink(from, to);
        gst_element_release_request_pad(tee, from);
        gst_object_unref(from);
    }
    if (to) gst_object_unref(to);
    gst_element_set_locked_state(b, TRUE);
    gst_element_set_state(b, GST_STATE_NULL);
    GstObject *parent = gst_object_get_parent(GST_OBJECT(b));
    gst_bin_remove(GST_BIN(parent), b);
    gst_object_unref(parent);
    gst_object_unref(b);
}

GstElement *ew_get(GstElement *pipe, const char *name) { return gst_bin_get_by_name(GST_BIN(pipe), name); }

void ew_latency(GstElement *pipe, guint64 ns) { gst_pipeline_set_latency(GST_PIPELINE(pipe), ns); }

int ew_play(GstElement *pipe) { return gst_element_set_state(pipe, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE; }

void ew_stop(GstElement *pipe) { gst_element_set_state(pipe, GST_STATE_NULL); }

// Wakes whoever waits for the eventfd. It only fails when that has been rung 2^64 times.
void ew_ring(int fd) {
    guint64 one = 1;
    if (write(fd, &one, sizeof one) < 0) return;
}

static int wanted(GstMessage *m) {
    return GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR || GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS ||
           (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ELEMENT && (gst_message_has_name(m, "level") || gst_message_has_name(m, "barcode")));
}

// Keeps what is wanted and rings; the bus's own queue is not used, since its message would come after the ring.
static GstBusSyncReply said(GstBus *bus, GstMessage *m, gpointer user) {
    (void)bus;
    EwBus *b = user;
    if (wanted(m)) {
        g_async_queue_push(b->messages, m);
        ew_ring(b->fd);
    } else {
        gst_message_unref(m);
    }
    return GST_BUS_DROP;
}

EwBus *ew_bus(GstElement *pipe, int fd) {
    EwBus *b = g_new0(EwBus, 1);
    b->messages = g_async_queue_new_full((GDestroyNotify)gst_message_unref);
    b->fd = fd;
    b->bus = gst_element_get_bus(pipe);
    gst_bus_set_sync_handler(b->bus, said, b, NULL);
    return b;
}

void ew_bus_free(EwBus *b) {
    gst_bus_set_sync_handler(b->bus, NULL, NULL, NULL);
    gst_object_unref(b->bus);
    g_async_queue_unref(b->messages);
    g_free(b);
}

static double loudest(const GstStructure *s) {
    const GValue *v = gst_structure_get_value(s, "rms");
    double db = -200;
    if (v && G_VALUE_HOLDS_BOXED(v)) {
        G_GNUC_BEGIN_IGNORE_DEPRECATIONS // the level element speaks in GValueArray
        GValueArray *a = g_value_get_boxed(v);
        for (guint i = 0; a && i < a->n_values; i++) {
            double d = g_value_get_double(g_value_array_get_nth(a, i));
            if (d > db) db = d;
        }
        G_GNUC_END_IGNORE_DEPRECATIONS
    }
    return db;
}

EwMessage ew_next(EwBus *b) {
    EwMessage m = {.kind = EW_NONE};
    GstMessage *msg = g_async_queue_try_pop(b->messages);
    if (!msg) return m;
    GError *e = NULL;
    switch (GST_MESSAGE_TYPE(msg)) {
    case GST_MESSAGE_ERROR:
        m.kind = EW_ERROR;
        gst_message_parse_error(msg, &e, &m.detail);
        m.text = take(e, "unknown error");
        break;
    case GST_MESSAGE_EOS:
        m.kind = EW_EOS;
        break;
    default:
        if (gst_message_has_name(msg, "barcode")) {
            const GstStructure *s = gst_message_get_structure(msg);
            const char *kind = gst_structure_get_string(s, "type"), *symbol = gst_structure_get_string(s, "symbol");
            if (!symbol || g_strcmp0(kind, "QR-Code") != 0) break;
            m.kind = EW_CODE;
            m.text = g_utf8_make_valid(symbol, -1);
            break;
        }
        m.kind = EW_LEVEL;
        m.level = loudest(gst_message_get_structure(msg));
    }
    if (GST_MESSAGE_SRC(msg)) m.source = gst_object_get_path_string(GST_MESSAGE_SRC(msg));
    gst_message_unref(msg);
    return m;
}

void ew_set(GstElement *e, const char *property, const char *value) { gst_util_set_object_arg(G_OBJECT(e), property, value); }

int ew_may_set(GstElement *e, const char *property, const char *value) {
    if (!g_object_class_find_property(G_OBJECT_GET_CLASS(e), property)) return 0;
    ew_set(e, property, value);
    return 1;
}

guint64 ew_queued(GstElement *src) { return gst_app_src_get_current_level_buffers(GST_APP_SRC(src)); }

int ew_force_keyframe(GstElement *e) {
    return gst_element_send_event(e, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

void ew_window(GstElement *sink, guint64 xid) {
    if (GST_IS_VIDEO_OVERLAY(sink)) {
        gst_video_overlay_set_window_handle(GST_VIDEO_OVERLAY(sink), (guintptr)xid);
        gst_video_overlay_handle_events(GST_VIDEO_OVERLAY(sink), FALSE);
    }
}

// A sink for X asks for its window's size only when it is told that something happened to it.
void ew_resized(GstElement *sink) {
    if (GST_IS_VIDEO_OVERLAY(sink)) gst_video_overlay_expose(GST_VIDEO_OVERLAY(sink));
}

static GstFlowReturn came(GstAppSink *sink, gpointer fd) {
    (void)sink;
    ew_ring(GPOINTER_TO_INT(fd));
    return GST_FLOW_OK;
}

static void ended(GstAppSink *sink, gpointer fd) { came(sink, fd); }

int ew_is_sink(GstElement *e) { return GST_IS_APP_SINK(e); }

void ew_ring_samples(GstElement *sink, int fd) {
    GstAppSinkCallbacks c = {.eos = ended, .new_sample = came};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &c, GINT_TO_POINTER(fd), NULL);
}

GstSample *ew_pull(GstElement *sink, int *over) {
    GstSample *s = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 0);
    *over = !s && gst_app_sink_is_eos(GST_APP_SINK(sink));
    return s;
}

EwInfo ew_info(GstSample *s, GstElement *sink) {
    EwInfo i = {0};
    GstBuffer *b = gst_sample_get_buffer(s);
    if (!b) return i;
    i.size = gst_buffer_get_size(b);
    i.key = !GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DELTA_UNIT);
    i.damaged = GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_CORRUPTED);
    GstSegment *seg = gst_sample_get_segment(s);
    if (seg && seg->format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(b)) {
        guint64 t = gst_segment_to_running_time(seg, GST_FORMAT_TIME, GST_BUFFER_PTS(b));
        if (GST_CLOCK_TIME_IS_VALID(t)) i.time = (gint64)(t + gst_element_get_base_time(sink));
    }
    GstCaps *caps = gst_sample_get_caps(s);
    if (caps && gst_caps_get_size(caps) > 0) {
        GstStructure *st = gst_caps_get_structure(caps, 0);
        gst_structure_get_int(st, "width", &i.width);
        gst_structure_get_int(st, "height", &i.height);
    }
    return i;
}

gsize ew_read(GstSample *s, void *to, gsize size) { return gst_buffer_extract(gst_sample_get_buffer(s), 0, to, size); }

static void stamp(GstElement *src, GstBuffer *b, gint64 time) {
    gint64 t = time - (gint64)gst_element_get_base_time(src);
    GST_BUFFER_PTS(b) = t < 0 ? 0 : (guint64)t;
    GST_BUFFER_DTS(b) = GST_CLOCK_TIME_NONE;
}

int ew_push_sample(GstElement *src, GstSample *s, gint64 time, int with_caps) {
    GstBuffer *b = gst_buffer_copy(gst_sample_get_buffer(s)); // shares the pixels
    stamp(src, b, time);
    if (with_caps) gst_app_src_set_caps(GST_APP_SRC(src), gst_sample_get_caps(s));
    return gst_app_src_push_buffer(GST_APP_SRC(src), b) == GST_FLOW_OK;
}

GstBuffer *ew_buffer(GstElement *to, const void *data, gsize size, gint64 time, guint64 duration, int discont) {
    GstBuffer *b = gst_buffer_new_allocate(NULL, size, NULL);
    if (!b) return NULL;
    gst_buffer_fill(b, 0, data, size);
    stamp(to, b, time);
    if (duration) GST_BUFFER_DURATION(b) = duration;
    if (discont) GST_BUFFER_FLAG_SET(b, GST_BUFFER_FLAG_DISCONT);
    return b;
}

int ew_push(GstElement *src, const void *data, gsize size, gint64 time, guint64 duration, int discont) {
    GstBuffer *b = ew_buffer(src, data, size, time, duration, discont);
    return b && gst_app_src_push_buffer(GST_APP_SRC(src), b) == GST_FLOW_OK;
}

int ew_push_picture(GstElement *src, const void *bgrx, int width, int height) {
    GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "BGRx", "width", G_TYPE_INT, width, "height", G_TYPE_INT,
                                        height, "framerate", GST_TYPE_FRACTION, 0, 1, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
    gst_app_src_set_caps(GST_APP_SRC(src), caps);
    gst_caps_unref(caps);
    GstClock *clock = gst_element_get_clock(src);
    gint64 now = clock ? (gint64)gst_clock_get_time(clock) : 0;
    if (clock) gst_object_unref(clock);
    return ew_push(src, bgrx, (gsize)width * height * 4, now, 0, 0);
}

static GstPadProbeReturn gate(GstPad *pad, GstPadProbeInfo *i, gpointer user) {
    (void)pad;
    EwGate *g = user;
    if (i->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
        GstEvent *e = GST_PAD_PROBE_INFO_EVENT(i);
        if (GST_EVENT_TYPE(e) == GST_EVENT_CAPS) {
            GstCaps *caps;
            gst_event_parse_caps(e, &caps);
            g->known = gst_video_info_from_caps(&g->info, caps);
        }
        return GST_PAD_PROBE_OK;
    }
    __atomic_add_fetch(&g->passed, 1, __ATOMIC_RELAXED);
    g_mutex_lock(&g->lock);
    GstVideoOverlayComposition *c = g->patches ? gst_video_overlay_composition_ref(g->patches) : NULL;
    g_mutex_unlock(&g->lock);
    if (!c) return GST_PAD_PROBE_OK;
    GstBuffer *b = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(i));
    GstVideoFrame f;
    if (g->known && gst_video_frame_map(&f, &g->info, b, GST_MAP_READWRITE)) {
        gst_video_overlay_composition_blend(c, &f);
        gst_video_frame_unmap(&f);
    }
    gst_video_overlay_composition_unref(c);
    GST_PAD_PROBE_INFO_DATA(i) = b;
    return GST_PAD_PROBE_OK;
}

EwGate *ew_gate(GstElement *e) {
    EwGate *g = g_new0(EwGate, 1);
    g_mutex_init(&g->lock);
    g->pad = gst_element_get_static_pad(e, "src");
    g->id = gst_pad_add_probe(g->pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, gate, g, NULL);
    return g;
}

void ew_gate_patches(EwGate *g, const EwPatch *p, int n) {
    GstVideoOverlayComposition *c = NULL;
    for (int k = 0; k < n; k++) {
        GstBuffer *b = gst_buffer_new_allocate(NULL, (gsize)p[k].width * p[k].height * 4, NULL);
        GstMapInfo m;
        gst_buffer_map(b, &m, GST_MAP_WRITE);
        for (int y = 0; y < p[k].height; y++)
            memcpy(m.data + (gsize)y * p[k].width * 4, (const char *)p[k].pixels + (gsize)y * p[k].stride, (gsize)p[k].width * 4);
        gst_buffer_unmap(b, &m);
        gst_buffer_add_video_meta(b, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, p[k].width, p[k].height);
        GstVideoOverlayRectangle *r = gst_video_overlay_rectangle_new_raw(b, p[k].x, p[k].y, p[k].width, p[k].height,
                                                                          GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
        gst_buffer_unref(b);
        if (c)
            gst_video_overlay_composition_add_rectangle(c, r);
        else
            c = gst_video_overlay_composition_new(r);
        gst_video_overlay_rectangle_unref(r);
    }
    g_mutex_lock(&g->lock);
    GstVideoOverlayComposition *old = g->patches;
    g->patches = c;
    g_mutex_unlock(&g->lock);
    if (old) gst_video_overlay_composition_unref(old);
}

guint64 ew_gate_passed(EwGate *g) { return __atomic_load_n(&g->passed, __ATOMIC_RELAXED); }

// Only after the pipeline was stopped.
void ew_gate_free(EwGate *g) {
    gst_pad_remove_probe(g->pad, g->id);
    gst_object_unref(g->pad);
    if (g->patches) gst_video_overlay_composition_unref(g->patches);
    g_mutex_clear(&g->lock);
    g_free(g);
}
