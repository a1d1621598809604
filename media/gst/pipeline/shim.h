// shim.h: the few things that this program asks of GStreamer, flat enough for cgo.
#ifndef EW_SHIM_H
#define EW_SHIM_H

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video-overlay-composition.h>
#include <gst/video/video.h>
#include <gst/video/videooverlay.h>

enum { EW_NONE, EW_ERROR, EW_EOS, EW_LEVEL, EW_CODE };

typedef struct {
    int kind;
    char *text;   // error: what happened; code: what the QR code holds; owned by the caller
    char *detail; // error: what the element adds
    char *source; // path of the element that speaks
    double level; // dBFS
} EwMessage;

// Where a pipeline's messages wait, and the eventfd that is rung when one comes.
typedef struct {
    GstBus *bus;
    GAsyncQueue *messages;
    int fd;
} EwBus;

typedef struct {
    gint64 time; // of CLOCK_MONOTONIC, ns; 0 if the buffer has no time stamp
    gsize size;
    int key, damaged, width, height;
} EwInfo;

// One text (or other bitmap) that lies over the picture.
typedef struct {
    const void *pixels; // BGRA, premultiplied
    int width, height, stride, x, y;
} EwPatch;

// What a probe on the last pad before a sink does: count buffers and draw the patches into them.
typedef struct {
    GstPad *pad;
    gulong id;
    GMutex lock;
    GstVideoOverlayComposition *patches;
    GstVideoInfo info;
    int known; // info is of the current caps
    guint64 passed;
} EwGate;

char *ew_init(void);
int ew_colour_register(void);
int ew_trim(void);
int ew_large_apart(void);
int ew_hear_damage(void);
int ew_damages(void);
int ew_has(const char *element);
int ew_has_since(const char *element, guint major, guint minor);
GstElement *ew_parse(const char *description, char **err);
GstElement *ew_branch(GstElement *tee, const char *description, char **err);
void ew_branch_end(GstElement *tee, GstElement *branch);
char *ew_recorder(GstElement *pipe);
void ew_watch_recorders(GstElement *pipe);
GstElement *ew_get(GstElement *pipe, const char *name);
void ew_latency(GstElement *pipe, guint64 ns);
int ew_play(GstElement *pipe);
void ew_stop(GstElement *pipe);
void ew_ring(int fd);
EwBus *ew_bus(GstElement *pipe, int fd);
void ew_bus_free(EwBus *b);
int ew_is_sink(GstElement *e);
void ew_ring_samples(GstElement *sink, int fd);
EwMessage ew_next(EwBus *b);
void ew_set(GstElement *e, const char *property, const char *value);
int ew_may_set(GstElement *e, const char *property, const char *value);
guint64 ew_queued(GstElement *src);
int ew_force_keyframe(GstElement *e);
void ew_window(GstElement *sink, guint64 xid);
void ew_resized(GstElement *sink);
GstSample *ew_pull(GstElement *sink, int *ended);
EwInfo ew_info(GstSample *s, GstElement *sink);
gsize ew_read(GstSample *s, void *to, gsize size);
int ew_push_sample(GstElement *src, GstSample *s, gint64 time, int with_caps);
GstBuffer *ew_buffer(GstElement *to, const void *data, gsize size, gint64 time, guint64 duration, int discont);
int ew_push(GstElement *src, const void *data, gsize size, gint64 time, guint64 duration, int discont);
int ew_push_picture(GstElement *src, const void *bgrx, int width, int height);
EwGate *ew_gate(GstElement *e);
void ew_gate_patches(EwGate *g, const EwPatch *p, int n);
guint64 ew_gate_passed(EwGate *g);
void ew_gate_free(EwGate *g);

typedef struct EwFeed EwFeed;
EwFeed *ew_feed(GstElement *to, const char *caps);
int ew_feed_push(EwFeed *f, const void *data, gsize size, gint64 time, guint64 duration, int discont);
int ew_feed_gap(EwFeed *f, gint64 time, guint64 duration);
void ew_feed_free(EwFeed *f);

typedef struct EwGain EwGain;
EwGain *ew_gain(GstElement *e);
void ew_gain_set(EwGain *g, float gain);

#endif
