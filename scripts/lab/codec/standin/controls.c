// The controls of the Pi's encoder and decoder, with its limits and defaults. GStreamer finds them by their names, which are the
// kernel's.
#include "codec.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct definition {
	enum role role;
	uint32_t id;
	enum v4l2_ctrl_type type;
	const char *name;
	int32_t least, most, step, normal;
	uint64_t menu; // entries that there are
};

#define BIT(n) (1ull << (n))
#define PROFILES \
	(BIT(V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE) | BIT(V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE) | \
	 BIT(V4L2_MPEG_VIDEO_H264_PROFILE_MAIN) | BIT(V4L2_MPEG_VIDEO_H264_PROFILE_HIGH))
#define LEVELS(most) (BIT((most) + 1) - 1)
#define INTEGER V4L2_CTRL_TYPE_INTEGER
#define MENU V4L2_CTRL_TYPE_MENU

// In the order of the ids, in which they are enumerated.
static const struct definition all[] = {
	{DECODE, V4L2_CID_MIN_BUFFERS_FOR_CAPTURE, INTEGER, "Min Number of Capture Buffers", 1, 1, 1, 1, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_B_FRAMES, INTEGER, "Video B Frames", 0, 0, 1, 0, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_GOP_SIZE, INTEGER, "Video GOP Size", 0, 0x7fffffff, 1, 60, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, MENU, "Video Bitrate Mode", 0, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR, 0,
		V4L2_MPEG_VIDEO_BITRATE_MODE_VBR, 3},
	{ENCODE, V4L2_CID_MPEG_VIDEO_BITRATE, INTEGER, "Video Bitrate", 25000, 25000000, 25000, 10000000, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_HEADER_MODE, MENU, "Sequence Header Mode", 0,
		V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME, 0, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME, 3},
	{ENCODE, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, V4L2_CTRL_TYPE_BOOLEAN, "Repeat Sequence Header", 0, 1, 1, 0, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, V4L2_CTRL_TYPE_BUTTON, "Force Key Frame", 0, 0, 0, 0, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_H264_MIN_QP, INTEGER, "H264 Minimum QP Value", 0, 51, 1, 20, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_H264_MAX_QP, INTEGER, "H264 Maximum QP Value", 0, 51, 1, 51, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, INTEGER, "H264 I-Frame Period", 0, 0x7fffffff, 1, 60, 0},
	{ENCODE, V4L2_CID_MPEG_VIDEO_H264_LEVEL, MENU, "H264 Level", 0, V4L2_MPEG_VIDEO_H264_LEVEL_5_1, 0,
		V4L2_MPEG_VIDEO_H264_LEVEL_4_0, LEVELS(V4L2_MPEG_VIDEO_H264_LEVEL_5_1)},
	{DECODE, V4L2_CID_MPEG_VIDEO_H264_LEVEL, MENU, "H264 Level", 0, V4L2_MPEG_VIDEO_H264_LEVEL_4_2, 0,
		V4L2_MPEG_VIDEO_H264_LEVEL_4_0, LEVELS(V4L2_MPEG_VIDEO_H264_LEVEL_4_2)},
	{ENCODE, V4L2_CID_MPEG_VIDEO_H264_PROFILE, MENU, "H264 Profile", 0, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, 0,
		V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, PROFILES},
	{DECODE, V4L2_CID_MPEG_VIDEO_H264_PROFILE, MENU, "H264 Profile", 0, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, 0,
		V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, PROFILES},
};
enum { COUNT = sizeof all / sizeof *all };
_Static_assert(COUNT <= MOST_CONTROLS, "more controls than an opening keeps");

void controls_reset(struct opening *o) {
	for (int i = 0; i < COUNT; i++)
		o->controls[i] = all[i].normal;
}

static int find(struct opening *o, uint32_t id) {
	for (int i = 0; i < COUNT; i++)
		if (all[i].role == o->role && all[i].id == id)
			return i;
	return -1;
}

int32_t control(struct opening *o, uint32_t id) {
	int i = find(o, id);
	return i < 0 ? 0 : o->controls[i];
}

