#include "folders.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "err.h"
#include "text.h"

enum { RULE_MAX = 4096 };

/* A canonical name out of the configuration, malloc'ed; NULL with the error set. */
static char *rule_name(const char *name, struct err *e)
{
	size_t n = strlen(name);
	char *copy;

	if (!n) {
		err_set(e, CODE_CONFIG, "a folder name is empty");
		return NULL;
	}
	if (n >= RULE_MAX || !text_is_utf8(name, n) || text_has_control(name, n)) {
		err_set(e, CODE_CONFIG,
		        "a folder name must be UTF-8 without control characters, shorter than %d bytes",
		        RULE_MAX);
		return NULL;
	}
	if (name[0] == '/' || name[n - 1] == '/' || strstr(name, "//")) {
		err_set(e, CODE_CONFIG, "the folder name \"%s\" has an empty level", name);
		err_hint(e, "write the levels of a folder with one / between them, as in Projects/2024");
		return NULL;
	}
	copy = strdup(name);
	if (!copy)
		err_set(e, CODE_UNAVAILABLE, "out of memory");
	else if (!strncasecmp(copy, "INBOX", 5) && (!copy[5] || copy[5] == '/'))
		memcpy(copy, "INBOX", 5);
	return copy;
}

static int add_pattern(struct folder_pattern **v, size_t *n, const char *text, int line, struct err *e)
{
	struct folder_pattern p = {.line = line}, *more;
	struct buf folded = BUF_INIT(4 * RULE_MAX);

	p.text = rule_name(text, e);
	if (!p.text)
		return -1;
	more = folder_fold(&folded, p.text) ? NULL : realloc(*v, (*n + 1) * sizeof(**v));
	if (!more) {
		free(p.text);
		buf_clear(&folded);
		return err_set(e, CODE_UNAVAILABLE, "out of memory");
	}
	p.folded = folded.p;
	*v = more;
	more[(*n)++] = p;
	return 0;
}

int folder_rules_exclude(struct folder_rules *r, const char *pattern, int line, struct err *e)
{
	return add_pattern(&r->exclude, &r->n_exclude, pattern, line, e);
}

int folder_rules_include(struct folder_rules *r, const char *pattern, int line, struct err *e)
{
	return add_pattern(&r->include, &r->n_include, pattern, line, e);
}

int folder_rules_map(struct folder_rules *r, const char *source, const char *destination, int line,
                     struct err *e)
{
	struct folder_map m = {.line = line}, *more;
	size_t i;

	m.source = rule_name(source, e);
	m.destination = m.source ? rule_name(destination, e) : NULL;
	if (!m.destination)
		goto fail;
	for (i = 0; i < r->n_map; i++) {
		if (strcmp(r->map[i].source, m.source))
			continue;
		err_set(e, CODE_CONFIG, "the folder \"%s\" is mapped twice, to \"%s\" and to \"%s\"",
		        m.source, r->map[i].destination, m.destination);
		goto fail;
	}
	more = realloc(r->map, (r->n_map + 1) * sizeof(*more));
	if (!more) {
		err_set(e, CODE_UNAVAILABLE, "out of memory");
		goto fail;
	}
	r->map = more;
	more[r->n_map++] = m;
	return 0;

fail:
	free(m.source);
	free(m.destination);
	return -1;
}

static void clear_patterns(struct folder_pattern *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(v[i].text);
		free(v[i].folded);
	}
	free(v);
}

void folder_rules_clear(struct folder_rules *r)
{
	size_t i;

	clear_patterns(r->exclude, r->n_exclude);
	clear_patterns(r->include, r->n_include);
	for (i = 0; i < r->n_map; i++) {
		free(r->map[i].source);
		free(r->map[i].destination);
	}
	free(r->map);
	*r = (struct folder_rules){0};
}

/*
 * at[i]: the first i bytes of the pattern match what was read of the name. One pass over the name, so
 * that no pattern is slow.
 */
bool folder_pattern_match(const char *pattern, const char *name)
{
	size_t n = strlen(pattern), i;
	bool *at = calloc(n + 2, sizeof(*at)), found = false, was, next;

	if (!at)
		return false;
	at[0] = true;
	for (i = 0; i < n && (pattern[i] == '*' || pattern[i] == '%'); i++)
		at[i + 1] = true;
	for (; *name && !found; name++) {
		was = at[0];
		at[0] = false;
		for (i = 0; i < n; i++) {
			next = at[i + 1];
			if (pattern[i] == '*' || pattern[i] == '%')
				/* It takes nothing, or this byte as its first or as a further one. */
				at[i + 1] = at[i] || ((pattern[i] == '*' || *name != '/') && (was || next));
			else
				at[i + 1] = was && pattern[i] == *name;
			was = next;
		}
		found = at[n] && (name[1] == '/' || !name[1]);
	}
	free(at);
	return found;
}
