#include "command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* --- lines --- */

static bool atom_char(char c)
{
	return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && !strchr("(){%*\"\\]", c);
}

static size_t word(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] != ' ')
		n++;
	return n;
}

int command_parse(const char *line, size_t n, struct command *c)
{
	const char *p = line, *end = line + n;
	size_t k = word(p, end), i;

	memset(c, 0, sizeof *c);
	if (!k || k >= sizeof c->tag || memchr(line, 0, n))
		return -1;
	for (i = 0; i < k; i++)
		if (!atom_char(p[i]) || p[i] == '+')
			return -1;
	memcpy(c->tag, p, k);
	p += k;
	if (p == end)
		return -1;
	p++;
	k = word(p, end);
	/* UID and what it is about are one. */
	if (k == 3 && !strncasecmp(p, "UID", 3) && p + 3 < end)
		k = 4 + word(p + 4, end);
	if (!k || k >= sizeof c->verb)
		return -1;
	for (i = 0; i < k; i++) {
		if (!isalpha((unsigned char)p[i]) && p[i] != ' ')
			return -1;
		c->verb[i] = (char)toupper((unsigned char)p[i]);
	}
	p += k;
	if (p < end)
		p++;
	c->rest = p;
	return 0;
}

static bool among(const char *verb, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(verb, *list))
			return true;
	return false;
}

bool command_source_may(const struct command *c)
{
	static const char *const verbs[] = {"NOOP",   "NAMESPACE", "LIST",       "STATUS", "SELECT", "EXAMINE",
					    "SEARCH", "FETCH",     "UID SEARCH", "UID FETCH", "CHECK",  "ID", NULL};
	const char *p;

	if (!among(c->verb, verbs))
		return false;
	if (!strstr(c->verb, "FETCH"))
		return true;
	/* In an examined folder they change nothing; but this shall not hang on one server's word for it. */
	if (strcasestr(c->rest, "BODY[") || strcasestr(c->rest, "BINARY["))
		return false;
	for (p = c->rest; (p = strcasestr(p, "RFC822")); p += 6)
		if (strncasecmp(p + 6, ".SIZE", 5) && strncasecmp(p + 6, ".HEADER", 7))
			return false;
	return true;
}

bool command_destination_may(const struct command *c)
{
	static const char *const verbs[] = {"NOOP",   "NAMESPACE", "LIST",       "LSUB",      "STATUS",    "SELECT", "EXAMINE",
					    "SEARCH", "FETCH",     "UID SEARCH", "UID FETCH", "UID STORE", "CREATE", "SUBSCRIBE",
					    "CHECK",  "ID",        NULL};

	return among(c->verb, verbs);
}

uint32_t command_body_uid(const struct command *c)
{
	static const char want[] = "BODY.PEEK[])";
	const size_t n = strlen(c->rest), k = sizeof want - 1;
	unsigned long long uid;
	char *end;

	if (strcmp(c->verb, "UID FETCH") || !isdigit((unsigned char)c->rest[0]))
		return 0;
	uid = strtoull(c->rest, &end, 10);
	if (uid == 0 || uid > UINT32_MAX || end[0] != ' ' || end[1] != '(')
		return 0;
	if (n < k || strcasecmp(c->rest + n - k, want) || (c->rest[n - k - 1] != ' ' && c->rest[n - k - 1] != '('))
		return 0;
	return (uint32_t)uid;
}

/* --- APPEND --- */

static const char *skip_quoted(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && ++p == end)
			return NULL;
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	}
	return p < end ? p + 1 : NULL;
}

/* One of the five system flags that may be set, or a keyword. */
static bool good_flag(const char *p, size_t n)
{
	static const char *const system[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};
	size_t i;

	if (!n)
		return false;
	if (*p == '\\') {
		for (i = 0; i < sizeof system / sizeof *system; i++)
			if (n == strlen(system[i]) && !strncasecmp(p, system[i], n))
				return true;
		return false;
	}
	for (i = 0; i < n; i++)
		if (!atom_char(p[i]))
			return false;
	return true;
}

/* "dd-Mon-yyyy hh:mm:ss +zzzz" with quotes; the day may begin with a blank. */
static bool good_date(const char *p, size_t n)
{
	static const char shape[] = "\"dd-Aaa-dddd dd:dd:dd +dddd\"", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *month = months;
	size_t i;

	if (n != sizeof shape - 1)
		return false;
	for (i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];

		if (shape[i] == 'd' ? !isdigit(c) && !(i == 1 && c == ' ')
		    : shape[i] == '+' ? c != '+' && c != '-'
		    : shape[i] == 'A' || shape[i] == 'a' ? !isalpha(c)
							 : c != (unsigned char)shape[i])
			return false;
	}
	for (; *month; month += 3)
		if (!strncasecmp(p + 4, month, 3))
			return true;
	return false;
}

