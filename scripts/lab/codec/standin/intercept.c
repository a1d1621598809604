// What the program calls. Everything that is not about our devices goes to the kernel by system calls: nothing here may
// need libc's own functions of these names, nor memory from malloc, before the program has begun.
#define _GNU_SOURCE
#include "codec.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OURS __attribute__((visibility("default")))
#define MOST_FILES 4096

static const char *const paths[ROLES] = {"/dev/video10", "/dev/video11"}; // the numbers that the Pi's driver takes

static _Atomic(struct opening *) files[MOST_FILES];

struct opening *opening_of(int fd) { return fd >= 0 && fd < MOST_FILES ? atomic_load(&files[fd]) : NULL; }

static int role_of(const char *path) {
	for (int r = 0; settings_on() && path && r < ROLES; r++)
		if (!strcmp(path, paths[r]))
			return r;
	return -1;
}

static bool absent(int role) { return setting(role, "absent") > 0; }

// file makes another file of an opening. Its number is that of something real, so that nobody else gets it.
static int file(struct opening *o) {
	int fd = eventfd(0, EFD_CLOEXEC);
	if (fd >= MOST_FILES) {
		syscall(SYS_close, fd);
		errno = EMFILE;
		return -1;
	}
	if (fd >= 0)
		atomic_store(&files[fd], o);
	return fd;
}

static int opens(const char *path, int at, int flags, mode_t mode) {
	int role = role_of(path);
	if (role < 0)
		return syscall(SYS_openat, at, path, flags, mode);
	if (absent(role)) {
		errno = ENOENT;
		return -1;
	}
	struct opening *o = device_open(role);
	return o ? file(o) : -1;
}

#define MODE(last) \
	mode_t mode = 0; \
	if (flags & (O_CREAT | O_TMPFILE)) { \
		va_list more; \
		va_start(more, last); \
		mode = va_arg(more, mode_t); \
		va_end(more); \
	}

OURS int open(const char *path, int flags, ...) { MODE(flags) return opens(path, AT_FDCWD, flags, mode); }
OURS int open64(const char *path, int flags, ...) { MODE(flags) return opens(path, AT_FDCWD, flags, mode); }
OURS int openat(int at, const char *path, int flags, ...) { MODE(flags) return opens(path, at, flags, mode); }
OURS int openat64(int at, const char *path, int flags, ...) { MODE(flags) return opens(path, at, flags, mode); }

static int stats(const char *path, struct stat *s) {
	int role = role_of(path);
	if (role < 0)
		return fstatat(AT_FDCWD, path, s, 0);
	if (absent(role)) {
		errno = ENOENT;
		return -1;
	}
	memset(s, 0, sizeof *s);
	s->st_mode = S_IFCHR | 0660;
	s->st_rdev = makedev(81, 10 + role); // 81: video4linux
	return 0;
}

OURS int stat(const char *path, struct stat *s) { return stats(path, s); }
OURS int stat64(const char *path, struct stat64 *s) { return stats(path, (struct stat *)s); } // the same on 64 bits

OURS int dup(int fd) {
	struct opening *o = opening_of(fd);
	if (!o)
		return syscall(SYS_dup, fd);
	pthread_mutex_lock(&o->lock);
	o->files++;
	pthread_mutex_unlock(&o->lock);
	return file(o);
}

OURS int close(int fd) {
	struct opening *o = opening_of(fd);
	if (o) {
		atomic_store(&files[fd], NULL);
		device_close(o);
	}
	return syscall(SYS_close, fd);
}

OURS int ioctl(int fd, unsigned long request, ...) {
	va_list more;
	va_start(more, request);
	void *arg = va_arg(more, void *);
	va_end(more);
	struct opening *o = opening_of(fd);
	if (o)
		return device_ioctl(o, request, arg);
	int result = syscall(SYS_ioctl, fd, request, arg);
	if (result < 0 && errno == ENOTTY && request == DMA_BUF_IOCTL_SYNC)
		return 0; // what VIDIOC_EXPBUF gave is a memfd, which needs none
	return result;
}

OURS void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
	struct opening *o = flags & MAP_ANONYMOUS ? NULL : opening_of(fd);
	if (o) {
		struct buffer *b = queue_mapped(o, offset);
		if (!b) {
			errno = EINVAL;
			return MAP_FAILED;
		}
		fd = b->memory, offset = 0;
	}
	return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

