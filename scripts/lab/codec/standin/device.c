// Openings of the devices, their formats, and the ioctls that belong to no queue and no control.
#define _GNU_SOURCE
#include "codec.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LEAST = 32, MOST = 1920 }; // pixels, of width and of height

static const uint32_t raw[] = {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_NV12}; // of what the Pi's takes, the two that matter here
static const uint32_t coded[] = {V4L2_PIX_FMT_H264};

// is_coded says whether a queue has coded pictures.
static bool is_coded(struct opening *o, int queue) { return (queue == CAP) == (o->role == ENCODE); }

static uint32_t align(uint32_t n, uint32_t to) { return (n + to - 1) / to * to; }

// format_sizes computes what the driver decides: length of a line, size of a buffer.
void format_sizes(struct opening *o, int queue, struct queue *q) {
	if (is_coded(o, queue)) {
		q->stride = 0;
		q->size = q->width * q->height > 1280 * 720 ? 768 << 10 : 512 << 10;
		return;
	}
	q->stride = align(q->width, q->pixels == V4L2_PIX_FMT_YUV420 && o->role == ENCODE ? 64 : 32);
	q->size = q->stride * q->height * 3 / 2;
}

static void format_reset(struct opening *o) {
	for (int i = 0; i < QUEUES; i++) {
		struct queue *q = &o->queues[i];
		q->pixels = is_coded(o, i) ? coded[0] : raw[0];
		q->width = q->height = LEAST;
		format_sizes(o, i, q);
	}
	o->visible_w = o->visible_h = LEAST;
	o->rate = (struct v4l2_fract){30, 1};
	o->colour = (struct colour){.space = V4L2_COLORSPACE_REC709};
}

struct opening *device_open(enum role role) {
	struct opening *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->role = role;
	o->files = 1;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->news, NULL);
	int *levels[] = {&o->readable, &o->writable, &o->eventful, &o->broken};
	for (size_t i = 0; i < 4; i++)
		*levels[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	format_reset(o);
	controls_reset(o);
	if (pthread_create(&o->worker, NULL, work, o)) {
		free(o);
		errno = ENOMEM;
		return NULL;
	}
	say(role, "open");
	return o;
}

void device_close(struct opening *o) {
	pthread_mutex_lock(&o->lock);
	if (--o->files > 0) {
		pthread_mutex_unlock(&o->lock);
		return;
	}
	o->closing = true;
	pthread_cond_broadcast(&o->news);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->worker, NULL);
	h264_close(o);
	for (int i = 0; i < QUEUES; i++)
		queue_free(&o->queues[i]);
	int levels[] = {o->readable, o->writable, o->eventful, o->broken};
	for (size_t i = 0; i < 4; i++)
		syscall(SYS_close, levels[i]);
	say(o->role, "close");
	free(o);
}

static int fail(int error) {
	errno = error;
	return -1;
}

static int queue_of(uint32_t type) {
	switch (type) {
	case V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE: return OUT;
	case V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE: return CAP;
	}
	return -1;
}

static int formats(struct opening *o, struct v4l2_fmtdesc *f) {
	int queue = queue_of(f->type);
	if (queue < 0)
		return fail(EINVAL);
	bool c = is_coded(o, queue);
	const uint32_t *list = c ? coded : raw;
	if (f->index >= (c ? sizeof coded : sizeof raw) / sizeof *list)
		return fail(EINVAL);
	f->pixelformat = list[f->index];
	f->flags = c ? V4L2_FMT_FLAG_COMPRESSED : 0;
	snprintf((char *)f->description, sizeof f->description, "%.4s", (char *)&f->pixelformat);
	return 0;
}

static void tell_format(struct colour c, struct queue *q, struct v4l2_format *f) {
	struct v4l2_pix_format_mplane *p = &f->fmt.pix_mp;
	memset(p, 0, sizeof *p);
	p->width = q->width;
	p->height = q->height;
	p->pixelformat = q->pixels;
	p->field = V4L2_FIELD_NONE;
	p->colorspace = c.space;
	p->ycbcr_enc = c.matrix;
	p->quantization = c.quantization;
	p->xfer_func = c.transfer;
	p->num_planes = 1;
	p->plane_fmt[0].bytesperline = q->stride;
	p->plane_fmt[0].sizeimage = q->size;
}

