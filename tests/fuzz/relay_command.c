/* What mbsync says, and the UIDs of what a server stored. */
#include "driver/relay/command.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void command(const char *line, size_t n)
{
	struct command c;

	if (command_parse(line, n, &c))
		return;
	if (!c.tag[0] || !c.verb[0] || strpbrk(c.tag, " \r\n\"(){*+") || strpbrk(c.verb, "\r\n\"(){*+") ||
	    c.rest < line || c.rest + strlen(c.rest) != line + n)
		abort();
	/* What ends or loses mail passes on neither side. */
	if ((command_source_may(&c) || command_destination_may(&c)) &&
	    (strstr(c.verb, "EXPUNGE") || strstr(c.verb, "MOVE") || strstr(c.verb, "DELETE") ||
	     strstr(c.verb, "CLOSE") || strstr(c.verb, "APPEND") || strstr(c.verb, "RENAME") ||
	     strstr(c.verb, "LOGIN") || strstr(c.verb, "AUTH")))
		abort();
	if (command_source_may(&c) &&
	    (strstr(c.verb, "STORE") || strstr(c.verb, "CREATE") || strstr(c.verb, "SUBSCRIBE")))
		abort();
	if (command_body_uid(&c) && strcmp(c.verb, "UID FETCH"))
		abort();
}

/* What passes makes one line, whose literal is read as one: nothing in it is another announcement. */
static void append(const char *rest, size_t n)
{
	static const char announcement[] = "{7+}\r\n";
	struct wire_event e;
	struct append a;
	struct wire w;
	const char *p;
	char *line;
	size_t k;

	if (command_append(rest, n, &a))
		return;
	if (a.mailbox != rest || !a.mailbox_len || a.options < rest ||
	    a.options + a.options_len != rest + n || (a.options_len && a.options[a.options_len - 1] != ' '))
		abort();
	line = malloc(n + sizeof announcement + 10);
	if (!line)
		return;
	memcpy(line, "r1 APPEND ", 10);
	memcpy(line + 10, rest, n);
	memcpy(line + 10 + n, announcement, sizeof announcement);
	p = line;
	k = 10 + n + sizeof announcement - 1;
	wire_init(&w, WIRE_CLIENT, 1 << 20, 1000);
	wire_next(&w, &p, &k, &e);
	if (e.kind != WIRE_LINE || !e.literal || e.size != 7 || k)
		abort();
	wire_clear(&w);
	free(line);
}

static void appenduid(const char *answer, unsigned n)
{
	uint32_t validity = 0, *uids = calloc(n ? n : 1, sizeof *uids);
	unsigned i;

	if (uids && !command_appenduid(answer, n, &validity, uids)) {
		if (!validity || !n)
			abort();
		for (i = 0; i < n; i++)
			if (!uids[i])
				abort();
	}
	free(uids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	command(text, size - 1);
	if (!memchr(text, 0, size - 1))
		append(text, size - 1);
	appenduid(text, data[0] % 70);
	free(text);
	return 0;
}
