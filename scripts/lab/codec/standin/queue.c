// Buffers on their way in and out: VIDIOC_REQBUFS to VIDIOC_STREAMOFF, events, and what ppoll is told of them.
#define _GNU_SOURCE
#include "codec.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// offset is by which a buffer is mapped.
static int64_t offset(int queue, int index) { return (int64_t)queue << 30 | (int64_t)index << 24; }

struct buffer *queue_mapped(struct opening *o, int64_t at) {
	int queue = at >> 30, index = at >> 24 & 63;
	if (queue < 0 || queue >= QUEUES || index >= o->queues[queue].count || at & 0xffffff)
		return NULL;
	return &o->queues[queue].buffers[index];
}

void fifo_put(struct fifo *f, int index) { f->index[f->count++] = index; } // each buffer is in one place only

int fifo_take(struct fifo *f) {
	if (!f->count)
		return -1;
	int index = f->index[0];
	memmove(f->index, f->index + 1, --f->count * sizeof *f->index);
	return index;
}

static void level(int fd, bool on) {
	uint64_t n;
	if (read(fd, &n, sizeof n) < 0) { // it was not on
	}
	n = 1;
	if (on && write(fd, &n, sizeof n) < 0) { // cannot be: it holds more than one
	}
}

void readiness(struct opening *o) {
	struct queue *c = &o->queues[CAP];
	level(o->readable, c->done.count > 0 || c->ended);
	level(o->writable, o->queues[OUT].done.count > 0);
	level(o->eventful, o->event_count > 0);
	level(o->broken, o->gone);
}

void event(struct opening *o, uint32_t type) {
	bool wanted = type == V4L2_EVENT_EOS ? o->wants_eos : o->wants_change;
	if (!wanted || o->event_count == 8)
		return;
	struct v4l2_event *e = &o->events[o->event_count++];
	memset(e, 0, sizeof *e);
	e->type = type;
	if (type == V4L2_EVENT_SOURCE_CHANGE)
		e->u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION;
	clock_gettime(CLOCK_MONOTONIC, &e->timestamp);
	readiness(o);
}

static int fail(int error) {
	errno = error;
	return -1;
}

static int queue_of(uint32_t type) {
	return type == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE ? OUT : type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE ? CAP : -1;
}

void queue_free(struct queue *q) {
	for (int i = 0; i < q->count; i++) {
		munmap(q->buffers[i].data, q->size);
		syscall(SYS_close, q->buffers[i].memory);
	}
	q->count = q->waiting.count = q->done.count = 0;
}

// grow adds buffers of the format's size.
static int grow(struct queue *q, int more) {
	while (more-- > 0 && q->count < MOST_BUFFERS) {
		struct buffer *b = &q->buffers[q->count];
		memset(b, 0, sizeof *b);
		b->memory = memfd_create("codec", MFD_CLOEXEC);
		if (b->memory < 0 || ftruncate(b->memory, q->size) < 0)
			return fail(ENOMEM);
		b->data = (void *)syscall(SYS_mmap, NULL, q->size, PROT_READ | PROT_WRITE, MAP_SHARED, b->memory, 0);
		if (b->data == MAP_FAILED)
			return fail(ENOMEM);
		q->count++;
	}
	return 0;
}

static const uint32_t can = V4L2_BUF_CAP_SUPPORTS_MMAP | V4L2_BUF_CAP_SUPPORTS_DMABUF | V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS;

static int request_buffers(struct opening *o, struct v4l2_requestbuffers *r) {
	int index = queue_of(r->type);
	if (index < 0 || r->memory != V4L2_MEMORY_MMAP) // the stand-in imports nobody's memory
		return fail(EINVAL);
	struct queue *q = &o->queues[index];
	if (q->streaming)
		return fail(EBUSY);
	queue_free(q);
	r->capabilities = can;
	int result = grow(q, r->count);
	r->count = q->count;
	return result;
}

static int create_buffers(struct opening *o, struct v4l2_create_buffers *c) {
	int index = queue_of(c->format.type);
	if (index < 0 || c->memory != V4L2_MEMORY_MMAP)
		return fail(EINVAL);
	struct queue *q = &o->queues[index];
	c->index = q->count;
	c->capabilities = can;
	if (!c->count) // only asked whether that is possible
		return 0;
	if (q->count == MOST_BUFFERS)
		return fail(ENOBUFS);
	int result = grow(q, c->count);
	c->count = q->count - c->index;
	return result;
}

