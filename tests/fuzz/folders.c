/*
 * Folders: two lists of names and a few rules, one a line, decided twice. No two folders may go to one
 * place, the second look changes nothing, and folders.json comes back. The whole input is read as a
 * folders.json, too.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/folders.h"
#include "driver/folders_index.h"
#include "err.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct folder_list source, destination;
static struct folder_rules rules;

/* The first byte of a line says what it is; the second, of a folder, its flags. */
static void take_line(char *line, struct err *e)
{
	char *other;

	switch (line[0]) {
	case 'd':
		if (line[1])
			folder_list_add(&destination, line + 2, (unsigned char)line[1], e);
		break;
	case 'x':
		folder_rules_exclude(&rules, line + 1, 1, e);
		break;
	case 'i':
		folder_rules_include(&rules, line + 1, 2, e);
		break;
	case 'm':
		other = strchr(line, '>');
		if (other) {
			*other++ = 0;
			folder_rules_map(&rules, line + 1, other, 3, e);
		}
		break;
	default:
		if (line[0])
			folder_list_add(&source, line + 1, (unsigned char)line[0] & 0x7f, e);
	}
}

static void check(const struct folder_plan *plan)
{
	struct folder_index taken = {0};
	struct buf key = BUF_INIT(1 << 18);
	size_t i;

	for (i = 0; i < plan->n; i++) {
		const struct folder_choice *c = &plan->v[i];

		if (!c->source || !c->why || (c->fate == FOLDER_COPY && (!c->destination || !c->channel)))
			abort();
		if (c->fate != FOLDER_COPY)
			continue;
		buf_reset(&key);
		if (folder_wire(&destination, c->destination, &key) ||
		    folder_index_add(&taken, buf_str(&key), i) != 1)
			abort();
		buf_reset(&key);
		buf_adds(&key, "/");
		if (folders_state_name(&key, c->source, c->destination, true) || key.len > 248 ||
		    folder_index_add(&taken, buf_str(&key), i) != 1)
			abort();
	}
	folder_index_clear(&taken);
	buf_clear(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = {'/', '.', 0, '\\'};
	struct folder_plan plan = {0}, again = {0}, read = {0};
	struct buf one = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	char *text, *p, *next;

	if (size < 2 || size > 4096)
		return 0;
	if (!folder_plan_parse(&read, (const char *)data, size, &e))
		folder_plan_clear(&read);
	text = strndup((const char *)data + 1, size - 1);
	source.delimiter = delimiters[data[0] & 3];
	destination.delimiter = delimiters[data[0] >> 2 & 3];
	if (data[0] & 16)
		folder_list_prefix(&destination, destination.delimiter == '.' ? "INBOX." : "INBOX/", &e);
	if (data[0] & 32)
		folder_list_prefix(&source, "Mail/", &e);
	for (p = text; p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = 0;
		take_line(p, &e);
	}
	if (!folders_decide(&source, &destination, &rules, NULL, "f", &plan, &e)) {
		check(&plan);
		if (folder_plan_format(&plan, &one) || folder_plan_parse(&read, buf_str(&one), one.len, &e))
			abort();
		if (folders_decide(&source, &destination, &rules, &read, "f", &again, &e))
			abort();
		if (folder_plan_format(&again, &other) || strcmp(buf_str(&one), buf_str(&other)))
			abort();
	} else if (!e.text[0] || e.code != CODE_CONFIG) {
		abort();
	}
	folder_plan_clear(&plan);
	folder_plan_clear(&again);
	folder_plan_clear(&read);
	folder_list_clear(&source);
	folder_list_clear(&destination);
	folder_rules_clear(&rules);
	buf_clear(&one);
	buf_clear(&other);
	free(text);
	return 0;
}
