#include "card.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

static const char *family = "Inter, Noto Sans, DejaVu Sans, Sans";

static cairo_t *begin(unsigned char *px, int w, int h) {
    cairo_surface_t *s = cairo_image_surface_create_for_data(px, CAIRO_FORMAT_ARGB32, w, h, w * 4);
    cairo_t *c = cairo_create(s);
    cairo_surface_destroy(s);
    return c;
}

static void end(cairo_t *c) {
    cairo_surface_flush(cairo_get_target(c));
    cairo_destroy(c);
}

// A text of that size in pixels, wrapped at width, at most lines lines, then an ellipsis. Texts come from the
// network as well: what is not UTF-8 is made so.
static PangoLayout *layout(cairo_t *c, const char *text, double size, PangoWeight weight, double width, int lines) {
    PangoLayout *l = pango_cairo_create_layout(c);
    PangoFontDescription *d = pango_font_description_new();
    pango_font_description_set_family_static(d, family);
    pango_font_description_set_weight(d, weight);
    pango_font_description_set_absolute_size(d, size * PANGO_SCALE);
    pango_layout_set_font_description(l, d);
    pango_font_description_free(d);
    char *valid = g_utf8_make_valid(text, -1);
    pango_layout_set_text(l, valid, -1);
    g_free(valid);
    if (width > 0) {
        pango_layout_set_width(l, width * PANGO_SCALE);
        pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
        pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
        pango_layout_set_height(l, -lines);
    }
    return l;
}

// The largest of the sizes from big down to small at which the text keeps to so many lines.
static PangoLayout *fit(cairo_t *c, const char *text, double big, double small, PangoWeight weight, double width, int lines) {
    for (double size = big;; size *= 0.93) {
        PangoLayout *l = layout(c, text, size, weight, width, 1000);
        int wanted = pango_layout_get_line_count(l);
        g_object_unref(l);
        if (wanted <= lines || size < small) return layout(c, text, size, weight, width, lines);
    }
}

static double tall(PangoLayout *l) {
    int w, h;
    pango_layout_get_pixel_size(l, &w, &h);
    return h;
}

// Text from right to left is read so, but stands where all texts do: Pango would put it at the far end of its room.
static void show(cairo_t *c, PangoLayout *l, double x, double y, double r, double g, double b) {
    PangoRectangle box;
    pango_layout_get_pixel_extents(l, NULL, &box);
    cairo_set_source_rgb(c, r, g, b);
    cairo_move_to(c, x - box.x, y);
    pango_cairo_show_layout(c, l);
}

