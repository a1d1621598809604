//go:build ignore

// glass: measures the picture of any video system from glass to glass.
// Its camera is an X display that `draw` draws on; its screen is another, which `read` reads.
//
//   glass draw :1 W H FPS SECONDS           a time code (top left, 320x192) over a generated, moving picture
//   glass read :2 SECONDS [X Y [W H]]       latency, rate, freezes, and pictures that differ from what was drawn
//   glass watch :2 SECONDS [X Y [W H]]      a line for each picture: Unix time in seconds, its age in ms, PSNR in dB, its time code
//                                           (0: unreadable), and what it looks like: luma of a grid of 8x8 means, two hex digits each
//   glass decoded W H                       the time code and the grid of each picture of standard input, four bytes a pixel (BGRx)
//
// The code carries the time of drawing (0.1 ms), the number of the frame and a checksum. From the number, `read`
// generates the same picture again and compares it: broken_pct is the share of shown frames below 25 dB (PSNR of
// luma over a grid of 8x8 means, so that coding noise does not count, but smears, blocks and wrong content do).
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XShm.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

enum { CELL = 32, COLS = 10, ROWS = 6, CODE_W = CELL * COLS, CODE_H = CELL * ROWS };

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void sleep_us(int64_t us) {
    if (us <= 0) return;
    struct timespec t = {us / 1000000, (us % 1000000) * 1000};
    nanosleep(&t, 0);
}

static uint8_t crc8(uint64_t v, int bytes) {
    uint8_t c = 0xff;
    for (int i = 0; i < bytes; i++) {
        c ^= v >> (8 * i);
        for (int k = 0; k < 8; k++) c = c & 0x80 ? (c << 1) ^ 0x31 : c << 1;
    }
    return c;
}

typedef struct { Display *d; XImage *im; XShmSegmentInfo seg; int stride; uint32_t *px; } Shot;

static Shot *shot(Display *d, int w, int h) {
    Shot *s = calloc(1, sizeof *s);
    s->d = d;
    s->im = XShmCreateImage(d, DefaultVisual(d, 0), DefaultDepth(d, 0), ZPixmap, 0, &s->seg, w, h);
    s->seg.shmid = shmget(IPC_PRIVATE, s->im->bytes_per_line * h, IPC_CREAT | 0777);
    s->seg.shmaddr = s->im->data = shmat(s->seg.shmid, 0, 0);
    XShmAttach(d, &s->seg);
    XSync(d, 0);
    shmctl(s->seg.shmid, IPC_RMID, 0);
    s->stride = s->im->bytes_per_line / 4;
    s->px = (uint32_t *)s->im->data;
    return s;
}

static uint32_t *background(int w, int h) {
    uint32_t *bg = malloc(4 * w * h), r = 12345;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            r = r * 1664525 + 1013904223;
            int n = (r >> 24) & 15;
            int R = 128 + 60 * sin(x * .01) + n, G = 128 + 60 * sin(y * .013 + x * .004) + n, B = 128 + 60 * cos((x + y) * .007) + n;
            bg[y * w + x] = R << 16 | G << 8 | B;
        }
    return bg;
}

// The lower third scrolls by 3 pixels a frame, and a dark bar of 64 pixels crosses the upper part.
static uint32_t pixel(const uint32_t *bg, int w, int h, int x, int y, uint32_t frame) {
    if (y >= h * 2 / 3) return bg[y * w + (x + frame * 3) % w];
    int bar = (frame * 5) % w;
    if (y >= CODE_H + 16 && y < CODE_H + 80 && x >= bar && x < bar + 64) return 0x202020;
    return bg[y * w + x];
}

static int luma(uint32_t p) { return (299 * (p >> 16 & 255) + 587 * (p >> 8 & 255) + 114 * (p & 255)) / 1000; }

static int by_value(const void *a, const void *b) {
    double d = *(double *)a - *(double *)b;
    return d < 0 ? -1 : d > 0;
}