static uint32_t within(uint32_t n, uint32_t least) { return n > MOST ? MOST : n < least ? least : n; }

// format gets, tries or sets: what cannot be is made what can.
static int format(struct opening *o, unsigned long request, struct v4l2_format *f) {
	int index = queue_of(f->type);
	if (index < 0)
		return fail(EINVAL);
	struct queue *q = &o->queues[index], made = *q;
	if (request == VIDIOC_G_FMT) {
		tell_format(o->colour, q, f);
		return 0;
	}
	struct v4l2_pix_format_mplane *p = &f->fmt.pix_mp;
	struct colour colour = {p->colorspace, p->ycbcr_enc, p->quantization, p->xfer_func}; // what it is told, since it does not care
	if (!colour.space)
		colour = o->colour;
	bool c = is_coded(o, index);
	made.pixels = c ? coded[0] : p->pixelformat == raw[1] ? raw[1] : raw[0];
	made.width = within(p->width, c ? 0 : LEAST);
	made.height = within(p->height, c ? 0 : LEAST);
	if (!c && o->role == DECODE)
		made.height = align(made.height, 16);
	uint32_t asked = c ? p->plane_fmt[0].sizeimage : 0;
	format_sizes(o, index, &made);
	if (asked > made.size)
		made.size = asked;
	tell_format(colour, &made, f);
	if (request == VIDIOC_TRY_FMT)
		return 0;
	if (q->count)
		return fail(EBUSY);
	*q = made;
	o->colour = colour;
	if (o->role == DECODE && c && q->width && q->height) { // what goes in says how large the pictures are that come out
		struct queue *pictures = &o->queues[CAP];
		o->visible_w = pictures->width = q->width;
		o->visible_h = q->height;
		pictures->height = align(q->height, 16);
		format_sizes(o, CAP, pictures);
	}
	say(o->role, "format %.4s %ux%u", (char *)&made.pixels, made.width, made.height);
	return 0;
}

static int sizes(struct opening *o, struct v4l2_frmsizeenum *s) {
	bool known = s->pixel_format == coded[0] || s->pixel_format == raw[0] || s->pixel_format == raw[1];
	if (!known || s->index)
		return fail(EINVAL);
	s->type = V4L2_FRMSIZE_TYPE_STEPWISE;
	s->stepwise = (struct v4l2_frmsize_stepwise){LEAST, MOST, 2, LEAST, MOST, 2};
	return 0;
}

// rate is how many pictures a second the program means to give.
static int rate(struct opening *o, unsigned long request, struct v4l2_streamparm *p) {
	if (o->role != ENCODE)
		return fail(ENOTTY);
	struct v4l2_fract *f = &p->parm.output.timeperframe;
	if (p->type != V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE || request == VIDIOC_S_PARM && (!f->numerator || !f->denominator))
		return fail(EINVAL);
	if (request == VIDIOC_S_PARM) {
		o->rate = (struct v4l2_fract){f->denominator, f->numerator};
		say(o->role, "rate %u/%u", o->rate.numerator, o->rate.denominator);
	}
	p->parm.output.capability = V4L2_CAP_TIMEPERFRAME;
	*f = (struct v4l2_fract){o->rate.denominator, o->rate.numerator};
	return 0;
}

static int selection(struct opening *o, unsigned long request, struct v4l2_selection *s) {
	bool in = s->type == V4L2_BUF_TYPE_VIDEO_OUTPUT || s->type == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	if (in != (o->role == ENCODE)) // only the side with raw pictures has one
		return fail(EINVAL);
	struct queue *q = &o->queues[in ? OUT : CAP];
	struct v4l2_rect visible = {0, 0, in ? q->width : o->visible_w, in ? q->height : o->visible_h};
	switch (s->target) {
	case V4L2_SEL_TGT_CROP:
	case V4L2_SEL_TGT_COMPOSE:
	case V4L2_SEL_TGT_COMPOSE_DEFAULT:
	case V4L2_SEL_TGT_COMPOSE_BOUNDS:
		if ((s->target == V4L2_SEL_TGT_CROP) != in)
			return fail(EINVAL);
		s->r = visible; // one that is set is as good as the one that there is: nobody here asks for less
		return 0;
	case V4L2_SEL_TGT_CROP_DEFAULT:
	case V4L2_SEL_TGT_CROP_BOUNDS:
		if (request == VIDIOC_S_SELECTION)
			return fail(EINVAL);
		s->r = (struct v4l2_rect){0, 0, q->stride, q->height};
		return 0;
	}
	return fail(EINVAL);
}