// describe tells of a buffer what the kernel tells.
static int describe(struct opening *o, int queue, int index, struct v4l2_buffer *v) {
	struct queue *q = &o->queues[queue];
	struct buffer *b = &q->buffers[index];
	if (v->length < 1 || !v->m.planes)
		return fail(EINVAL);
	v->index = index;
	v->flags = b->flags | V4L2_BUF_FLAG_TIMESTAMP_COPY;
	v->field = V4L2_FIELD_NONE;
	v->timestamp = b->at;
	v->sequence = b->sequence;
	v->memory = V4L2_MEMORY_MMAP;
	v->length = 1;
	memset(v->m.planes, 0, sizeof *v->m.planes);
	v->m.planes[0].bytesused = b->used;
	v->m.planes[0].length = q->size;
	v->m.planes[0].m.mem_offset = offset(queue, index);
	return 0;
}

static int query_buffer(struct opening *o, struct v4l2_buffer *v) {
	int queue = queue_of(v->type);
	if (queue < 0 || v->index >= (uint32_t)o->queues[queue].count)
		return fail(EINVAL);
	return describe(o, queue, v->index, v);
}

static int export(struct opening *o, struct v4l2_exportbuffer *e) {
	int queue = queue_of(e->type);
	if (queue < 0 || e->index >= (uint32_t)o->queues[queue].count || e->plane)
		return fail(EINVAL);
	e->fd = fcntl(o->queues[queue].buffers[e->index].memory, F_DUPFD_CLOEXEC, 3);
	return e->fd < 0 ? -1 : 0;
}

static int give(struct opening *o, struct v4l2_buffer *v) {
	int queue = queue_of(v->type);
	if (queue < 0 || v->index >= (uint32_t)o->queues[queue].count || v->memory != V4L2_MEMORY_MMAP || v->length < 1)
		return fail(EINVAL);
	struct queue *q = &o->queues[queue];
	struct buffer *b = &q->buffers[v->index];
	if (b->queued)
		return fail(EINVAL);
	b->queued = true;
	b->flags = 0;
	if (queue == OUT) {
		b->used = v->m.planes[0].bytesused;
		b->at = v->timestamp;
	}
	fifo_put(&q->waiting, v->index);
	pthread_cond_broadcast(&o->news);
	return describe(o, queue, v->index, v);
}

static int take(struct opening *o, struct v4l2_buffer *v) {
	int queue = queue_of(v->type), index;
	if (queue < 0 || !o->queues[queue].streaming)
		return fail(EINVAL);
	struct queue *q = &o->queues[queue];
	if (queue == CAP && q->ended && !q->done.count)
		return fail(EPIPE); // after the last one
	while ((index = fifo_take(&q->done)) < 0) { // the file is not opened O_NONBLOCK: this waits
		pthread_cond_wait(&o->news, &o->lock);
		if (o->gone)
			return fail(ENODEV);
		if (!q->streaming)
			return fail(EINVAL);
	}
	struct buffer *b = &q->buffers[index];
	b->queued = false;
	q->ended = q->ended || b->flags & V4L2_BUF_FLAG_LAST;
	readiness(o);
	return describe(o, queue, index, v);
}

// releaseWithin is how long the Pi's driver waits for the chip to give buffers back.
static const struct timespec release_within = {2, 0};

static int stream(struct opening *o, uint32_t type, bool on) {
	int queue = queue_of(type);
	if (queue < 0)
		return fail(EINVAL);
	struct queue *q = &o->queues[queue];
	if (on && !q->count)
		return fail(EINVAL);
	if (!on && o->hung && q->streaming) {
		pthread_mutex_unlock(&o->lock);
		nanosleep(&release_within, NULL);
		pthread_mutex_lock(&o->lock);
	}
	say(o->role, "%s %s", queue == OUT ? "pictures in" : "pictures out", on ? "on" : "off");
	q->streaming = on;
	q->sequence = 0;
	q->ended = false;
	if (queue == OUT)
		o->stop = false;
	if (!on) {
		q->waiting.count = q->done.count = 0;
		for (int i = 0; i < q->count; i++)
			q->buffers[i].queued = false;
	}
	readiness(o);
	pthread_cond_broadcast(&o->news);
	return 0;
}

int queue_ioctl(struct opening *o, unsigned long request, void *arg) {
	switch (request) {
	case VIDIOC_REQBUFS: return request_buffers(o, arg);
	case VIDIOC_CREATE_BUFS: return create_buffers(o, arg);
	case VIDIOC_QUERYBUF: return query_buffer(o, arg);
	case VIDIOC_EXPBUF: return export(o, arg);
	case VIDIOC_QBUF: return give(o, arg);
	case VIDIOC_DQBUF: return take(o, arg);
	case VIDIOC_STREAMON: return stream(o, *(uint32_t *)arg, true);
	case VIDIOC_STREAMOFF: return stream(o, *(uint32_t *)arg, false);
	}
	return fail(ENOTTY);
}
