// card.h: what a screen says, drawn with Pango and Cairo.
#ifndef EW_CARD_H
#define EW_CARD_H

// Draws a whole card into BGRA pixels of width*height*4 bytes.
void ew_card(unsigned char *px, int width, int height, const char *title, const char *reason, const char *next, const char *notice);

// Draws one text in a rounded, dark, half transparent frame, at most max_width wide, with letters for a picture of
// that height. First with px NULL to learn the size, then into BGRA pixels of that size.
void ew_label(unsigned char *px, int *width, int *height, int picture_height, int max_width, int warn, const char *text);

// Draws the ground of the test picture and its name.
void ew_test_picture(unsigned char *px, int width, int height, const char *name);

// Draws one text, white on black, of the given letter height, top left; returns its width in pixels.
int ew_glyph(unsigned char *px, int width, int height, int size, const char *text);

#endif
