#include "relay.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"

volatile int relay_stop;

void relay_wish(const struct relay *r, struct aside_wish *wish)
{
	*wish = (struct aside_wish){.host = r->server.host,
				    .port = r->server.port,
				    .helper = r->token ? r->account->helper : NULL,
				    .profile = r->account->profile,
				    .user = r->server.user,
				    .mechanism = r->server.mechanism};
}

int relay_fail(struct relay *r, const char *reason, const struct err *e, const char *answer, int retry_after)
{
	if (r->failure.reason)
		return -1;
	r->failure.reason = reason;
	r->failure.e = *e;
	r->failure.retry_after = retry_after;
	text_copy(r->failure.answer, sizeof r->failure.answer, answer ? answer : "");
	return -1;
}

int relay_failf(struct relay *r, const char *reason, int code, const char *fmt, ...)
{
	struct err e = ERR_INIT;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(&e, code, "%s", text);
	return relay_fail(r, reason, &e, NULL, 0);
}

void relay_classify(const struct relay *r, const char *answer, struct verdict *v)
{
	memset(v, 0, sizeof *v);
	if (!classify_answer(&r->facts, r->side, answer, v))
		return;
	memset(v, 0, sizeof *v);
	v->kind = VERDICT_FAILED;
	v->reason = "unknown";
}

const char *relay_reason(const struct verdict *v)
{
	static const struct {
		unsigned saw;
		const char *word;
	} words[] = {{SAW_OVERQUOTA, "overquota"},
		     {SAW_TOO_BIG, "too-big"},
		     {SAW_THROTTLED, "throttled"},
		     {SAW_LIMIT, "limit"},
		     {SAW_NOT_CONNECTED, "not-connected"},
		     {SAW_AUTH_SOURCE | SAW_AUTH_DESTINATION, "auth"},
		     {SAW_TOKEN_TROUBLE, "token"},
		     {SAW_TOKEN_EXPIRED | SAW_DROPPED, "dropped"}};
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (v->saw & words[i].saw)
			return words[i].word;
	return v->kind == VERDICT_LATER ? "unavailable" : "refused";
}

int relay_fail_session(struct relay *r, const struct session *s, const struct err *e)
{
	const char *reason = "dropped";
	struct verdict v;
	int wait = 0;

	if (r->server.trouble == IMAP_UNREACHABLE)
		reason = "unreachable";
	else if (r->server.trouble == IMAP_TLS)
		reason = "tls";
	else if (r->server.trouble == IMAP_MECHANISM)
		reason = "mechanism";
	else if (e->code == CODE_REFUSED)
		reason = "auth";
	if (s->answer[0]) {
		relay_classify(r, s->answer, &v);
		if (strcmp(v.reason, "unknown") && r->server.trouble == IMAP_NO_TROUBLE)
			reason = relay_reason(&v);
		if (v.wait_asked)
			wait = v.wait_s;
	}
	return relay_fail(r, reason, e, s->answer, wait);
}

int relay_fail_aside(struct relay *r, const struct aside_answer *a)
{
	return relay_fail(r, a->token_error[0] ? "token" : "unreachable", &a->e, NULL, a->retry_after);
}

/* --- the report --- */

void relay_report_connected(struct relay *r, int number, const struct session *s)
{
	cJSON *o = report_begin(&r->report, "connected");

	cJSON_AddNumberToObject(o, "connection", number);
	cJSON_AddStringToObject(o, "host", r->server.host);
	cJSON_AddNumberToObject(o, "port", r->server.port);
	cJSON_AddStringToObject(o, "tls", link_tls_version(&s->link));
	cJSON_AddNumberToObject(o, "ms", (double)(file_now_ms() - s->begun_ms));
	report_end(&r->report, o);
	r->connections++;
}

void relay_report_copied(struct relay *r, const char *folder, uint32_t validity, uint32_t uid, uint64_t size, const char *sha256,
			 long long ms)
{
	cJSON *o = report_begin(&r->report, "copied");

	cJSON_AddStringToObject(o, "folder", folder);
	cJSON_AddNumberToObject(o, "uidvalidity", validity);
	if (uid)
		cJSON_AddNumberToObject(o, "uid", uid);
	cJSON_AddNumberToObject(o, "size", (double)size);
	cJSON_AddStringToObject(o, "sha256", sha256);
	cJSON_AddNumberToObject(o, "ms", (double)ms);
	report_end(&r->report, o);
	r->bytes += size;
	r->messages++;
}

void relay_report_blocked(struct relay *r, const char *verb)
{
	cJSON *o = report_begin(&r->report, "blocked");

	cJSON_AddStringToObject(o, "command", verb);
	report_end(&r->report, o);
}

void relay_tick(struct relay *r, long long now_ms)
{
	if (now_ms - r->progress_ms >= 1000 && r->messages != r->progress_messages) {
		cJSON *o = report_begin(&r->report, "progress");

		cJSON_AddNumberToObject(o, "bytes", (double)r->bytes);
		cJSON_AddNumberToObject(o, "messages", (double)r->messages);
		report_end(&r->report, o);
		r->progress_ms = now_ms;
		r->progress_messages = r->messages;
	}
	report_flush(&r->report, now_ms);
}

void relay_trace(void *arg, bool sent, const char *text, size_t n)
{
	const struct relay_tracer *t = arg;

	trace_line(t->trace, t->who, sent ? '>' : '<', text, n);
}
