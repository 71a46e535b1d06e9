#include "html.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

#include "base/text.h"

/* One character; n bytes of text that is not UTF-8 are as many characters. */
static size_t next(const char *p, size_t n, ucs4_t *c)
{
	int len;

	if ((unsigned char)*p < 0x80) {
		*c = (unsigned char)*p;
		return 1;
	}
	len = u8_mbtoucr(c, (const uint8_t *)p, n);
	if (len > 0)
		return (size_t)len;
	*c = 0xfffd;
	return 1;
}

/* Has no shape, or changes how what stands around it is shown. U+200C and U+200D join letters of some scripts
 * and parts of emoji: they stay. */
static bool is_hidden(ucs4_t c)
{
	return c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e || c == 0x200b || c == 0x200e ||
	       c == 0x200f || c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe0fff) || (c >= 0x80 && c < 0xa0);
}

enum escape { AS_IT_IS, AS_HTML, AS_JSON };

static const char *html_of(ucs4_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '`': /* a quote to browsers that were */
		return "&#96;";
	default:
		return NULL;
	}
}

/* In a script element, `<` could begin its end or a comment. */
static const char *json_of(ucs4_t c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '<':
		return "\\u003c";
	case '>':
		return "\\u003e";
	case '&':
		return "\\u0026";
	default:
		return NULL;
	}
}

static void put(struct buf *out, const char *text, size_t most, enum escape escape)
{
	const char *p = text ? text : "", *end = p + strlen(p), *plain = p;
	size_t count = 0;

	while (p < end) {
		const char *instead;
		char picture[16];
		ucs4_t c;
		size_t len = next(p, (size_t)(end - p), &c);

		if (most && count == most) {
			buf_add(out, plain, (size_t)(p - plain));
			buf_adds(out, "\xe2\x80\xa6");
			return;
		}
		count++;
		if (c >= ' ' && c < 127) {
			instead = escape == AS_HTML ? html_of(c) : escape == AS_JSON ? json_of(c) : NULL;
		} else if (c < ' ') {
			memcpy(picture, "\xe2\x90\x80", 4);
			picture[2] = (char)(picture[2] + (char)c);
			instead = picture;
		} else if (c == 127) {
			instead = "\xe2\x90\xa1";
		} else if (is_hidden(c)) {
			snprintf(picture, sizeof picture, "[U+%04X]", (unsigned)c);
			instead = picture;
		} else {
			instead = c == 0xfffd ? "\xef\xbf\xbd" : NULL;
		}
		p += len;
		if (instead) {
			buf_add(out, plain, (size_t)(p - len - plain));
			buf_adds(out, instead);
			plain = p;
		}
	}
	buf_add(out, plain, (size_t)(p - plain));
}

void html_visible(struct buf *out, const char *text, size_t most)
{
	put(out, text, most, AS_IT_IS);
}

void html_text(struct buf *out, const char *text, size_t most)
{
	put(out, text, most, AS_HTML);
}

void html_marked(struct buf *out, const char *text, size_t most)
{
	struct buf seen = BUF_INIT(1 << 20);
	const char *open, *close;
	char *p;

	put(&seen, text, most, AS_IT_IS);
	for (p = seen.p; p && (open = strchr(p, '`')) && (close = strchr(open + 1, '`'));
	     p += close + 1 - p) {
		p[open - p] = 0;
		html_text(out, p, 0);
		buf_adds(out, "<code>");
		p += open + 1 - p;
		p[close - p] = 0;
		html_text(out, p, 0);
		buf_adds(out, "</code>");
	}
	html_text(out, p, 0);
	buf_clear(&seen);
}

void html_json(struct buf *out, const char *text, size_t most)
{
	buf_addc(out, '"');
	put(out, text, most, AS_JSON);
	buf_addc(out, '"');
}
