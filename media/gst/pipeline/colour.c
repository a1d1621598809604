// The element ewcolour: BGRx to I420 and back, which is what lies between an X display and video. Everything else it
// passes on as it is, for videoconvertscale to convert. That could do this too, in three to five times the time.
#include "shim.h"

#include <gst/video/gstvideofilter.h>

// Loops are written so that the compiler can do 16 pixels at once: in 16 bits a sample, without branches.
#if defined(__x86_64__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

typedef struct {
    GstVideoFilter base;
    gint16 r[3], g[3], b[3]; // from video: what blue [1] and red difference [2] add, in 4096ths
    gint16 y[3], u[3], v[3]; // to video: what red, green and blue add, in 256ths
    gint16 black, scale;     // luma of black; gain of luma, in 8192ths
    gint16 *rows;            // ROWS rows of samples, for red, green and blue
    int length;              // of a row
} EwColour;
typedef struct {
    GstVideoFilterClass base;
} EwColourClass;

enum { ROWS = 3 };

G_DEFINE_TYPE(EwColour, ew_colour, GST_TYPE_VIDEO_FILTER)

static inline gint16 high(gint16 a, gint16 b) { return (gint32)a * b >> 16; }
static inline guint8 clamp(gint16 s) { return s < 0 ? 0 : s > 255 ? 255 : s; }

// One row of colour: what it adds to red, green and blue, in 16ths, each twice as two pixels share it.
WIDE static void spread(const EwColour *c, const guint8 *restrict u, const guint8 *restrict v, int n, gint16 *restrict r,
                        gint16 *restrict g, gint16 *restrict b) {
    gint16 gu = c->g[1], gv = c->g[2], rv = c->r[2], bu = c->b[1];
    for (int x = 0; x < n; x++) {
        gint16 us = (gint16)(u[x] - 128) * 256, vs = (gint16)(v[x] - 128) * 256;
        r[2 * x] = r[2 * x + 1] = high(vs, rv);
        g[2 * x] = g[2 * x + 1] = high(us, gu) + high(vs, gv);
        b[2 * x] = b[2 * x + 1] = high(us, bu);
    }
}

WIDE static void to_bgrx(const EwColour *c, const guint8 *restrict y, int n, const gint16 *restrict r, const gint16 *restrict g,
                         const gint16 *restrict b, guint16 *restrict out) {
    gint16 black = c->black, scale = c->scale;
    for (int x = 0; x < n; x++) {
        gint16 l = high((gint16)((y[x] - black) * 128), scale) + 8;
        out[2 * x] = clamp((gint16)(l + b[x]) >> 4) | clamp((gint16)(l + g[x]) >> 4) << 8;
        out[2 * x + 1] = clamp((gint16)(l + r[x]) >> 4) | 0xff00;
    }
}

// One row of luma; red, green and blue are added to what is in r, g and b.
WIDE static void to_luma(const EwColour *c, const guint16 *restrict in, int n, guint8 *restrict y, guint16 *restrict r,
                         guint16 *restrict g, guint16 *restrict b) {
    guint16 kr = c->y[0], kg = c->y[1], kb = c->y[2], black = c->black;
    for (int x = 0; x < n; x++) {
        guint16 bs = in[2 * x] & 255, gs = in[2 * x] >> 8, rs = in[2 * x + 1] & 255;
        y[x] = ((guint16)(kr * rs + kg * gs + kb * bs + 128) >> 8) + black;
        r[x] += rs;
        g[x] += gs;
        b[x] += bs;
    }
}

