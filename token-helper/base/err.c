#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	e->hint[0] = 0;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *e, int code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	e->code = code;
	e->hint[0] = 0;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", strerror(saved));
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof e->hint, fmt, ap);
	va_end(ap);
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof e->text];
	va_list ap;
	size_t n;

	memcpy(old, e->text, sizeof old);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", old);
	return -1;
}

int err_print(const struct err *e, const char *program)
{
	char line[4 * sizeof e->text];

	text_escape(line, sizeof line, e->text, strlen(e->text));
	fprintf(stderr, "%s: %s\n", program, line);
	if (e->hint[0]) {
		text_escape(line, sizeof line, e->hint, strlen(e->hint));
		fprintf(stderr, "  hint: %s\n", line);
	}
	return e->code;
}

/* What is wrong on this machine comes before a mailbox that is not complete. */
int err_worse(int a, int b)
{
	static const int order[] = {CODE_DONE, CODE_LATER, CODE_LEFT, CODE_UNAVAILABLE, CODE_DATA, CODE_CONFIG, CODE_REFUSED};
	size_t x = 3, y = 3;

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		if (order[i] == a)
			x = i;
		if (order[i] == b)
			y = i;
	}
	return x > y ? a : b;
}
