#include "message.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define CTRL_A "\001"

enum { USER_MAX = 1024, HOST_MAX = 255 };

int message_is_clean(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] == 0 || s[i] == 1 || s[i] == '\r' || s[i] == '\n')
			return 0;
	return n != 0;
}

static int add(struct secret *out, const char *s, struct err *e)
{
	return secret_add(out, s, strlen(s), e);
}

/* RFC 5801: a comma or an equals sign in a name would end the GS2 header. */
static int add_saslname(struct secret *out, const char *s, struct err *e)
{
	for (; *s; s++) {
		int rc = *s == ','   ? add(out, "=2C", e)
		         : *s == '=' ? add(out, "=3D", e)
		                     : secret_add(out, s, 1, e);

		if (rc)
			return -1;
	}
	return 0;
}

static int add_oauthbearer(struct secret *out, const struct message_parts *p, struct err *e)
{
	char port[16];

	if (add(out, "n,a=", e) || add_saslname(out, p->user, e) || add(out, "," CTRL_A, e))
		return -1;
	if (p->host && *p->host && (add(out, "host=", e) || add(out, p->host, e) || add(out, CTRL_A, e)))
		return -1;
	if (p->port) {
		snprintf(port, sizeof port, "port=%d" CTRL_A, p->port);
		if (add(out, port, e))
			return -1;
	}
	return 0;
}

int message_build(enum message_mechanism mechanism, const struct message_parts *p, struct secret *out,
                  struct err *e)
{
	size_t ulen = strlen(p->user), hlen = p->host ? strlen(p->host) : 0;
	int rc;

	memset(out, 0, sizeof *out);
	if (ulen > USER_MAX || !message_is_clean(p->user, ulen))
		return err_set(e, CODE_USAGE,
		               "the user name is empty, too long or holds a control character");
	if (hlen > HOST_MAX || (hlen && !message_is_clean(p->host, hlen)))
		return err_set(e, CODE_USAGE, "the host name is too long or holds a control character");
	if (!message_is_clean(p->token, p->token_len))
		return err_set(e, CODE_USAGE, "the token is empty or holds a control character");
	if (secret_init(out, p->token_len + 3 * ulen + hlen + 128, e))
		return -1;
	if (mechanism == MESSAGE_XOAUTH2)
		rc = add(out, "user=", e) || add(out, p->user, e) || add(out, CTRL_A, e);
	else
		rc = add_oauthbearer(out, p, e);
	if (rc || add(out, "auth=Bearer ", e) || secret_add(out, p->token, p->token_len, e) ||
	    add(out, CTRL_A CTRL_A, e)) {
		secret_clear(out);
		return -1;
	}
	return 0;
}

struct scan {
	const char *p, *end;
};

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

static int expect(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->p >= s->end || *s->p != c)
		return -1;
	s->p++;
	return 0;
}

/* One byte of a string, escapes undone. The answer is shown to people only, so that a \u beyond ASCII may
 * become a question mark. Returns -1 at the closing quote, -2 at the end of the text. */
static int string_byte(struct scan *s)
{
	unsigned int u = 0;
	int i;
	char c;

	if (s->p >= s->end)
		return -2;
	c = *s->p++;
	if (c == '"')
		return -1;
	if (c != '\\')
		return c > ' ' - 1 && c < 0x7f ? c : '?';
	if (s->p >= s->end)
		return -2;
	c = *s->p++;
	if (c == '/' || c == '"' || c == '\\')
		return c;
	if (c != 'u')
		return '?';
	for (i = 0; i < 4; i++) {
		char d;

		if (s->p >= s->end)
			return -2;
		d = *s->p++;
		if (d >= '0' && d <= '9')
			u = u * 16 + (unsigned int)(d - '0');
		else if ((d | 32) >= 'a' && (d | 32) <= 'f')
			u = u * 16 + (unsigned int)((d | 32) - 'a') + 10;
		else
			return '?';
	}
	return u >= ' ' && u < 0x7f ? (int)u : '?';
}

static int string(struct scan *s, char *dst, size_t size)
{
	size_t n = 0;
	int c;

	if (expect(s, '"'))
		return -1;
	while ((c = string_byte(s)) >= 0)
		if (n + 1 < size)
			dst[n++] = (char)c;
	dst[n] = 0;
	return c == -1 ? 0 : -1;
}

/* A number or word into dst; a nested object or list is passed over. */
static int other_value(struct scan *s, char *dst, size_t size)
{
	char junk[2];
	size_t n = 0;
	int depth = 0;

	for (; s->p < s->end; s->p++) {
		char c = *s->p;

		if (!depth && (c == ',' || c == '}'))
			break;
		if (c == '"') {
			if (string(s, junk, sizeof junk))
				return -1;
			s->p--;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (--depth < 0)
				return -1;
		} else if (!depth && c > ' ' && c < 0x7f && n + 1 < size) {
			dst[n++] = c;
		}
	}
	dst[n] = 0;
	return 0;
}

static int value(struct scan *s, char *dst, size_t size)
{
	skip_blanks(s);
	if (s->p < s->end && *s->p == '"')
		return string(s, dst, size);
	return other_value(s, dst, size);
}

int message_refusal_parse(const char *json, size_t n, struct message_refusal *r)
{
	struct scan s = {json, json + n};
	char key[32], junk[2];

	memset(r, 0, sizeof *r);
	if (expect(&s, '{'))
		return -1;
	while (!string(&s, key, sizeof key) && !expect(&s, ':')) {
		int rc;

		if (!strcmp(key, "status"))
			rc = value(&s, r->status, sizeof r->status);
		else if (!strcmp(key, "schemes"))
			rc = value(&s, r->schemes, sizeof r->schemes);
		else if (!strcmp(key, "scope"))
			rc = value(&s, r->scope, sizeof r->scope);
		else
			rc = value(&s, junk, sizeof junk);
		if (rc || expect(&s, ','))
			break;
	}
	return r->status[0] || r->schemes[0] || r->scope[0] ? 0 : -1;
}

void message_refusal_text(const struct message_refusal *r, char *dst, size_t size)
{
	snprintf(dst, size, "%s%s%s%s%s%s%s%s", r->status[0] ? "status " : "", r->status,
	         r->status[0] && r->schemes[0] ? ", " : "", r->schemes[0] ? "schemes " : "", r->schemes,
	         r->scope[0] && (r->status[0] || r->schemes[0]) ? ", " : "", r->scope[0] ? "scope " : "",
	         r->scope);
}

int message_port(const char *ipremoteport)
{
	const char *semicolon = ipremoteport ? strrchr(ipremoteport, ';') : NULL;
	unsigned long long port;

	if (!semicolon || text_number(semicolon + 1, 65535, &port))
		return 0;
	return (int)port;
}