// One row of colour, from the sums of two rows of pixels.
WIDE static void to_colour(const EwColour *c, const guint16 *restrict r, const guint16 *restrict g, const guint16 *restrict b, int n,
                           guint8 *restrict u, guint8 *restrict v) {
    gint16 ur = c->u[0], ug = c->u[1], ub = c->u[2], vr = c->v[0], vg = c->v[1], vb = c->v[2];
    for (int x = 0; x < n; x++) {
        gint16 rs = (r[2 * x] + r[2 * x + 1] + 2) >> 2, gs = (g[2 * x] + g[2 * x + 1] + 2) >> 2, bs = (b[2 * x] + b[2 * x + 1] + 2) >> 2;
        u[x] = ((gint16)(ur * rs + ug * gs + ub * bs + 128) >> 8) + 128;
        v[x] = ((gint16)(vr * rs + vg * gs + vb * bs + 128) >> 8) + 128;
    }
}

#define LINE(f, plane, i) ((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(f, plane) + (gsize)(i) * GST_VIDEO_FRAME_PLANE_STRIDE(f, plane))

static void from_video(EwColour *c, GstVideoFrame *in, GstVideoFrame *out) {
    int w = GST_VIDEO_FRAME_WIDTH(in), h = GST_VIDEO_FRAME_HEIGHT(in);
    gint16 *r = c->rows, *g = r + c->length, *b = g + c->length;
    for (int i = 0; i < h; i++) {
        if (i % 2 == 0) spread(c, LINE(in, 1, i / 2), LINE(in, 2, i / 2), (w + 1) / 2, r, g, b);
        to_bgrx(c, LINE(in, 0, i), w, r, g, b, (guint16 *)LINE(out, 0, i));
    }
}

static void to_video(EwColour *c, GstVideoFrame *in, GstVideoFrame *out) {
    int w = GST_VIDEO_FRAME_WIDTH(in), h = GST_VIDEO_FRAME_HEIGHT(in);
    guint16 *r = (guint16 *)c->rows, *g = r + c->length, *b = g + c->length;
    for (int i = 0; i < h; i += 2) {
        memset(c->rows, 0, sizeof *c->rows * ROWS * c->length);
        for (int k = 0; k < 2; k++) { // the last row of an odd number counts twice
            int line = MIN(i + k, h - 1);
            to_luma(c, (const guint16 *)LINE(in, 0, line), w, LINE(out, 0, line), r, g, b);
        }
        if (w % 2) r[w] = r[w - 1], g[w] = g[w - 1], b[w] = b[w - 1];
        to_colour(c, r, g, b, (w + 1) / 2, LINE(out, 1, i / 2), LINE(out, 2, i / 2));
    }
}

static GstFlowReturn transform(GstVideoFilter *f, GstVideoFrame *in, GstVideoFrame *out) {
    if (GST_VIDEO_FRAME_FORMAT(in) == GST_VIDEO_FORMAT_I420)
        from_video((EwColour *)f, in, out);
    else
        to_video((EwColour *)f, in, out);
    return GST_FLOW_OK;
}

static gint16 fixed(double v, int one) { return (gint16)(v * one + (v < 0 ? -0.5 : 0.5)); }

