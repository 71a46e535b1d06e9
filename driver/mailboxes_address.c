#include <string.h>

#include "base/text.h"
#include "driver/mailboxes.h"

/* Code points that one does not see: a copied address often has one at its end. */
static bool invisible(unsigned c)
{
	return (c >= 0x80 && c <= 0xa0) || c == 0xad || c == 0x1680 || c == 0x180e ||
	       (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) ||
	       c == 0x3000 || c == 0xfeff;
}

/* s is well-formed UTF-8. */
static bool has_invisible(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		unsigned c = *p++;

		if (c >= 0xc0) {
			c &= c >= 0xf0 ? 0x07 : c >= 0xe0 ? 0x0f : 0x1f;
			while ((*p & 0xc0) == 0x80)
				c = c << 6 | (*p++ & 0x3f);
			if (invisible(c))
				return true;
		}
	}
	return false;
}

static const char *domain_problem(const char *s)
{
	size_t n = strlen(s);

	if (!n)
		return "has nothing behind its @";
	if (*s == '.' || *s == '-' || s[n - 1] == '.' || s[n - 1] == '-' || strstr(s, ".."))
		return "has a malformed domain";
	for (; *s; s++)
		if (strchr("!#$%&'*+=?^_`{|}~", *s))
			return "has a malformed domain";
	return NULL;
}

const char *mailboxes_address_problem(const char *s, bool need_at)
{
	const char *at = strchr(s, '@');

	if (!*s)
		return "is empty";
	if (strlen(s) > MAILBOXES_ADDRESS_MAX)
		return "is longer than 320 bytes";
	if (!text_is_utf8(s, strlen(s)))
		return "is not UTF-8";
	if (strpbrk(s, "\r\n"))
		return "holds a line break";
	if (text_has_control(s, strlen(s)))
		return "holds a control character";
	if (strchr(s, ' '))
		return "holds a blank";
	if (has_invisible(s))
		return "holds an invisible character, such as a no-break space";
	if (strchr(s, '/'))
		return "holds a slash";
	if (strchr(s, '\\'))
		return "holds a backslash";
	if (strchr(s, '"'))
		return "holds a double quote";
	if (strpbrk(s, "<>(),:;[]"))
		return "holds a character that no address has (one of < > ( ) , : ; [ ])";
	if (*s == '-')
		return "begins with a dash";
	if (*s == '.')
		return "begins with a dot";
	if (!at)
		return need_at ? "has no @" : NULL;
	if (at == s)
		return "has nothing before its @";
	if (strchr(at + 1, '@'))
		return "has more than one @";
	return domain_problem(at + 1);
}
