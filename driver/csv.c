#include "csv.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

/* What a spreadsheet takes for the beginning of a formula; in some languages the wide forms of =, +, - and @ too. */
static bool begins_formula(const char *p)
{
	return (*p && strchr("=+-@\t\r\n", *p)) || !strncmp(p, "\xef\xbc\x9d", 3) || !strncmp(p, "\xef\xbc\x8b", 3) ||
	       !strncmp(p, "\xef\xbc\x8d", 3) || !strncmp(p, "\xef\xbc\xa0", 3);
}

void csv_field(struct buf *out, const char *text)
{
	const char *p = text ? text : "";

	buf_addc(out, '"');
	for (bool first = true; *p; p++) {
		if (first && begins_formula(p))
			buf_addc(out, '\'');
		if (*p == '"')
			buf_addc(out, '"');
		buf_addc(out, (unsigned char)*p < ' ' || *p == 127 ? ' ' : *p);
		/* Where lists are separated by semicolons, those within our quotes begin a cell as well. */
		first = *p == ';';
	}
	buf_addc(out, '"');
}

void csv_time(struct buf *out, double when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[32] = "";

	if (t && gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_adds(out, text);
}