// The equations of ITU-R BT.601 and BT.709 §3, which differ in the weights of red and blue in luma alone. The rest is
// scaled so that all intermediate results keep 4 bits behind the point and fit into 16 bits.
static gboolean set_info(GstVideoFilter *f, GstCaps *in_caps, GstVideoInfo *in, GstCaps *out_caps, GstVideoInfo *out) {
    (void)in_caps, (void)out_caps;
    EwColour *c = (EwColour *)f;
    gboolean same = GST_VIDEO_INFO_FORMAT(in) == GST_VIDEO_INFO_FORMAT(out);
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(f), same);
    if (same) return TRUE;
    const GstVideoInfo *video = GST_VIDEO_INFO_FORMAT(in) == GST_VIDEO_FORMAT_I420 ? in : out;
    double kr, kb;
    if (!gst_video_color_matrix_get_Kr_Kb(video->colorimetry.matrix, &kr, &kb)) gst_video_color_matrix_get_Kr_Kb(GST_VIDEO_COLOR_MATRIX_BT709, &kr, &kb);
    double kg = 1 - kr - kb;
    gboolean full = video->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
    double luma = full ? 1 : 219. / 255, colour = full ? 1 : 224. / 255;
    c->black = full ? 0 : 16;
    c->scale = fixed(1 / luma, 1 << 13);
    c->r[2] = fixed(2 * (1 - kr) / colour, 1 << 12);
    c->b[1] = fixed(2 * (1 - kb) / colour, 1 << 12);
    c->g[1] = fixed(-2 * (1 - kb) * kb / kg / colour, 1 << 12);
    c->g[2] = fixed(-2 * (1 - kr) * kr / kg / colour, 1 << 12);
    c->y[0] = fixed(kr * luma, 256), c->y[2] = fixed(kb * luma, 256), c->y[1] = fixed(luma, 256) - c->y[0] - c->y[2];
    c->u[0] = fixed(-kr / (1 - kb) / 2 * colour, 256), c->u[2] = MIN(fixed(colour / 2, 256), 127), c->u[1] = -c->u[0] - c->u[2];
    c->v[2] = fixed(-kb / (1 - kr) / 2 * colour, 256), c->v[0] = MIN(fixed(colour / 2, 256), 127), c->v[1] = -c->v[0] - c->v[2];
    c->length = GST_VIDEO_INFO_WIDTH(in) + 2;
    c->rows = g_renew(gint16, c->rows, (gsize)ROWS * c->length);
    return TRUE;
}

// What may stand on the other side: the same, and the other of the two formats in any colorimetry.
static GstCaps *transform_caps(GstBaseTransform *t, GstPadDirection from, GstCaps *caps, GstCaps *filter) {
    (void)t, (void)from;
    GstCaps *other = gst_caps_copy(caps);
    for (guint i = 0; i < gst_caps_get_size(caps); i++) {
        GstStructure *s = gst_caps_get_structure(caps, i);
        const GValue *format = gst_structure_get_value(s, "format");
        GstCapsFeatures *memory = gst_caps_get_features(caps, i);
        if (!gst_structure_has_name(s, "video/x-raw") || !gst_caps_features_is_equal(memory, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY)) continue;
        for (int k = 0; k < 2; k++) {
            GValue has = G_VALUE_INIT;
            g_value_init(&has, G_TYPE_STRING);
            g_value_set_static_string(&has, k ? "BGRx" : "I420");
            if (!format || gst_value_intersect(NULL, format, &has)) {
                s = gst_structure_copy(gst_caps_get_structure(caps, i));
                gst_structure_remove_fields(s, "colorimetry", "chroma-site", NULL);
                gst_structure_set(s, "format", G_TYPE_STRING, k ? "I420" : "BGRx", NULL);
                other = gst_caps_merge_structure(other, s);
            }
            g_value_unset(&has);
        }
    }
    if (filter) {
        GstCaps *some = gst_caps_intersect_full(filter, other, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(other);
        other = some;
    }
    return other;
}

static void finalize(GObject *o) {
    g_free(((EwColour *)o)->rows);
    G_OBJECT_CLASS(ew_colour_parent_class)->finalize(o);
}

static void ew_colour_init(EwColour *c) { (void)c; }

static void ew_colour_class_init(EwColourClass *k) {
    static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
    static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
    GstElementClass *e = GST_ELEMENT_CLASS(k);
    gst_element_class_add_static_pad_template(e, &sink);
    gst_element_class_add_static_pad_template(e, &src);
    gst_element_class_set_static_metadata(e, "Colour of X displays", "Filter/Converter/Video", "Converts between BGRx and I420", "E-Window");
    G_OBJECT_CLASS(k)->finalize = finalize;
    GST_BASE_TRANSFORM_CLASS(k)->transform_caps = transform_caps;
    GST_VIDEO_FILTER_CLASS(k)->set_info = set_info;
    GST_VIDEO_FILTER_CLASS(k)->transform_frame = transform;
}

int ew_colour_register(void) { return gst_element_register(NULL, "ewcolour", GST_RANK_NONE, ew_colour_get_type()); }