static int fail(int error) {
	errno = error;
	return -1;
}

static int query(struct opening *o, struct v4l2_queryctrl *q) {
	bool next = q->id & V4L2_CTRL_FLAG_NEXT_CTRL;
	uint32_t id = q->id & V4L2_CTRL_ID_MASK;
	for (int i = 0; i < COUNT; i++) {
		const struct definition *d = &all[i];
		if (d->role != o->role || (next ? d->id <= id : d->id != id))
			continue;
		memset(q, 0, sizeof *q);
		q->id = d->id;
		q->type = d->type;
		snprintf((char *)q->name, sizeof q->name, "%s", d->name);
		q->minimum = d->least, q->maximum = d->most, q->step = d->step, q->default_value = d->normal;
		q->flags = d->type == V4L2_CTRL_TYPE_BUTTON ? V4L2_CTRL_FLAG_WRITE_ONLY | V4L2_CTRL_FLAG_EXECUTE_ON_WRITE : 0;
		if (o->role == DECODE)
			q->flags = V4L2_CTRL_FLAG_READ_ONLY;
		return 0;
	}
	return fail(EINVAL);
}

static int query_menu(struct opening *o, struct v4l2_querymenu *m) {
	int i = find(o, m->id);
	if (i < 0 || all[i].type != MENU || m->index > 63 || !(all[i].menu & BIT(m->index)))
		return fail(EINVAL);
	snprintf((char *)m->name, sizeof m->name, "%u", m->index);
	return 0;
}

static int get(struct opening *o, uint32_t id, int32_t *value) {
	int i = find(o, id);
	if (i < 0)
		return fail(EINVAL);
	if (all[i].type == V4L2_CTRL_TYPE_BUTTON)
		return fail(EACCES);
	*value = o->controls[i];
	return 0;
}

// set does as the kernel: numbers are brought within their limits and onto their steps, words have to be there.
static int set(struct opening *o, uint32_t id, int32_t *value) {
	int i = find(o, id);
	if (i < 0)
		return fail(EINVAL);
	const struct definition *d = &all[i];
	if (o->role == DECODE)
		return fail(EACCES);
	switch (d->type) {
	case V4L2_CTRL_TYPE_BUTTON:
		o->keyframe = true;
		say(o->role, "keyframe");
		return 0;
	case MENU:
		if (*value < 0 || *value > 63 || !(d->menu & BIT(*value)))
			return fail(ERANGE);
		break;
	default:
		*value = *value < d->least ? d->least : *value > d->most ? d->most : *value;
		if (d->step > 1) // as large as it can be, the next step is beyond the largest number
			*value = d->least + (int32_t)(((int64_t)*value - d->least + d->step / 2) / d->step * d->step);
	}
	o->controls[i] = *value;
	if (id == V4L2_CID_MPEG_VIDEO_H264_I_PERIOD) // with this driver it is another name for the other one
		o->controls[find(o, V4L2_CID_MPEG_VIDEO_GOP_SIZE)] = *value;
	say(o->role, "control %s = %d", d->name, *value);
	return 0;
}

static int extended(struct opening *o, struct v4l2_ext_controls *c, bool sets) {
	for (uint32_t i = 0; i < c->count; i++) {
		struct v4l2_ext_control *e = &c->controls[i];
		int32_t value = e->value;
		if ((sets ? set : get)(o, e->id, &value) < 0) {
			c->error_idx = i;
			return -1;
		}
		e->value = value;
	}
	return 0;
}

int controls_ioctl(struct opening *o, unsigned long request, void *arg) {
	struct v4l2_control *c = arg;
	switch (request) {
	case VIDIOC_QUERYCTRL: return query(o, arg);
	case VIDIOC_QUERYMENU: return query_menu(o, arg);
	case VIDIOC_G_CTRL: return get(o, c->id, &c->value);
	case VIDIOC_S_CTRL: return set(o, c->id, &c->value);
	case VIDIOC_G_EXT_CTRLS: return extended(o, arg, false);
	case VIDIOC_S_EXT_CTRLS: return extended(o, arg, true);
	}
	return fail(ENOTTY);
}