static int draw(Display *d, int w, int h, double fps, double secs) {
    XSetWindowAttributes attr = {.override_redirect = 1};
    Window win = XCreateSimpleWindow(d, RootWindow(d, 0), 0, 0, w, h, 0, 0, 0);
    XChangeWindowAttributes(d, win, CWOverrideRedirect, &attr);
    XMapRaised(d, win);
    XSync(d, 0);
    Shot *s = shot(d, w, h);
    GC gc = XCreateGC(d, win, 0, 0);
    uint32_t *bg = background(w, h), frame = 0;
    uint64_t t0 = now_us();
    for (int y = 0; y < h; y++) memcpy(s->px + y * s->stride, bg + y * w, 4 * w);
    for (; now_us() - t0 < secs * 1e6; frame++) {
        uint32_t f = frame & 0xffff; // what the code can carry
        int off = f * 3 % w;
        for (int y = h * 2 / 3; y < h; y++) {
            memcpy(s->px + y * s->stride, bg + y * w + off, 4 * (w - off));
            memcpy(s->px + y * s->stride + w - off, bg + y * w, 4 * off);
        }
        for (int y = CODE_H + 16; y < CODE_H + 80; y++)
            for (int x = 0; x < w; x++) s->px[y * s->stride + x] = pixel(bg, w, h, x, y, f);
        uint64_t bits = (now_us() / 100 & 0xffffffff) | (uint64_t)f << 32;
        bits |= (uint64_t)crc8(bits, 6) << 48;
        for (int b = 0; b < COLS * ROWS; b++) {
            uint32_t c = b < 56 && (bits >> b & 1) ? 0xffffff : 0;
            for (int y = b / COLS * CELL; y < (b / COLS + 1) * CELL; y++)
                for (int x = b % COLS * CELL; x < (b % COLS + 1) * CELL; x++) s->px[y * s->stride + x] = c;
        }
        XShmPutImage(d, win, gc, s->im, 0, 0, 0, 0, w, h, False);
        XSync(d, 0);
        sleep_us((int64_t)(t0 + (frame + 1) * 1e6 / fps) - (int64_t)now_us());
    }
    fprintf(stderr, "drew %u frames\n", frame);
    return 0;
}

typedef struct { int n; uint8_t at[(7680 / 24 + 1) * (4320 / 24 + 1)]; } Grid;

// looks fills a grid with what is seen, and returns the PSNR beside the picture of that number.
static double looks(const uint32_t *px, int stride, const uint32_t *bg, int w, int h, uint32_t frame, Grid *g) {
    double err = 0;
    g->n = 0;
    for (int by = 0; by + 8 <= h; by += 24)
        for (int bx = 0; bx + 8 <= w; bx += 24) {
            if (by < CODE_H + 8 && bx < CODE_W + 8) continue;
            int a = 0, b = 0;
            for (int y = by; y < by + 8; y++)
                for (int x = bx; x < bx + 8; x++) {
                    a += luma(px[y * stride + x]);
                    if (bg) b += luma(pixel(bg, w, h, x, y, frame));
                }
            double e = (a - b) / 64.0;
            err += e * e;
            g->at[g->n++] = a / 64;
        }
    return err == 0 ? 99 : 10 * log10(255 * 255 / (err / g->n));
}

static void print_grid(const Grid *g) {
    static const char hex[] = "0123456789abcdef";
    static char line[2 * sizeof g->at + 2];
    char *to = line;
    for (int i = 0; i < g->n; i++) {
        *to++ = hex[g->at[i] >> 4];
        *to++ = hex[g->at[i] & 15];
    }
    *to++ = '\n';
    fwrite(line, 1, to - line, stdout);
}

// read_code reads the code of a picture: its time in 0.1 ms, which is never 0, and its number. It returns 0 if it cannot be read.
static uint32_t read_code(const uint32_t *px, int stride, uint32_t *frame) {
    uint64_t bits = 0;
    for (int b = 0; b < 56; b++) {
        int cx = b % COLS * CELL + CELL / 2, cy = b / COLS * CELL + CELL / 2, s = 0;
        for (int y = -4; y < 4; y++)
            for (int x = -4; x < 4; x++) s += luma(px[(cy + y) * stride + cx + x]);
        if (s / 64 > 128) bits |= 1ull << b;
    }
    if (crc8(bits & 0xffffffffffffull, 6) != (uint8_t)(bits >> 48)) return 0;
    *frame = bits >> 32 & 0xffff;
    return bits;
}

// decoded is for the pictures of a decoder.
static int decoded(int w, int h) {
    uint32_t *px = malloc(4 * w * h), frame = 0;
    Grid grid;
    while (fread(px, 4, w * h, stdin) == (size_t)w * h) {
        printf("%u ", read_code(px, w, &frame));
        looks(px, w, 0, w, h, 0, &grid);
        print_grid(&grid);
    }
    return 0;
}

// watched is a line about a picture that has come now; code is that of the picture itself.
static void watched(uint64_t at, double ms, double db, uint32_t code, const Grid *g) {
    struct timespec r;
    clock_gettime(CLOCK_REALTIME, &r);
    double unix_s = r.tv_sec + r.tv_nsec / 1e9 - (now_us() - at) / 1e6;
    printf("%.4f %.1f %.1f %u ", unix_s, ms, db, code);
    print_grid(g);
    fflush(stdout);
}

