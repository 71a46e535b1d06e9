#include "wish.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

const char *const wish_forms[] = {"get", "answer", "claims", NULL};

static const struct {
	const char *key;
	size_t offset;
} strings[] = {
    {"user", offsetof(struct wish, user)},       {"host", offsetof(struct wish, host)},
    {"service", offsetof(struct wish, service)}, {"mechanism", offsetof(struct wish, mechanism)},
    {"profile", offsetof(struct wish, profile)},
};
enum { STRINGS = sizeof(strings) / sizeof(*strings) };

size_t wish_message_length(const char *text, size_t n)
{
	size_t start = 0;

	while (start < n) {
		const char *lf = memchr(text + start, '\n', n - start);
		size_t len;

		if (!lf)
			return 0;
		len = (size_t)(lf - text) - start;
		if (len == 0 || (len == 1 && text[start] == '\r'))
			return start + len + 1;
		start += len + 1;
	}
	return 0;
}

static int take_seconds(const char *key, const char *value, int least, int most, int *out, struct err *e)
{
	unsigned long long v;

	if (text_number(value, (unsigned long long)most, &v) || v < (unsigned long long)least)
		return err_set(e, CODE_USAGE, "%s is not a number of seconds from %d to %d", key, least,
		               most);
	*out = (int)v;
	return 0;
}

/* The bit of a key for "twice", 0 if it is not known. */
static int set(struct wish *w, const char *key, const char *value, unsigned *bit, struct err *e)
{
	size_t n = strlen(value);

	*bit = 0;
	for (int i = 0; i < STRINGS; i++) {
		if (strcmp(key, strings[i].key))
			continue;
		*bit = 1u << i;
		if (n >= WISH_VALUE_MAX)
			return err_set(e, CODE_USAGE, "%s is longer than %d bytes", key, WISH_VALUE_MAX - 1);
		if (text_has_control(value, n) || !text_is_utf8(value, n))
			return err_set(e, CODE_USAGE, "%s holds control characters or is not UTF-8", key);
		memcpy((char *)w + strings[i].offset, value, n + 1);
		return 0;
	}
	if (!strcmp(key, "min-validity")) {
		*bit = 1u << STRINGS;
		return take_seconds(key, value, 0, WISH_VALIDITY_MOST, &w->min_validity, e);
	}
	if (!strcmp(key, "deadline")) {
		*bit = 2u << STRINGS;
		return take_seconds(key, value, 1, WISH_DEADLINE_MOST, &w->deadline, e);
	}
	return 0;
}

int wish_set(struct wish *w, const char *key, const char *value, struct err *e)
{
	unsigned bit;

	return set(w, key, value, &bit, e);
}

int wish_parse(struct wish *w, const char *text, size_t n, struct err *e)
{
	unsigned seen = 0, bit;
	size_t at = 0;

	*w = (struct wish){.form = WISH_ANSWER, .deadline = WISH_DEADLINE};
	n = n > WISH_MESSAGE_MAX ? 0 : wish_message_length(text, n);
	if (!n)
		return err_set(e, CODE_USAGE, "the request does not end with a blank line within %d bytes",
		               WISH_MESSAGE_MAX);
	while (at < n) {
		size_t len = (size_t)((const char *)memchr(text + at, '\n', n - at) - text) - at;
		char line[WISH_LINE_MAX + 1], *equals;

		if (len > WISH_LINE_MAX)
			return err_set(e, CODE_USAGE, "a line of the request is longer than %d bytes",
			               WISH_LINE_MAX);
		memcpy(line, text + at, len);
		at += len + 1;
		len -= len && line[len - 1] == '\r';
		line[len] = '\0';
		if (!len)
			break;
		equals = memchr(line, '=', len);
		if (!equals || equals == line || strlen(line) != len)
			return err_set(e, CODE_USAGE, "a line of the request is not key=value");
		*equals = '\0';
		if (set(w, line, equals + 1, &bit, e))
			return -1;
		if (seen & bit)
			return err_set(e, CODE_USAGE, "the request has %s twice", line);
		seen |= bit;
	}
	if (!w->user[0] && !w->profile[0])
		return err_set(e, CODE_USAGE, "the request has neither user nor profile");
	if (!w->host[0])
		return err_set(e, CODE_USAGE, "the request has no host");
	return 0;
}
