// The chip: a thread for each opening, which takes what goes in and gives what comes out. And what can go wrong with it.
#include "codec.h"
#include <unistd.h>

// fault_check looks whether the test wants something to go wrong, after so many pictures of this opening.
void fault_check(struct opening *o) {
	long hang = setting(o->role, "hang"), gone = setting(o->role, "gone"), stuck = setting(o->role, "stuck");
	if (hang && o->pictures >= hang && !o->hung) {
		o->hung = true;
		say(o->role, "hangs after %ld", o->pictures);
	}
	if (gone && o->pictures >= gone && !o->gone) {
		o->gone = true;
		say(o->role, "is gone after %ld", o->pictures);
		readiness(o);
		pthread_cond_broadcast(&o->news);
	}
	if (stuck && o->pictures >= stuck) { // in the driver, with its lock: only the end of the process helps
		say(o->role, "is stuck after %ld", o->pictures);
		for (;;)
			pause();
	}
}

// Largest picture and most of them in a second, in macroblocks, by level (H.264 table A-1, in V4L2's order).
static const struct { uint32_t second, picture; } levels[] = {
	{1485, 99}, {1485, 99}, {3000, 396}, {6000, 396}, {11880, 396}, {11880, 396}, {19800, 792}, {20250, 1620},
	{40500, 1620}, {108000, 3600}, {216000, 5120}, {245760, 8192}, {245760, 8192}, {522240, 8704}, {589824, 22080}, {983040, 36864}};

// beyond says whether the pictures are more than the level that is set allows, which the Pi's encoder was seen not to survive.
bool beyond(struct opening *o) {
	uint32_t level = control(o, V4L2_CID_MPEG_VIDEO_H264_LEVEL);
	uint32_t picture = ((o->queues[OUT].width + 15) / 16) * ((o->queues[OUT].height + 15) / 16);
	return level < sizeof levels / sizeof *levels &&
		(picture > levels[level].picture || picture * o->rate.numerator / o->rate.denominator > levels[level].second);
}

static void finish(struct opening *o, int queue, int index) {
	struct queue *q = &o->queues[queue];
	q->buffers[index].sequence = q->sequence++;
	fifo_put(&q->done, index);
	readiness(o);
	pthread_cond_broadcast(&o->news);
}

// last gives the empty buffer that ends a stream.
static void last(struct opening *o) {
	int index = fifo_take(&o->queues[CAP].waiting);
	struct buffer *b = &o->queues[CAP].buffers[index];
	b->used = 0;
	b->flags = V4L2_BUF_FLAG_LAST;
	o->stop = false;
	event(o, V4L2_EVENT_EOS);
	finish(o, CAP, index);
}

static void encode(struct opening *o) {
	struct queue *in = &o->queues[OUT], *out = &o->queues[CAP];
	int from = fifo_take(&in->waiting), to = fifo_take(&out->waiting);
	struct buffer *b = &out->buffers[to];
	if (beyond(o) && o->pictures) {
		o->hung = true;
		say(o->role, "hangs: more than its level");
	}
	b->at = in->buffers[from].at;
	b->flags = 0;
	if (!o->hung && !h264_encode(o, &in->buffers[from], b)) {
		o->hung = true;
		say(o->role, "hangs: OpenH264 does not take this");
	}
	if (o->hung)
		return; // both buffers stay with it
	o->pictures++;
	say(o->role, "picture %ld bytes %u%s", o->pictures, b->used, b->flags & V4L2_BUF_FLAG_KEYFRAME ? " key" : "");
	finish(o, OUT, from);
	finish(o, CAP, to);
}

// resize has the program learn that pictures are of another size than it was told or told.
static void resize(struct opening *o, uint32_t width, uint32_t height) {
	struct queue *out = &o->queues[CAP];
	o->visible_w = out->width = width;
	o->visible_h = height;
	out->height = (height + 15) / 16 * 16;
	format_sizes(o, CAP, out);
	say(o->role, "size %ux%u", width, height);
	event(o, V4L2_EVENT_SOURCE_CHANGE);
}

static void decode(struct opening *o) {
	struct queue *in = &o->queues[OUT], *out = &o->queues[CAP];
	int from = fifo_take(&in->waiting);
	uint32_t w, h;
	if (h264_decode(o, &in->buffers[from], &w, &h)) {
		if (w != o->visible_w || h != o->visible_h) {
			resize(o, w, h); // this picture has no buffer that is large enough
		} else {
			int to = fifo_take(&out->waiting);
			h264_picture(o, &out->buffers[to]);
			o->pictures++;
			if (o->pictures == setting(DECODE, "damage"))
				out->buffers[to].flags |= V4L2_BUF_FLAG_ERROR;
			say(o->role, "picture %ld", o->pictures);
			finish(o, CAP, to);
		}
	}
	finish(o, OUT, from);
}

// ready says whether there is something to be done.
static bool ready(struct opening *o) {
	struct queue *in = &o->queues[OUT], *out = &o->queues[CAP];
	if (o->hung || o->gone || !in->streaming)
		return false;
	if (o->stop && !in->waiting.count)
		return out->streaming && out->waiting.count;
	if (o->role == DECODE && in->waiting.count <= setting(DECODE, "hold"))
		return false; // it takes a picture when so many more have come
	return in->waiting.count && out->streaming && out->waiting.count;
}

void *work(void *opening) {
	struct opening *o = opening;
	pthread_mutex_lock(&o->lock);
	while (!o->closing) {
		if (!ready(o)) {
			pthread_cond_wait(&o->news, &o->lock);
			continue;
		}
		fault_check(o);
		if (o->hung || o->gone)
			continue;
		if (!o->queues[OUT].waiting.count)
			last(o);
		else if (o->role == ENCODE)
			encode(o);
		else
			decode(o);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}
