// feed.c: a pad of ours before a pipeline's first element. What is pushed into it is worked off by the caller's thread, where appsrc
// would wake one of its own.
#include "shim.h"

struct EwFeed {
    GstPad *pad;
    GstElement *to;
    GstCaps *caps;
    int begun;
};

EwFeed *ew_feed(GstElement *to, const char *caps) {
    EwFeed *f = g_new0(EwFeed, 1);
    f->to = to;
    f->caps = gst_caps_from_string(caps);
    f->pad = gst_pad_new("feed", GST_PAD_SRC);
    gst_object_ref_sink(f->pad);
    gst_pad_set_active(f->pad, TRUE);
    GstPad *sink = gst_element_get_static_pad(to, "sink");
    int linked = f->caps && sink && gst_pad_link(f->pad, sink) == GST_PAD_LINK_OK;
    if (sink) gst_object_unref(sink);
    if (linked) return f;
    ew_feed_free(f);
    return NULL;
}

static void begin(EwFeed *f) {
    if (f->begun) return;
    f->begun = 1;
    gst_pad_push_event(f->pad, gst_event_new_stream_start("feed"));
    gst_pad_push_event(f->pad, gst_event_new_caps(f->caps));
    GstSegment s;
    gst_segment_init(&s, GST_FORMAT_TIME);
    gst_pad_push_event(f->pad, gst_event_new_segment(&s));
}

int ew_feed_push(EwFeed *f, const void *data, gsize size, gint64 time, guint64 duration, int discont) {
    GstBuffer *b = ew_buffer(f->to, data, size, time, duration, discont);
    if (!b) return 0;
    begin(f);
    return gst_pad_push(f->pad, b) == GST_FLOW_OK;
}

int ew_feed_gap(EwFeed *f, gint64 time, guint64 duration) {
    gint64 t = time - (gint64)gst_element_get_base_time(f->to);
    begin(f);
    return gst_pad_push_event(f->pad, gst_event_new_gap(t < 0 ? 0 : (guint64)t, duration));
}

void ew_feed_free(EwFeed *f) {
    gst_pad_set_active(f->pad, FALSE);
    GstPad *sink = gst_pad_get_peer(f->pad);
    if (sink) {
        gst_pad_unlink(f->pad, sink);
        gst_object_unref(sink);
    }
    gst_object_unref(f->pad);
    if (f->caps) gst_caps_unref(f->caps);
    g_free(f);
}