static void rounded(cairo_t *c, double x, double y, double w, double h, double r) {
    cairo_new_sub_path(c);
    cairo_arc(c, x + w - r, y + r, r, -M_PI / 2, 0);
    cairo_arc(c, x + w - r, y + h - r, r, 0, M_PI / 2);
    cairo_arc(c, x + r, y + h - r, r, M_PI / 2, M_PI);
    cairo_arc(c, x + r, y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(c);
}

// An evening sky: deep blue above, a last warm light low on the right.
static void ground(cairo_t *c, double w, double h) {
    cairo_pattern_t *p = cairo_pattern_create_linear(0, 0, 0, h);
    cairo_pattern_add_color_stop_rgb(p, 0, 0.043, 0.078, 0.122);
    cairo_pattern_add_color_stop_rgb(p, 0.62, 0.078, 0.145, 0.204);
    cairo_pattern_add_color_stop_rgb(p, 1, 0.129, 0.192, 0.235);
    cairo_set_source(c, p);
    cairo_paint(c);
    cairo_pattern_destroy(p);
    p = cairo_pattern_create_radial(w * 0.86, h * 1.12, 0, w * 0.86, h * 1.12, w * 0.62);
    cairo_pattern_add_color_stop_rgba(p, 0, 0.96, 0.62, 0.36, 0.40);
    cairo_pattern_add_color_stop_rgba(p, 0.45, 0.85, 0.48, 0.34, 0.13);
    cairo_pattern_add_color_stop_rgba(p, 1, 0.6, 0.4, 0.4, 0);
    cairo_set_source(c, p);
    cairo_paint(c);
    cairo_pattern_destroy(p);
}

// A window with four panes, in thin lines: the project's sign. Its light is the accent.
static void sign(cairo_t *c, double x, double y, double size) {
    double line = size * 0.07;
    cairo_set_line_width(c, line);
    cairo_set_source_rgba(c, 0.96, 0.72, 0.44, 0.95);
    rounded(c, x + line / 2, y + line / 2, size - line, size - line, size * 0.12);
    cairo_stroke(c);
    cairo_move_to(c, x + size / 2, y + line);
    cairo_line_to(c, x + size / 2, y + size - line);
    cairo_move_to(c, x + line, y + size / 2);
    cairo_line_to(c, x + size - line, y + size / 2);
    cairo_stroke(c);
}

void ew_card(unsigned char *px, int width, int height, const char *title, const char *reason, const char *next, const char *notice) {
    cairo_t *c = begin(px, width, height);
    double w = width, h = height, unit = fmin(h, w * 0.8), left = w * 0.075, room = w - 2 * left;
    ground(c, w, h);

    double top = h / 2 - unit / 2 + unit * 0.085;
    sign(c, left, top, unit * 0.075);
    PangoLayout *t = fit(c, title, unit * 0.062, unit * 0.045, PANGO_WEIGHT_NORMAL, room - unit * 0.115, 1);
    show(c, t, left + unit * 0.115, top + unit * 0.0375 - tall(t) / 2, 0.86, 0.89, 0.91);
    g_object_unref(t);

    double floor = h / 2 + unit / 2; // of what stands in the middle
    if (*notice) {
        int lines = 1; // that the text has by itself; two in any case
        for (const char *p = notice; *p; p++) lines += *p == '\n';
        PangoLayout *l = fit(c, notice, unit * 0.050, unit * 0.036, PANGO_WEIGHT_NORMAL, room - unit * 0.05, lines < 2 ? 2 : lines);
        double lh = tall(l), ly = h / 2 + unit / 2 - unit * 0.075 - lh;
        cairo_set_source_rgb(c, 0.97, 0.76, 0.50);
        rounded(c, left, ly + lh * 0.08, unit * 0.010, lh * 0.84, unit * 0.005);
        cairo_fill(c);
        show(c, l, left + unit * 0.035, ly, 0.83, 0.86, 0.88);
        g_object_unref(l);
        floor = ly - unit * 0.035;
    }

    // The reason is what people read first, and when it ends second: both stand together in the middle, above the notice. Where that leaves
    // them too little room the reason has fewer lines.
    PangoLayout *n = fit(c, next, unit * 0.090, unit * 0.060, PANGO_WEIGHT_NORMAL, room, 2), *r = NULL;
    double rh, nh = *next ? tall(n) : 0, gap, ceiling = top + unit * 0.095;
    for (int lines = 3;; lines--) {
        r = fit(c, reason, unit * 0.150, unit * 0.080, PANGO_WEIGHT_SEMIBOLD, room, lines);
        rh = *reason ? tall(r) : 0, gap = rh && nh ? unit * 0.035 : 0;
        if (lines == 1 || rh + gap + nh <= floor - ceiling) break;
        g_object_unref(r);
    }
    double y = fmin(h / 2 + unit * 0.02 - (rh + gap + nh) / 2, floor - (rh + gap + nh));
    if (rh) show(c, r, left, y, 0.98, 0.97, 0.95);
    if (nh) show(c, n, left, y + rh + gap, 0.97, 0.76, 0.50);
    g_object_unref(r);
    g_object_unref(n);
    end(c);
}

void ew_label(unsigned char *px, int *width, int *height, int picture_height, int max_width, int warn, const char *text) {
    unsigned char none[4] = {0};
    cairo_t *c = begin(px ? px : none, px ? *width : 1, px ? *height : 1);
    double unit = fmin(picture_height, max_width * 0.89); // as of a card: on a screen that stands upright lines have less room
    double size = fmax(10, unit * 0.036), pad = size * 0.55;
    PangoLayout *l = layout(c, text, size, PANGO_WEIGHT_MEDIUM, fmax(1, max_width - 2 * pad), 1);
    if (!px) {
        int tw, th;
        pango_layout_get_pixel_size(l, &tw, &th);
        *width = ((int)(tw + 2 * pad) + 2) & ~1; // even, for pictures with halved colour
        *height = ((int)(th + pad) + 2) & ~1;
    } else {
        rounded(c, 0, 0, *width, *height, size * 0.4);
        cairo_set_source_rgba(c, 0.03, 0.06, 0.09, 0.62);
        cairo_fill(c);
        show(c, l, pad, pad / 2 + 1, warn ? 0.99 : 0.97, warn ? 0.80 : 0.97, warn ? 0.54 : 0.96);
    }
    g_object_unref(l);
    end(c);
}

void ew_test_picture(unsigned char *px, int width, int height, const char *name) {
    cairo_t *c = begin(px, width, height);
    double w = width, h = height;
    cairo_pattern_t *p = cairo_pattern_create_linear(0, 0, w, h);
    cairo_pattern_add_color_stop_rgb(p, 0, 0.33, 0.47, 0.53);
    cairo_pattern_add_color_stop_rgb(p, 0.55, 0.55, 0.63, 0.58);
    cairo_pattern_add_color_stop_rgb(p, 1, 0.84, 0.69, 0.50);
    cairo_set_source(c, p);
    cairo_paint(c);
    cairo_pattern_destroy(p);
    PangoLayout *l = fit(c, name, h * 0.13, h * 0.08, PANGO_WEIGHT_SEMIBOLD, w * 0.9, 1);
    if (pango_layout_is_ellipsized(l)) {
        g_object_unref(l);
        l = fit(c, name, h * 0.11, h * 0.05, PANGO_WEIGHT_SEMIBOLD, w * 0.9, 2);
    }
    double y = h * 0.50 - tall(l) / 2;
    show(c, l, w * 0.05 + h * 0.004, y + h * 0.004, 0.12, 0.16, 0.18);
    show(c, l, w * 0.05, y, 0.99, 0.98, 0.96);
    g_object_unref(l);
    end(c);
}

int ew_glyph(unsigned char *px, int width, int height, int size, const char *text) {
    cairo_t *c = begin(px, width, height);
    PangoLayout *l = layout(c, text, size, PANGO_WEIGHT_SEMIBOLD, 0, 1);
    int w, h;
    pango_layout_get_pixel_size(l, &w, &h);
    show(c, l, 0, (height - h) / 2, 1, 1, 1);
    g_object_unref(l);
    end(c);
    return w;
}
