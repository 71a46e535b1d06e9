#include "overview_export.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "json.h"

/* ---- JSON ---- */

static void put_states(cJSON *o, const struct overview *v)
{
	cJSON *states = cJSON_AddObjectToObject(o, "states");

	for (int i = 0; i <= LEDGER_FAILED; i++)
		cJSON_AddNumberToObject(states, ledger_state_word((enum ledger_state)i), (double)v->states[i]);
	cJSON_AddNumberToObject(states, "stopped", (double)v->dead);
}

static void put_closed(cJSON *o, const struct overview *v)
{
	cJSON *closed;

	if (!v->closed.why || !*v->closed.why)
		return;
	closed = cJSON_AddObjectToObject(o, "paused");
	json_put(closed, "why", v->closed.why);
	json_put(closed, "text", v->closed.text);
	json_put_number(closed, "until", (double)v->closed.until);
}

static void put_events(cJSON *o, const struct overview *v, long long now)
{
	struct overview_event events[20];
	size_t n = overview_events(v, now, events, sizeof events / sizeof *events);
	cJSON *array = cJSON_AddArrayToObject(o, "events");

	for (size_t i = 0; i < n; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddItemToArray(array, item);
		json_put_number(item, "time", (double)events[i].time);
		json_put(item, "kind", events[i].kind);
		json_put(item, "address", events[i].address);
		cJSON_AddNumberToObject(item, "count", (double)events[i].n);
		json_put(item, "text", events[i].text);
	}
}

static cJSON *box_object(const struct overview_box *b)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "address", b->address);
	json_put(o, "destination", b->destination);
	cJSON_AddStringToObject(o, "state", b->dead ? "stopped" : ledger_state_word(b->state));
	json_put_number(o, "code", b->code);
	json_put(o, "verdict", b->verdict);
	json_put(o, "reason", b->reason);
	json_put(o, "text", b->text);
	json_put(o, "doing", b->doing);
	json_put(o, "folder", b->folder);
	json_put(o, "host", b->host);
	if (b->counted)
		cJSON_AddNumberToObject(o, "messages", (double)b->messages);
	cJSON_AddNumberToObject(o, "copied", (double)b->copied);
	json_put_number(o, "uncopied", (double)b->uncopied);
	json_put_number(o, "doubles", (double)b->twice);
	if (b->weighed) {
		cJSON_AddNumberToObject(o, "bytes", (double)b->bytes);
		cJSON_AddNumberToObject(o, "bytes_left", b->state == LEDGER_DONE || b->state == LEDGER_LEFT ? 0 : (double)overview_bytes_left(b));
	}
	json_put_number(o, "bytes_copied", (double)b->bytes_copied);
	json_put_number(o, "rate", (double)b->rate);
	json_put_number(o, "left_s", (double)b->left_s);
	json_put_number(o, "until", (double)b->until);
	json_put_number(o, "next", (double)b->next);
	json_put_number(o, "refused_since", (double)b->refused_since);
	json_put_number(o, "first", (double)b->first);
	json_put_number(o, "started", (double)b->started);
	json_put_number(o, "updated", (double)b->updated);
	json_put_number(o, "finished", (double)b->finished);
	json_put_number(o, "completed", (double)b->completed);
	json_put_number(o, "final", (double)b->final);
	return o;
}

void overview_json(struct buf *out, const struct overview *v, long long now)
{
	cJSON *o = cJSON_CreateObject(), *array;

	cJSON_AddNumberToObject(o, "version", 1);
	cJSON_AddNumberToObject(o, "time", (double)now);
	cJSON_AddBoolToObject(o, "run_at_work", v->at_work);
	put_closed(o, v);
	put_states(o, v);
	cJSON_AddNumberToObject(o, "waiting", (double)v->waiting);
	cJSON_AddNumberToObject(o, "held", (double)v->held);
	cJSON_AddNumberToObject(o, "unlooked", (double)v->unlooked);
	cJSON_AddNumberToObject(o, "final_passes", (double)v->final);
	cJSON_AddNumberToObject(o, "messages", (double)v->messages);
	cJSON_AddNumberToObject(o, "copied", (double)v->copied);
	cJSON_AddNumberToObject(o, "bytes", (double)v->bytes);
	cJSON_AddNumberToObject(o, "bytes_there", (double)v->bytes_there);
	cJSON_AddBoolToObject(o, "bytes_known", !v->unweighed);
	cJSON_AddNumberToObject(o, "byte_rate", v->byte_rate);
	cJSON_AddNumberToObject(o, "message_rate", v->message_rate);
	cJSON_AddStringToObject(o, "left", overview_left_word(v->left));
	if (v->left == LEFT_KNOWN)
		cJSON_AddNumberToObject(o, "left_s", (double)v->left_s);
	json_put_number(o, "until", (double)v->until);
	put_events(o, v, now);
	array = cJSON_AddArrayToObject(o, "mailboxes");
	for (size_t i = 0; i < v->n; i++)
		cJSON_AddItemToArray(array, box_object(&v->v[i]));
	json_line(out, o);
}

/* ---- Prometheus ---- */