static int read_display(Display *d, int each, double secs, int ox, int oy, int w, int h) {
    Shot *code = shot(d, CODE_W, CODE_H), *full = shot(d, w, h);
    uint32_t *bg = background(w, h), last = 0, frame = 0, blur = 0;
    static double lat[400000], gap[400000], db[400000];
    static Grid grid;
    int n = 0, broken = 0, unreadable = 0;
    uint64_t t0 = now_us(), first = 0, last_t = 0;
    for (; now_us() - t0 < secs * 1e6; ) {
        uint64_t t = now_us();
        XShmGetImage(d, RootWindow(d, 0), code->im, ox, oy, AllPlanes);
        uint32_t ms10 = read_code(code->px, code->stride, &frame), seen = now_us() / 100;
        if (ms10 && (uint32_t)(seen - ms10) < 300000) {
            if (ms10 != last) {
                uint64_t at = now_us();
                if (!first) first = at;
                lat[n] = (uint32_t)(at / 100 - ms10) / 10.0;
                if (last_t) gap[n] = (at - last_t) / 1000.0;
                XShmGetImage(d, RootWindow(d, 0), full->im, ox, oy, AllPlanes);
                uint32_t now = read_code(full->px, full->stride, &frame); // it may be the next one by now
                db[n] = looks(full->px, full->stride, bg, w, h, frame, &grid);
                if (db[n] < 25) broken++;
                if (each) watched(at, lat[n], db[n], now, &grid);
                n++;
                last_t = at;
                last = ms10;
            }
        } else {
            unreadable++;
            uint32_t is = 2166136261u; // FNV-1a of its luma, coarsely: has it changed?
            for (int y = 0; y < CODE_H; y += 8)
                for (int x = 0; x < CODE_W; x += 8) is = (is ^ luma(code->px[y * code->stride + x]) >> 3) * 16777619u;
            if (each && n && is != blur) {
                XShmGetImage(d, RootWindow(d, 0), full->im, ox, oy, AllPlanes);
                looks(full->px, full->stride, 0, w, h, 0, &grid);
                watched(t, 0, 0, 0, &grid);
            }
            blur = is;
        }
        sleep_us(2000 - (int64_t)(now_us() - t));
    }
    if (each) return 0;
    if (!n) {
        printf("no picture (%d unreadable)\n", unreadable);
        return 1;
    }
    double frozen = 0, dur = (now_us() - first) / 1e6, tail = (now_us() - last_t) / 1000.0;
    for (int i = 1; i < n; i++)
        if (gap[i] > 150) frozen += gap[i];
    if (tail > 150) frozen += tail;
    qsort(lat, n, sizeof *lat, by_value);
    qsort(gap, n, sizeof *gap, by_value);
    qsort(db, n, sizeof *db, by_value);
    printf("frames=%d fps=%.1f latency_ms p5=%.1f p50=%.1f p95=%.1f p99=%.1f max=%.1f gap_p99=%.0f gap_max=%.0f frozen_pct=%.2f broken_pct=%.2f psnr_p5=%.1f psnr_p50=%.1f first_ms=%.0f\n",
           n, n / dur, lat[n / 20], lat[n / 2], lat[n * 95 / 100], lat[n * 99 / 100], lat[n - 1], gap[n * 99 / 100], gap[n - 1],
           100 * frozen / 1000 / dur, 100.0 * broken / n, db[n / 20], db[n / 2], (first - t0) / 1000.0);
    return 0;
}

int main(int c, char **v) {
    if (c < 4) {
        fprintf(stderr, "usage: glass draw DISPLAY W H FPS SECONDS | glass read|watch DISPLAY SECONDS [X Y [W H]] | glass decoded W H\n");
        return 2;
    }
    if (!strcmp(v[1], "decoded")) return decoded(atoi(v[2]), atoi(v[3]));
    Display *d = XOpenDisplay(v[2]);
    if (!d) {
        fprintf(stderr, "no display %s\n", v[2]);
        return 2;
    }
    if (!strcmp(v[1], "draw") && c >= 7) return draw(d, atoi(v[3]), atoi(v[4]), atof(v[5]), atof(v[6]));
    return read_display(d, !strcmp(v[1], "watch"), atof(v[3]), c > 5 ? atoi(v[4]) : 0, c > 5 ? atoi(v[5]) : 0, c > 7 ? atoi(v[6]) : 1280, c > 7 ? atoi(v[7]) : 720);
}
