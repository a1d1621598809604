#include "shim.h"

#define MOST 32767   // no sample is louder
#define BACK 1.03f   // what was held back is given back by so much in a buffer, which webrtcdsp makes of 10 ms

// What leaves an element (S16LE, one channel) is amplified, evenly from the gain that it had to the one that it is to have. Where that
// is too much for a sample, the gain has fallen before it, within the same buffer: nothing is clipped, and nothing is later for it.
struct EwGain {
    float now;  // at the end of the last buffer
    float want; // written by others
};

static void amplify(EwGain *g, gint16 *x, gsize n) {
    float want;
    __atomic_load(&g->want, &want, __ATOMIC_RELAXED);
    float from = g->now, to = MIN(want, from * BACK), most = MAX(from, to);
    int peak = 0;
    gsize until = n; // the gain changes until there
    for (gsize i = 0; i < n; i++) {
        int v = x[i] < 0 ? -x[i] : x[i];
        if (v > peak) peak = v;
        if (until == n && v * most > MOST) until = i;
    }
    if (peak * most > MOST) to = MIN(to, (float)MOST / peak);
    g->now = to;
    float step = until > 0 ? (to - from) / until : 0;
    for (gsize i = 0; i < n; i++) x[i] = (gint16)(x[i] * (i < until ? from + step * i : to));
}

static GstPadProbeReturn pass(GstPad *pad, GstPadProbeInfo *i, gpointer user) {
    (void)pad;
    EwGain *g = user;
    float want;
    __atomic_load(&g->want, &want, __ATOMIC_RELAXED);
    if (g->now == 1 && want == 1) return GST_PAD_PROBE_OK;
    GstBuffer *b = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(i));
    GST_PAD_PROBE_INFO_DATA(i) = b;
    GstMapInfo m;
    if (gst_buffer_map(b, &m, GST_MAP_READWRITE)) {
        amplify(g, (gint16 *)m.data, m.size / 2);
        gst_buffer_unmap(b, &m);
    }
    return GST_PAD_PROBE_OK;
}

EwGain *ew_gain(GstElement *e) {
    EwGain *g = g_new0(EwGain, 1);
    g->now = g->want = 1;
    GstPad *from = gst_element_get_static_pad(e, "src");
    gst_pad_add_probe(from, GST_PAD_PROBE_TYPE_BUFFER, pass, g, g_free);
    gst_object_unref(from);
    return g;
}

void ew_gain_set(EwGain *g, float gain) { __atomic_store(&g->want, &gain, __ATOMIC_RELAXED); }
