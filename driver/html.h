/*
 * Text that came from servers and mail, made fit for a page in a browser: nothing in it can become markup or
 * script, and nothing in it is invisible or turns the direction of what stands around it. Pure.
 *
 * Control characters are shown as their pictures (U+2400 and so on), other characters without a shape of
 * their own (those that set the direction of writing, zero-width ones, line separators) by their number, and
 * what is not UTF-8 as U+FFFD. NULL counts as "". `most` is a number of characters, beyond which text is cut
 * and ends with an ellipsis; 0: no limit.
 */
#ifndef MBHAUL_HTML_H
#define MBHAUL_HTML_H

#include <stddef.h>

struct buf;

/* As it is to be read, not yet escaped for anything. */
void html_visible(struct buf *out, const char *text, size_t most);

/* The same, escaped for HTML: as text, or as an attribute's value between quotes. */
void html_text(struct buf *out, const char *text, size_t most);

/* Text for HTML in which what stands between backquotes, `mbhaul run` for instance, becomes code. Whoever wrote the text: it
 * changes no more than the face. */
void html_marked(struct buf *out, const char *text, size_t most);

/* The same as a string of JSON, with its quotes, that may stand in a script element. */
void html_json(struct buf *out, const char *text, size_t most);

#endif
