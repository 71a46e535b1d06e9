/* results.csv and results.json, a mailbox at a time, and files that are written in pieces. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "csv.h"
#include "json.h"
#include "mailboxes.h"
#include "report.h"

/* ---- results.csv ---- */

static const char *const columns[] = {
    "Email",     "Destination", "State",    "Verdict", "Messages",     "Copied",  "Bytes",    "BytesCopied",
    "NotCopied", "Doubles",     "Verified", "Method",  "VerifiedTime", "Arrived", "Compared", "Begun",
    "Completed", "LastChange",  "Final",    "Code",    "Text",         "Hint",    "Answer",   "Mbsync",
};

void report_csv_head(struct buf *out)
{
	buf_adds(out, "\xef\xbb\xbf");
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		buf_addf(out, "%s\"%s\"", i ? "," : "", columns[i]);
	buf_adds(out, "\r\n");
}

static void text(struct buf *out, const char *value)
{
	buf_addc(out, ',');
	csv_field(out, value);
}

static void number(struct buf *out, uint64_t n, bool known)
{
	buf_addc(out, ',');
	if (known)
		buf_addf(out, "%llu", (unsigned long long)n);
}

static void when(struct buf *out, long long t)
{
	buf_addc(out, ',');
	csv_time(out, (double)t);
}

static uint64_t doubles(const struct report_box *b)
{
	return report_box_by_verify(b) ? b->verify.counts.n[VERIFY_DOUBLE] : b->ledger.twice;
}

static const char *text_of(const struct report_box *b)
{
	return b->damaged.code ? b->damaged.text : b->ledger.text;
}

static const char *hint_of(const struct report_box *b)
{
	return b->damaged.code ? b->damaged.hint : b->ledger.hint;
}

void report_csv_row(struct buf *out, const struct report_box *b)
{
	const struct ledger *l = &b->ledger;
	const struct verify_result *v = &b->verify;
	const bool verified = v->verdict != VERIFY_NONE;

	csv_field(out, b->mailbox->address);
	text(out, b->mailbox->destination);
	text(out, report_state_word(b->state));
	text(out, l->verdict);
	number(out, b->messages, b->messages || b->state != REPORT_NEW);
	number(out, b->copied, true);
	number(out, b->bytes, b->bytes > 0);
	number(out, b->bytes_copied, b->bytes_copied > 0);
	number(out, b->uncopied, true);
	number(out, doubles(b), true);
	text(out, report_proof_word(b));
	text(out, v->method);
	when(out, v->verified);
	number(out, v->counts.arrived, verified);
	number(out, v->counts.compared, verified);
	when(out, l->first);
	when(out, l->completed);
	when(out, b->last);
	when(out, l->final);
	number(out, (uint64_t)l->code, true);
	text(out, text_of(b));
	text(out, hint_of(b));
	text(out, l->answer);
	text(out, l->mbsync);
	buf_adds(out, "\r\n");
}

/* ---- results.json ---- */

void report_json_end(struct buf *out, const struct report_sum *s, long long now)
{
	cJSON *o = cJSON_CreateObject(), *states = cJSON_AddObjectToObject(o, "states");
	char *printed;

	cJSON_AddNumberToObject(o, "mailboxes_total", (double)s->boxes);
	for (int i = 0; i < REPORT_STATES; i++)
		json_put_number(states, report_state_word((enum report_state)i), (double)s->state[i]);
	cJSON_AddNumberToObject(o, "messages", (double)s->messages);
	cJSON_AddNumberToObject(o, "copied", (double)s->copied);
	json_put_number(o, "bytes", (double)s->bytes);
	json_put_number(o, "bytes_copied", (double)s->bytes_copied);
	cJSON_AddNumberToObject(o, "not_copied", (double)s->uncopied);
	json_put_number(o, "doubles", (double)s->doubles);
	json_put_number(o, "begun", (double)s->begun);
	json_put_number(o, "last", (double)s->ended);
	json_put_number(o, "estimate", (double)s->estimate);
	printed = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	/* A CSV without rows has no mailboxes either. */
	buf_adds(out, s->boxes ? "\n],\n\"sum\":" : "{\"version\":1,\"mailboxes\":[],\n\"sum\":");
	buf_adds(out, printed ? printed : "null");
	cJSON_free(printed);
	buf_addf(out, ",\n\"made\":%lld}\n", now);
}