const char *command_append(const char *rest, size_t n, struct append *a)
{
	const char *p = rest, *end = rest + n, *q;

	memset(a, 0, sizeof *a);
	if (p == end)
		return "no mailbox is named";
	if (*p == '"') {
		q = skip_quoted(p, end);
		if (!q)
			return "the mailbox is not a string";
	} else {
		for (q = p; q < end && atom_char(*q); q++)
			;
	}
	if (q == p || q == end || *q != ' ')
		return "the mailbox is not a string";
	a->mailbox = p;
	a->mailbox_len = (size_t)(q - p);
	a->options = p = q + 1;
	if (p < end && *p == '(') {
		for (p++; p < end && *p != ')'; p += *p == ' ') {
			for (q = p; q < end && *q != ' ' && *q != ')'; q++)
				;
			if (q == end || !good_flag(p, (size_t)(q - p)) || (*q == ' ' && q + 1 < end && q[1] == ')'))
				return "a flag is not one that may be set";
			p = q;
		}
		if (p == end || p + 1 == end || p[1] != ' ')
			return "the list of flags does not end";
		p += 2;
	}
	if (p < end && *p == '"') {
		q = skip_quoted(p, end);
		if (!q || q == end || *q != ' ' || !good_date(p, (size_t)(q - p)))
			return "the date is none";
		p = q + 1;
	}
	if (p != end)
		return "there is more than flags and a date";
	a->options_len = (size_t)(p - a->options);
	return NULL;
}

bool command_is_answer(const char *text, size_t len)
{
	const size_t n = strcspn(text, " ");

	if (strlen(text) != len)
		return false;
	return (n == 2 && (!strncasecmp(text, "OK", 2) || !strncasecmp(text, "NO", 2))) || (n == 3 && !strncasecmp(text, "BAD", 3));
}

static const char *number(const char *p, uint32_t *out)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*p))
		return NULL;
	n = strtoull(p, &end, 10);
	if (n == 0 || n > UINT32_MAX)
		return NULL;
	*out = (uint32_t)n;
	return end;
}

int command_appenduid(const char *answer, size_t n, uint32_t *validity, uint32_t *uids)
{
	const char *p = strcasestr(answer, "[APPENDUID ");
	uint32_t first, last;
	size_t k = 0;

	if (!p || !(p = number(p + 11, validity)) || *p != ' ')
		return -1;
	do {
		p = number(p + 1, &first);
		last = first;
		if (p && *p == ':')
			p = number(p + 1, &last);
		if (!p || last < first || last - first >= n - k)
			return -1;
		for (;; first++) {
			uids[k++] = first;
			if (first == last)
				break;
		}
	} while (*p == ',' && k < n);
	return *p == ']' && k == n ? 0 : -1;
}

void command_folder_line(struct command_folder *f, const char *line)
{
	static const char validity[] = "* OK [UIDVALIDITY ", next[] = "* OK [UIDNEXT ";
	unsigned long n;
	char *end;

	if (!strncasecmp(line, validity, sizeof validity - 1)) {
		f->validity = (uint32_t)strtoul(line + sizeof validity - 1, NULL, 10);
	} else if (!strncasecmp(line, next, sizeof next - 1)) {
		f->next = (uint32_t)strtoul(line + sizeof next - 1, NULL, 10);
	} else if (line[0] == '*' && line[1] == ' ') {
		n = strtoul(line + 2, &end, 10);
		if (end > line + 2 && !strcasecmp(end, " EXISTS"))
			f->exists = (uint32_t)n;
	}
}

/* --- capabilities --- */

void command_capabilities(struct buf *out, bool (*has)(const void *arg, const char *capability), const void *arg)
{
	static const char *const pass[] = {"NAMESPACE", "UIDPLUS", "CHILDREN", "SPECIAL-USE", "LIST-EXTENDED", NULL};
	const char *const *p;

	/* Whatever the server has, the relay itself takes literals that nobody waits for. */
	buf_adds(out, "IMAP4rev1 LITERAL+");
	for (p = pass; *p; p++)
		if (has(arg, *p))
			buf_addf(out, " %s", *p);
}
