// A stand-in for the codec of the Raspberry Pi 3 and 4 (bcm2835-codec) as programs see it: two stateful V4L2 memory-to-memory
// devices, whose files, ioctls, memory and readiness are made up in the program itself. See README.md.
//
//	intercept.c   what of libc and libgudev the program calls: open, stat, dup, close, ioctl, mmap, ppoll, udev's list
//	device.c      openings of the devices; what of the ioctls is no queue's and no control's; formats
//	controls.c    bitrate, distance of keyframes, keyframe now, profile, level
//	queue.c       buffers on their way in and out
//	work.c        the thread that takes from one queue and gives to the other; faults
//	h264.c        OpenH264, which does the work of the chip
//	settings.c    faults, as the test sets them; what happened, for the test to read
#pragma once
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role { DECODE, ENCODE, ROLES };
enum { OUT, CAP, QUEUES }; // V4L2 sees it from the program: OUT goes into the device, CAP comes out of it

#define MOST_BUFFERS 32 // VIDEO_MAX_FRAME

struct buffer {
	int memory; // a memfd
	unsigned char *data;
	uint32_t used, flags, sequence;
	struct timeval at;
	bool queued; // the device has it, or has finished it
};

struct fifo {
	int index[MOST_BUFFERS], count;
};

struct queue {
	uint32_t pixels, width, height, stride, size; // the format; height is that of the buffer, size in bytes
	int count;
	struct buffer buffers[MOST_BUFFERS];
	struct fifo waiting, done;
	bool streaming;
	bool ended; // the buffer with the flag LAST was taken
	uint32_t sequence;
};

#define MOST_CONTROLS 20

// An opening is what the kernel keeps for each open file; its duplicates share it.
struct opening {
	enum role role;
	int files; // that are open of it
	pthread_mutex_t lock;
	pthread_cond_t news;
	pthread_t worker;
	bool closing;

	struct queue queues[QUEUES];
	int32_t controls[MOST_CONTROLS];
	struct v4l2_fract rate;             // pictures a second of the encoder
	uint32_t visible_w, visible_h;      // of the decoder's pictures
	struct colour {
		uint32_t space, matrix, quantization, transfer;
	} colour; // of both queues
	bool keyframe;                      // was asked for
	bool stop;                          // end of stream was asked for
	bool wants_eos, wants_change;       // events that the program has subscribed to
	struct v4l2_event events[8];
	int event_count;
	long pictures; // taken so far
	bool hung, gone;

	int readable, writable, eventful, broken; // eventfds that say so
	void *coder;                              // of h264.c
};

// intercept.c
struct opening *opening_of(int fd);

// device.c
struct opening *device_open(enum role role); // NULL and errno
void device_close(struct opening *o);        // one file of it
int device_ioctl(struct opening *o, unsigned long request, void *arg);
void format_sizes(struct opening *o, int queue, struct queue *q);

// controls.c
void controls_reset(struct opening *o);
int controls_ioctl(struct opening *o, unsigned long request, void *arg); // ENOTTY in errno: none of these
int32_t control(struct opening *o, uint32_t id);

// queue.c
int queue_ioctl(struct opening *o, unsigned long request, void *arg);
void queue_free(struct queue *q);
struct buffer *queue_mapped(struct opening *o, int64_t offset); // what is to be mapped
void fifo_put(struct fifo *f, int index);
int fifo_take(struct fifo *f); // -1: empty
void readiness(struct opening *o);
void event(struct opening *o, uint32_t type);

// work.c
void *work(void *opening);
void fault_check(struct opening *o);
bool beyond(struct opening *o); // its level

// h264.c: they run with the lock held, as the chip works on one picture at a time.
bool h264_encode(struct opening *o, struct buffer *in, struct buffer *out);
bool h264_decode(struct opening *o, struct buffer *in, uint32_t *width, uint32_t *height); // whether there is another picture
void h264_picture(struct opening *o, struct buffer *out);                                  // that one
void h264_close(struct opening *o);

// settings.c
bool settings_on(void);
long setting(enum role role, const char *name); // 0: not set
void say(enum role role, const char *format, ...) __attribute__((format(printf, 2, 3)));