static void add_head(struct buf *out, const char *name, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void add_gauge(struct buf *out, const char *name, const char *help, double value)
{
	add_head(out, name, help);
	buf_addf(out, "%s %.15g\n", name, value);
}

/* The value of a label: backslash, quote and line feed are escaped, and what is not UTF-8 or is a control is made harmless
 * first. */
static void add_label(struct buf *out, const char *text)
{
	size_t n = strlen(text);
	char *safe = malloc(4 * n + 1);

	if (!safe) {
		out->failed = true;
		return;
	}
	text_escape(safe, 4 * n + 1, text, n);
	for (const char *p = safe; *p; p++) {
		if (*p == '\\' || *p == '"')
			buf_addc(out, '\\');
		buf_addc(out, *p);
	}
	free(safe);
}

static double known(bool is, uint64_t n)
{
	return is ? (double)n : -1;
}

/* Of one mailbox; below 0: there is none. */
static double bytes_of(const struct overview_box *b)
{
	return known(b->weighed, b->bytes);
}

static double messages_of(const struct overview_box *b)
{
	return known(b->counted, b->messages);
}

static double copied_of(const struct overview_box *b)
{
	return (double)b->copied;
}

static double uncopied_of(const struct overview_box *b)
{
	return (double)b->uncopied;
}

static double bytes_copied_of(const struct overview_box *b)
{
	return known(b->bytes_copied, b->bytes_copied);
}

static double updated_of(const struct overview_box *b)
{
	return known(b->updated > 0, (uint64_t)b->updated);
}

static double completed_of(const struct overview_box *b)
{
	return known(b->completed > 0, (uint64_t)b->completed);
}

static double final_of(const struct overview_box *b)
{
	return known(b->final > 0, (uint64_t)b->final);
}

static double until_of(const struct overview_box *b)
{
	return known(b->until > 0, (uint64_t)b->until);
}

static double refused_of(const struct overview_box *b)
{
	return known(b->refused_since > 0, (uint64_t)b->refused_since);
}

static const struct {
	const char *name, *help;
	double (*value)(const struct overview_box *b);
} gauges[] = {
	{"mbhaul_mailbox_messages", "Messages at the source, in the folders that are copied.", messages_of},
	{"mbhaul_mailbox_messages_copied", "Messages of these that were copied.", copied_of},
	{"mbhaul_mailbox_messages_uncopied", "Messages that could not be copied, and are listed.", uncopied_of},
	{"mbhaul_mailbox_bytes", "Bytes at the source, as far as known.", bytes_of},
	{"mbhaul_mailbox_bytes_copied", "Bytes that all syncs have copied, as far as known.", bytes_copied_of},
	{"mbhaul_mailbox_updated_timestamp_seconds", "When something was last heard of it.", updated_of},
	{"mbhaul_mailbox_completed_timestamp_seconds", "When it was first complete.", completed_of},
	{"mbhaul_mailbox_final_timestamp_seconds", "When its last pass went through.", final_of},
	{"mbhaul_mailbox_waits_until_timestamp_seconds", "Until when a server makes it wait.", until_of},
	{"mbhaul_mailbox_refused_since_timestamp_seconds", "Since when the source refuses it.", refused_of},
};

static void add_mailboxes(struct buf *out, const struct overview *v)
{
	add_head(out, "mbhaul_mailbox_state", "1 for the state that the mailbox is in.");
	for (size_t i = 0; i < v->n; i++) {
		const struct overview_box *b = &v->v[i];

		buf_adds(out, "mbhaul_mailbox_state{mailbox=\"");
		add_label(out, b->address);
		buf_addf(out, "\",state=\"%s\"} 1\n", b->dead ? "stopped" : ledger_state_word(b->state));
	}
	for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
		bool any = false;

		for (size_t i = 0; i < v->n; i++) {
			double value = gauges[g].value(&v->v[i]);

			if (value < 0)
				continue;
			if (!any)
				add_head(out, gauges[g].name, gauges[g].help);
			any = true;
			buf_addf(out, "%s{mailbox=\"", gauges[g].name);
			add_label(out, v->v[i].address);
			buf_addf(out, "\"} %.15g\n", value);
		}
	}
}

void overview_prometheus(struct buf *out, const struct overview *v, long long now)
{
	add_head(out, "mbhaul_mailboxes", "Mailboxes of the CSV, by state.");
	for (int i = 0; i <= LEDGER_FAILED; i++)
		buf_addf(out, "mbhaul_mailboxes{state=\"%s\"} %zu\n", ledger_state_word((enum ledger_state)i), v->states[i]);
	buf_addf(out, "mbhaul_mailboxes{state=\"stopped\"} %zu\n", v->dead);
	add_gauge(out, "mbhaul_mailboxes_waiting", "Running mailboxes that a server makes wait.", (double)v->waiting);
	add_gauge(out, "mbhaul_mailboxes_unknown", "Mailboxes whose messages were not counted yet.", (double)v->uncounted);
	add_gauge(out, "mbhaul_mailboxes_final", "Mailboxes whose last pass went through.", (double)v->final);
	add_gauge(out, "mbhaul_messages", "Messages at the source, as far as counted.", (double)v->messages);
	add_gauge(out, "mbhaul_messages_copied", "Messages of these that were copied.", (double)v->copied);
	add_gauge(out, "mbhaul_bytes", "Bytes at the source, as far as known.", (double)v->bytes);
	add_gauge(out, "mbhaul_bytes_there", "Bytes of these that need not be copied any more.", (double)v->bytes_there);
	add_gauge(out, "mbhaul_copy_bytes_per_second", "Bytes copied a second, over the last minutes.", v->byte_rate);
	add_gauge(out, "mbhaul_copy_messages_per_second", "Messages copied a second, over the last minutes.", v->message_rate);
	if (v->left == LEFT_KNOWN)
		add_gauge(out, "mbhaul_left_seconds", "Time until all is copied, at this rate; missing if it is not known.", (double)v->left_s);
	add_gauge(out, "mbhaul_run_at_work", "1 while a run works on the haul.", v->at_work);
	add_gauge(out, "mbhaul_paused", "1 while a pause, the hours or the disk keep the haul from copying.", v->closed.why && *v->closed.why);
	add_gauge(out, "mbhaul_status_timestamp_seconds", "When this was written.", (double)now);
	add_mailboxes(out, v);
}