// command ends the stream, or lets it go on.
static int command(struct opening *o, uint32_t cmd) {
	if (cmd == V4L2_ENC_CMD_STOP) { // V4L2_DEC_CMD_STOP is the same number, so is START
		say(o->role, "stop");
		o->stop = true;
		pthread_cond_broadcast(&o->news);
		return 0;
	}
	o->queues[CAP].ended = false;
	return cmd == V4L2_ENC_CMD_START ? 0 : fail(EINVAL);
}

static int subscribe(struct opening *o, struct v4l2_event_subscription *s, bool on) {
	switch (s->type) {
	case V4L2_EVENT_EOS: o->wants_eos = on; return 0;
	case V4L2_EVENT_SOURCE_CHANGE: o->wants_change = on; return 0;
	}
	return fail(EINVAL);
}

static int next_event(struct opening *o, struct v4l2_event *e) {
	if (!o->event_count)
		return fail(ENOENT);
	*e = o->events[0];
	memmove(o->events, o->events + 1, --o->event_count * sizeof *e);
	e->pending = o->event_count;
	readiness(o);
	return 0;
}

static int capabilities(struct v4l2_capability *c) {
	memset(c, 0, sizeof *c);
	strcpy((char *)c->driver, "bcm2835-codec");
	strcpy((char *)c->card, "bcm2835-codec (stand-in)");
	strcpy((char *)c->bus_info, "platform:bcm2835-codec");
	c->version = 6 << 16 | 1 << 8;
	c->device_caps = V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
	c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
	return 0;
}

static int answer(struct opening *o, unsigned long request, void *arg) {
	switch (request) {
	case VIDIOC_QUERYCAP: return capabilities(arg);
	case VIDIOC_ENUM_FMT: return formats(o, arg);
	case VIDIOC_G_FMT:
	case VIDIOC_TRY_FMT:
	case VIDIOC_S_FMT: return format(o, request, arg);
	case VIDIOC_ENUM_FRAMESIZES: return sizes(o, arg);
	case VIDIOC_G_PARM:
	case VIDIOC_S_PARM: return rate(o, request, arg);
	case VIDIOC_G_SELECTION:
	case VIDIOC_S_SELECTION: return selection(o, request, arg);
	case VIDIOC_ENCODER_CMD:
		return o->role == ENCODE ? command(o, ((struct v4l2_encoder_cmd *)arg)->cmd) : fail(ENOTTY);
	case VIDIOC_DECODER_CMD:
		return o->role == DECODE ? command(o, ((struct v4l2_decoder_cmd *)arg)->cmd) : fail(ENOTTY);
	case VIDIOC_SUBSCRIBE_EVENT: return subscribe(o, arg, true);
	case VIDIOC_UNSUBSCRIBE_EVENT: return subscribe(o, arg, false);
	case VIDIOC_DQEVENT: return next_event(o, arg);
	}
	int result = controls_ioctl(o, request, arg);
	if (result < 0 && errno == ENOTTY)
		result = queue_ioctl(o, request, arg);
	return result; // ENOTTY: the Pi's driver has no VIDIOC_ENUM_FRAMEINTERVALS either
}

int device_ioctl(struct opening *o, unsigned long request, void *arg) {
	pthread_mutex_lock(&o->lock);
	fault_check(o);
	int result = o->gone ? fail(ENODEV) : answer(o, request, arg);
	int error = errno;
	pthread_mutex_unlock(&o->lock);
	errno = error;
	return result;
}