OURS void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
	return mmap(at, size, protection, flags, fd, offset);
}

// Each readiness of an opening is an eventfd of its own, which is asked for in the place of our file.
#define MOST_POLLED 64
#define KINDS 4

static int substitutes(struct opening *o, int fds[KINDS], short asked[KINDS]) {
	const int all[KINDS] = {o->readable, o->writable, o->eventful, o->broken};
	const short by[KINDS] = {POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLPRI, POLLERR};
	memcpy(fds, all, sizeof all);
	memcpy(asked, by, sizeof by);
	return KINDS;
}

static int polls(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
	struct pollfd real[MOST_POLLED * KINDS];
	int owner[MOST_POLLED * KINDS], kinds[KINDS], count = 0, ready = 0;
	short by[KINDS], meant[MOST_POLLED * KINDS];
	bool any = false;
	for (nfds_t i = 0; i < n && i < MOST_FILES; i++)
		any = any || opening_of(fds[i].fd);
	struct timespec left; // the kernel writes what is left of the time
	if (timeout)
		left = *timeout;
	if (!any || n > MOST_POLLED)
		return syscall(SYS_ppoll, fds, n, timeout ? &left : NULL, mask, _NSIG / 8);
	for (nfds_t i = 0; i < n; i++) {
		struct opening *o = opening_of(fds[i].fd);
		fds[i].revents = 0;
		if (!o) {
			real[count] = fds[i], meant[count] = 0, owner[count++] = i;
			continue;
		}
		substitutes(o, kinds, by);
		for (int k = 0; k < KINDS; k++)
			if (by[k] == POLLERR || fds[i].events & by[k]) {
				real[count] = (struct pollfd){.fd = kinds[k], .events = POLLIN};
				meant[count] = by[k] == POLLERR ? POLLERR : fds[i].events & by[k];
				owner[count++] = i;
			}
	}
	if (syscall(SYS_ppoll, real, count, timeout ? &left : NULL, mask, _NSIG / 8) < 0)
		return -1;
	for (int i = 0; i < count; i++)
		if (real[i].revents)
			fds[owner[i]].revents |= meant[i] ? meant[i] : real[i].revents;
	for (nfds_t i = 0; i < n; i++)
		ready += fds[i].revents != 0;
	return ready;
}

OURS int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
	return polls(fds, n, timeout, mask);
}

OURS int poll(struct pollfd *fds, nfds_t n, int ms) {
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	return polls(fds, n, ms < 0 ? NULL : &t, NULL);
}

// GStreamer finds devices by udev's list of the subsystem video4linux, through libgudev: that list is ours. GLib is taken
// from the program, which has it if it calls this.
typedef struct _GList GList;
static const char tag[] = "ewindow-codec";

OURS GList *g_udev_client_query_by_subsystem(void *client, const char *subsystem) {
	GList *(*append)(GList *, void *) = dlsym(RTLD_DEFAULT, "g_list_append");
	void *(*new)(unsigned long, const char *, ...) = dlsym(RTLD_DEFAULT, "g_object_new");
	void (*set)(void *, const char *, const void *) = dlsym(RTLD_DEFAULT, "g_object_set_data");
	const unsigned long object = 20 << 2; // G_TYPE_OBJECT
	GList *list = NULL;
	if (!append || !new || !set || !subsystem || strcmp(subsystem, "video4linux"))
		return NULL;
	for (int r = 0; settings_on() && r < ROLES; r++) {
		void *device = new (object, NULL);
		set(device, tag, paths[r]);
		list = append(list, device);
	}
	return list;
}

OURS const char *g_udev_device_get_device_file(void *device) {
	const char *(*get)(void *, const char *) = dlsym(RTLD_DEFAULT, "g_object_get_data");
	return get ? get(device, tag) : NULL;
}

OURS const char *g_udev_device_get_sysfs_path(void *device) { return g_udev_device_get_device_file(device); }
OURS const char *g_udev_device_get_property(void *device, const char *key) { return NULL; }
OURS int g_udev_device_get_property_as_int(void *device, const char *key) { return 0; }