static void put_verify(cJSON *o, const struct report_box *b)
{
	const struct verify_result *v = &b->verify;
	cJSON *verify;

	if (v->verdict == VERIFY_NONE)
		return;
	verify = cJSON_AddObjectToObject(o, "verify");
	json_put(verify, "verdict", report_proof_word(b));
	json_put(verify, "reason", v->reason);
	json_put(verify, "text", v->text);
	json_put(verify, "hint", v->hint);
	json_put(verify, "method", v->method);
	cJSON_AddNumberToObject(verify, "verified", (double)v->verified);
	cJSON_AddNumberToObject(verify, "messages", (double)v->counts.messages);
	cJSON_AddNumberToObject(verify, "arrived", (double)v->counts.arrived);
	json_put_number(verify, "compared", (double)v->counts.compared);
	json_put_number(verify, "at_most", (double)v->at_most);
	if (b->stale)
		cJSON_AddTrueToObject(verify, "stale");
}

static void put_folders(cJSON *o, const struct report_box *b)
{
	cJSON *array = cJSON_AddArrayToObject(o, "folders");

	for (size_t i = 0; i < b->ledger.n_folders; i++) {
		const struct ledger_folder *f = &b->ledger.folders[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddItemToArray(array, item);
		json_put(item, "source", f->source);
		json_put(item, "destination", f->destination);
		cJSON_AddNumberToObject(item, "messages", (double)f->messages);
		cJSON_AddNumberToObject(item, "copied", (double)f->copied);
	}
}

static void put_messages(cJSON *o, struct report_box *b)
{
	cJSON *array = cJSON_AddArrayToObject(o, "uncopied");
	const size_t n = report_messages(b);

	for (size_t i = 0; i < n; i++) {
		struct report_message m;
		cJSON *item = cJSON_CreateObject();

		report_message(b, i, &m);
		cJSON_AddItemToArray(array, item);
		json_put(item, "kind", m.word);
		json_put(item, "folder", m.folder);
		json_put_number(item, "uid", m.uid);
		json_put(item, "date", m.date);
		json_put(item, "from", m.from);
		json_put(item, "subject", m.subject);
		json_put(item, "message_id", m.message_id);
		json_put_number(item, "size", (double)m.size);
		json_put(item, "reason", m.reason);
		json_put(item, "action", m.action);
	}
}

void report_json_box(struct buf *out, struct report_box *b, bool first)
{
	const struct ledger *l = &b->ledger;
	cJSON *o = cJSON_CreateObject();
	char *printed;

	cJSON_AddStringToObject(o, "address", b->mailbox->address);
	cJSON_AddStringToObject(o, "destination", b->mailbox->destination);
	cJSON_AddStringToObject(o, "state", report_state_word(b->state));
	json_put(o, "verdict", l->verdict);
	json_put(o, "text", text_of(b));
	json_put(o, "hint", hint_of(b));
	json_put(o, "answer", l->answer);
	json_put_number(o, "code", l->code);
	cJSON_AddNumberToObject(o, "messages", (double)b->messages);
	cJSON_AddNumberToObject(o, "copied", (double)b->copied);
	json_put_number(o, "bytes", (double)b->bytes);
	json_put_number(o, "bytes_copied", (double)b->bytes_copied);
	cJSON_AddNumberToObject(o, "not_copied", (double)b->uncopied);
	json_put_number(o, "doubles", (double)doubles(b));
	json_put_number(o, "begun", (double)l->first);
	json_put_number(o, "completed", (double)l->completed);
	json_put_number(o, "last", (double)b->last);
	json_put_number(o, "final", (double)l->final);
	json_put(o, "mbsync", l->mbsync);
	json_put(o, "host", l->host);
	put_verify(o, b);
	put_folders(o, b);
	put_messages(o, b);
	printed = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	buf_adds(out, first ? "{\"version\":1,\"mailboxes\":[\n" : ",\n");
	buf_adds(out, printed ? printed : "null");
	out->failed |= !printed;
	cJSON_free(printed);
}

/* ---- files in pieces ---- */

int report_out_open(struct report_out *o, const char *path, struct err *e)
{
	unsigned char id[8];
	int fd;

	*o = (struct report_out){0};
	if (getrandom(id, sizeof id, 0) != sizeof id)
		return err_errno(e, CODE_UNAVAILABLE, "no random numbers");
	o->path = strdup(path);
	if (!o->path || asprintf(&o->temporary, "%s.%02x%02x%02x%02x%02x%02x%02x%02x.tmp", path, id[0], id[1],
	                         id[2], id[3], id[4], id[5], id[6], id[7]) < 0) {
		o->temporary = NULL;
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	o->f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!o->f) {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return 0;
}

int report_out_close(struct report_out *o, bool keep, struct err *e)
{
	bool failed = !o->f;
	int rc = 0;

	if (o->f) {
		failed = ferror(o->f) != 0;
		failed |= fclose(o->f) != 0;
	}
	if (keep && (failed || rename(o->temporary, o->path)))
		rc = err_errno(e, CODE_UNAVAILABLE, "cannot write %s", o->path);
	if (o->temporary && (!keep || rc))
		unlink(o->temporary);
	free(o->path);
	free(o->temporary);
	*o = (struct report_out){0};
	return rc;
}
