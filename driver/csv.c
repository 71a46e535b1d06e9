#include "csv.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

void csv_field(struct buf *out, const char *text)
{
	const char *p = text ? text : "";

	buf_addc(out, '"');
	if (*p && strchr("=+-@\t\r\n", *p))
		buf_addc(out, '\'');
	for (; *p; p++) {
		if (*p == '"')
			buf_addc(out, '"');
		buf_addc(out, (unsigned char)*p < ' ' || *p == 127 ? ' ' : *p);
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
