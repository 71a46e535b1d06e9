#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "engine.h"
#include "verify.h"

enum { BEAT_MS = 500, TRIES_MOST = 3 };

void verify_beat(struct verify_box *b)
{
	const long long now = file_now_ms();
	char line[64];
	int n;

	if (b->report < 0 || now - b->told_ms < BEAT_MS)
		return;
	b->told_ms = now;
	n = snprintf(line, sizeof line, "p %llu %llu\n", (unsigned long long)b->progress,
	             (unsigned long long)b->total);
	if (write(b->report, line, (size_t)n) < 0)
		b->report = -1; /* nobody listens any more */
}

/* The parent hears of life meanwhile. False if we are to stop. */
static bool wait_for(struct verify_box *b, int seconds)
{
	for (; seconds > 0 && !engine_stop; seconds--) {
		engine_sleep(1);
		verify_beat(b);
	}
	return !engine_stop;
}

/* s before the next try, where the server asked for none. */
static int pause_for(unsigned tries)
{
	static const int pauses[] = {1, 5, 15, 30, 60};

	return pauses[tries < 5 ? tries : 4];
}

/* Is there sense in it without anybody's help? */
static bool passing(const struct verdict *v, bool met)
{
	const unsigned hopeless = SAW_LOCAL | SAW_TLS | SAW_OVERQUOTA;

	if (v->kind == VERDICT_LATER)
		return true;
	/* Refused after it went well a moment ago: an outage rather than a permission taken away. */
	return met && !(v->saw & hopeless) && v->code != CODE_CONFIG;
}

int verify_try(struct verify_box *b, struct sync_side *side, verify_step *step, void *arg, struct verdict *v)
{
	bool *met = &b->met[side->which == SIDE_DESTINATION];
	uint64_t steps = b->steps;
	long long since = file_now_ms();
	unsigned tries = 0;

	for (;;) {
		struct err e = ERR_INIT;
		bool patient, token;
		int seconds;

		memset(v, 0, sizeof *v);
		if (!sync_connect(&b->sync, side, v)) {
			*met = true;
			if (!step(b, side, arg, &e))
				return 0;
			sync_verdict(&b->sync, side, side->imap ? imap_last_answer(side->imap) : NULL, &e, v);
			/* Commands may be under way: what answers them must not be taken for something else.
			 */
			sync_disconnect(side);
		}
		if (engine_stop || !passing(v, *met))
			return -1;
		if (b->steps != steps) {
			steps = b->steps;
			since = file_now_ms();
			tries = 0;
		}
		token = (v->saw & SAW_TOKEN_EXPIRED) && !tries;
		seconds = v->wait_asked ? v->wait_s : token ? 0 : pause_for(tries);
		tries++;
		/* A server that was never reached is not waited for so long, unless it says until when. */
		patient = v->kind == VERDICT_LATER && (*met || v->wait_asked) &&
		          (file_now_ms() - since) / 1000 + seconds <= b->sync.conf->relay.patience;
		if (!patient && (tries >= TRIES_MOST || v->wait_asked))
			return -1;
		log_say(&b->sync.log, "verify: %s; again in %d s", v->text, seconds);
		if (!wait_for(b, seconds))
			return -1;
	}
}
