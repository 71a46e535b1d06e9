/* verify.csv: the rows of all mailboxes, for a spreadsheet. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "conf.h"
#include "csv.h"
#include "haul.h"
#include "mailboxes.h"
#include "verify_fleet.h"

#define HEADER                                                                                               \
	"\xef\xbb\xbf"                                                                                       \
	"Email,Destination,Class,Folder,DestinationFolder,UID,DestinationUID,Date,From,Subject,MessageID,"   \
	"Size,Reason,Action\r\n"

struct writing {
	FILE *to;
	const struct mailbox *mailbox;
};

static void add_number(struct buf *out, uint64_t n)
{
	buf_addc(out, ',');
	if (n)
		buf_addf(out, "%llu", (unsigned long long)n);
}

static void add_text(struct buf *out, const char *text)
{
	buf_addc(out, ',');
	csv_field(out, text);
}

static int put(const struct writing *w, const char *class, const struct verify_row *row)
{
	struct buf out = BUF_INIT(1 << 20);
	bool failed;

	csv_field(&out, w->mailbox->address);
	add_text(&out, w->mailbox->destination);
	add_text(&out, class);
	add_text(&out, row->folder);
	add_text(&out, row->there);
	add_number(&out, row->uid);
	add_number(&out, row->there_uid);
	add_text(&out, row->date);
	add_text(&out, row->from);
	add_text(&out, row->subject);
	add_text(&out, row->message_id);
	add_number(&out, row->size);
	add_text(&out, row->reason);
	add_text(&out, row->action);
	buf_adds(&out, "\r\n");
	failed = out.failed || fwrite(buf_str(&out), 1, out.len, w->to) != out.len;
	buf_clear(&out);
	return failed ? -1 : 0;
}

static int on_row(void *arg, struct verify_row *row, struct err *e)
{
	return put(arg, verify_class_word(row->class), row)
	           ? err_errno(e, CODE_UNAVAILABLE, "cannot write it")
	           : 0;
}

static void say_earlier(struct buf *text, time_t when)
{
	struct tm tm;
	char at[40];

	gmtime_r(&when, &tm);
	strftime(at, sizeof at, "%Y-%m-%d %H:%M UTC", &tm);
	buf_addf(text, "; what is listed was found at %s", at);
}

/* A mailbox of which there is nothing to list has a row all the same, if it is not verified. */
static int put_box(struct writing *w, const struct conf *conf, struct err *e)
{
	char *path = haul_path(conf->fleet.haul, w->mailbox->address, HAUL_VERIFY);
	char *rows = haul_path(conf->fleet.haul, w->mailbox->address, HAUL_VERIFY_ROWS);
	struct verify_result r = {0};
	char unverified[] = "it was not verified yet", verify[] = "run `mbhaul verify` for it";
	struct verify_row row = {0};
	struct buf text = BUF_INIT(1 << 20);
	int rc = -1;

	if (!path || !rows) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		goto out;
	}
	if (verify_read_head(path, &r, e)) {
		row = (struct verify_row){.reason = e->text, .action = e->hint};
		rc = put(w, "unverified", &row);
	} else if (r.verdict == VERIFY_NONE) {
		row.reason = unverified;
		row.action = verify;
		rc = put(w, "unverified", &row);
	} else if (r.reason[0]) {
		buf_adds(&text, r.text);
		if (r.earlier)
			say_earlier(&text, (time_t)r.earlier);
		row = (struct verify_row){.reason = text.p, .action = r.hint};
		rc = put(w, r.verdict == VERIFY_UNVERIFIABLE ? "unverifiable" : "uncopied", &row);
	} else {
		rc = 0;
	}
	if (rc)
		err_errno(e, CODE_UNAVAILABLE, "cannot write it");
	else
		rc = verify_each_row(rows, on_row, w, e);
out:
	buf_clear(&text);
	verify_clear(&r);
	free(path);
	free(rows);
	return rc;
}

int verify_csv_write(const struct conf *conf, const struct mailboxes *boxes, const char *path, struct err *e)
{
	char *temporary;
	struct writing w = {0};
	int fd = -1, rc = -1;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	w.to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!w.to) {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
		goto out;
	}
	rc = fputs(HEADER, w.to) < 0 ? err_errno(e, CODE_UNAVAILABLE, "cannot write it") : 0;
	for (size_t i = 0; !rc && i < boxes->n; i++) {
		w.mailbox = &boxes->list[i];
		rc = put_box(&w, conf, e);
	}
	if (!rc && (fflush(w.to) || fsync(fd) || rename(temporary, path)))
		rc = err_errno(e, CODE_UNAVAILABLE, "cannot write it");
	if (rc)
		err_prefix(e, "%s", path);
out:
	if (w.to)
		fclose(w.to);
	else if (fd >= 0)
		close(fd);
	if (rc && fd >= 0)
		unlink(temporary);
	free(temporary);
	return rc;
}
