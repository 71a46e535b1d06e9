#include "sync.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "diagnose.h"
#include "engine.h"
#include "final.h"
#include "gate.h"
#include "mailboxes.h"
#include "scan.h"
#include "seat.h"
#include "state.h"

enum { STUCK_MOST = 3 };

/* s before the next try when the server asked for none, by how often nothing was gained. */
static int pause_for(int stuck)
{
	static const int pauses[] = {1, 5, 15};

	return pauses[stuck < 3 ? stuck : 2];
}

/* --- the end of a sync --- */

static int finish(struct sync *s, enum ledger_state state, int code, const char *reason, const char *text,
		  const char *hint, const char *answer)
{
	struct ledger *l = &s->ledger;

	l->state = state;
	l->code = code;
	l->finished = (long long)time(NULL);
	ledger_set(&l->reason, reason);
	ledger_set(&l->text, text);
	ledger_set(&l->hint, hint);
	ledger_set(&l->answer, answer);
	ledger_set(&l->doing, "");
	ledger_set(&l->folder, "");
	if (state != LEDGER_LATER)
		l->next = 0;
	if (state == LEDGER_DONE || state == LEDGER_LEFT) {
		if (!l->completed)
			l->completed = l->finished;
		ledger_set(&l->verdict, "");
		ledger_set(&l->side, "");
	}
	sync_end_pass(s);
	sync_write(s, true);
	log_say(&s->log, "%s: %s%s%s", ledger_state_word(state), text, hint[0] ? " -- " : "", hint);
	return code;
}

static int finish_verdict(struct sync *s, struct verdict *v)
{
	int code = v->code ? v->code : CODE_UNAVAILABLE;
	struct diagnosis d;

	if (sync_needs_judging(v) && v->side != SIDE_DESTINATION && !s->ledger.refused_since)
		s->ledger.refused_since = (long long)time(NULL);
	sync_judge(s, v, &d);
	ledger_set(&s->ledger.verdict, d.verdict);
	ledger_set(&s->ledger.side, v->side == SIDE_SOURCE ? "source" : v->side == SIDE_DESTINATION ? "destination" : "");

	switch (v->kind) {
	case VERDICT_LATER:
		s->ledger.next = (long long)time(NULL) + v->wait_s;
		return finish(s, LEDGER_LATER, CODE_LATER, v->reason, v->text, v->hint, v->line);
	case VERDICT_REFUSED:
		return finish(s, LEDGER_REFUSED, CODE_REFUSED, v->reason, v->text, v->hint, v->line);
	default:
		return finish(s, LEDGER_FAILED, code, v->reason, v->text, v->hint, v->line);
	}
}

/* Through: what is left to say is in the lists. */
static int finish_through(struct sync *s, const struct sync_check *found)
{
	struct ledger *l = &s->ledger;
	char text[512], later[100] = "", hint[2048];
	size_t folders = 0, messages = 0, lost = 0, i;

	for (i = 0; i < l->n_left; i++) {
		folders += !strcmp(l->left[i].kind, "folder");
		messages += !strcmp(l->left[i].kind, "stub");
		lost += lost_is(&l->left[i]);
	}
	for (i = 0; i < s->n_folders; i++)
		messages += s->folders[i].n_missing; /* more than are listed, where they are very many */
	if (found->fresh)
		snprintf(later, sizeof later, "; %zu came meanwhile and wait for the next pass", found->fresh);
	if (!l->n_left && !l->n_doubles) {
		snprintf(text, sizeof text, "%llu messages in %zu folders%s", (unsigned long long)l->copied, l->n_folders, later);
		return finish(s, LEDGER_DONE, CODE_DONE, "done", text, "", "");
	}
	snprintf(text, sizeof text, "%llu messages copied", (unsigned long long)l->copied);
	if (messages)
		snprintf(text + strlen(text), sizeof text - strlen(text), ", %zu could not be", messages);
	if (lost)
		snprintf(text + strlen(text), sizeof text - strlen(text), ", %zu are not there though the destination took them", lost);
	if (folders)
		snprintf(text + strlen(text), sizeof text - strlen(text), ", %zu folders could not be", folders);
	if (l->n_doubles)
		snprintf(text + strlen(text), sizeof text - strlen(text), ", %zu lie there twice", l->n_doubles);
	snprintf(text + strlen(text), sizeof text - strlen(text), "%s", later);
	snprintf(hint, sizeof hint, "they are listed, with the reason, by `mbhaul status ADDRESS` and in status.json");
	if (lost)
		snprintf(hint, sizeof hint,
			 "what the destination took and does not have is not sent again, since it might still come, and then lie "
			 "there twice. Ask the destination's administrator what became of it. Then copy it by hand, or remove the "
			 "lines that begin with its UID and \"0\" from the folder's file in %s and run `mbhaul sync %s` again",
			 s->state_dir, s->mailbox->address);
	return finish(s, LEDGER_LEFT, CODE_LEFT, l->n_left ? "left" : "doubles", text, hint, "");
}

/* The folder of mbsync's channel "c0001"; n_folders if it is none of ours. */
static size_t folder_of(const struct sync *s, const char *channel)
{
	char name[32];
	size_t i;

	for (i = 0; i < s->n_folders; i++) {
		snprintf(name, sizeof name, "c%04u", s->plan.v[s->folders[i].choice].channel);
		if (!strcmp(name, channel))
			break;
	}
	return i;
}

static void uidvalidity(struct sync *s, size_t folder, bool destination, struct verdict *v)
{
	if (folder < s->n_folders) /* else mbsync's own words must do */
		sync_uidvalidity(s, &s->plan.v[s->folders[folder].choice], s->folders[folder].state, destination, v);
}

/* --- the order of things --- */

struct course {
	bool looked;        /* the plan stands */
	bool succeeded;     /* logged in on both sides in this sync */
	int stuck;          /* tries in a row that gained nothing */
	uint64_t copied;    /* before the last try */
	uint64_t signature; /* of the messages that were missing after it */
	size_t missing;
	bool retried;       /* the same set was tried again */
	int rounds;         /* of a final pass */
	unsigned long long mark; /* final_mark before the last of them */
};

static bool gained(struct sync *s, struct course *c)
{
	bool more = s->ledger.copied > c->copied;

	c->copied = s->ledger.copied;
	return more;
}

/* A long wait is for others to use. Who was started by `run` ends then, and is started again. */
static bool gives_up_seat(struct sync *s, const struct verdict *v, int seconds)
{
	if (!s->left_seat && (!v->wait_asked || seconds <= SEAT_LONG))
		return false;
	seat_leave(s->seat);
	return s->seat->how == SEAT_GIVEN && v->kind == VERDICT_LATER;
}

/* Waits as the server asked, or with growing pauses. Returns false when there is no sense in trying on. */
static bool wait_and_retry(struct sync *s, struct course *c, struct verdict *v)
{
	char when[32], doing[100];
	int seconds;

	c->stuck = gained(s, c) ? 0 : c->stuck + 1;
	if (c->stuck >= STUCK_MOST || engine_stop)
		return false;
	seconds = v->wait_asked ? v->wait_s : (v->saw & SAW_TOKEN_EXPIRED) && !c->stuck ? 0 : pause_for(c->stuck);
	log_time(when, (long long)time(NULL) + seconds);
	log_say(&s->log, "%s; again in %d s", v->text, seconds);
	snprintf(doing, sizeof doing, "waiting until %s", when);
	ledger_set(&s->ledger.doing, doing);
	ledger_set(&s->ledger.answer, v->line);
	ledger_set(&s->ledger.text, v->text);
	sync_write(s, true);
	if (v->saw & SAW_THROTTLED)
		history_throttled(&s->ledger.history, (long long)time(NULL), seconds);
	if (v->saw & SAW_THROTTLED && v->side != SIDE_DESTINATION)
		seat_throttled(s->seat, s->mailbox->address, seconds, &s->log);
	if (gives_up_seat(s, v, seconds))
		return false;
	return engine_sleep(seconds) && seat_wait(s->seat);
}

/* Is it worth trying again without anybody's help? */
static bool transient(const struct course *c, const struct verdict *v)
{
	const unsigned hopeless =
		SAW_LOCAL | SAW_TLS | SAW_STATE_DAMAGED | SAW_UIDVALIDITY | SAW_OVERQUOTA | SAW_TOO_BIG | SAW_UNREACHABLE;

	if (v->kind == VERDICT_LATER)
		return true;
	/* Refused after it went well a moment ago: an outage more likely than a permission taken away. */
	if (v->kind == VERDICT_REFUSED)
		return c->succeeded && !(v->saw & hopeless);
	return v->kind == VERDICT_FAILED && c->succeeded && !(v->saw & hopeless) && v->code != CODE_CONFIG;
}

/* After mbsync went through: is everything there? Returns 1 to go round again, 0 when through, -1 with a verdict. */
static int settle(struct sync *s, struct course *c, struct sync_check *found, struct verdict *v)
{
	const unsigned passing = SAW_THROTTLED | SAW_DROPPED | SAW_TOKEN_EXPIRED | SAW_LIMIT;
	bool same;

	if (sync_check_missing(s, found, v))
		return -1;
	if (found->changed) {
		uidvalidity(s, found->changed_folder, false, v);
		return -1;
	}
	if (found->journals) {
		memset(v, 0, sizeof *v);
		v->kind = VERDICT_LATER;
		v->reason = "journal";
		snprintf(v->text, sizeof v->text, "mbsync left %zu folders unfinished", found->journals);
		return -1;
	}
	if (!found->missing)
		return 0;
	if (s->dialect == MBSYNC_15 && (v->saw & SAW_MESSAGE_REFUSED) && (sync_list_missing(s, v) || sync_check_quota(s, v)))
		return -1;
	same = found->missing == c->missing && found->signature == c->signature;
	c->missing = found->missing;
	c->signature = found->signature;
	if (same && c->retried && !(v->saw & passing))
		return 0; /* tried again without any of them coming through: listed */
	c->retried = same || !(v->saw & passing);
	if (sync_mend(s, v))
		return -1;
	snprintf(v->text, sizeof v->text, "%zu messages got no counterpart, they are tried again", found->missing);
	if (!(v->saw & passing)) {
		log_say(&s->log, "%s", v->text);
		c->copied = s->ledger.copied;
		return 1;
	}
	/* Throttled or so in the middle of a folder: they were refused for now, not for ever. */
	v->kind = VERDICT_LATER;
	v->code = CODE_LATER;
	v->reason = "unfinished";
	return -1;
}

/* What 1.4 was refused for now gets into its next run; 1.5 does that by itself. */
static void pick_up(struct sync *s, const struct verdict *v)
{
	struct sync_check found;
	struct verdict ignored;

	if (s->dialect == MBSYNC_14 && (v->saw & SAW_MESSAGE_REFUSED) && !sync_check_missing(s, &found, &ignored))
		sync_mend(s, &ignored);
}

/*
 * A final pass has copied: was there anything new? Then there may be more by now. Returns 1 to look again, 0 when nothing was,
 * -1 with a verdict when it does not end.
 */
static int look_again(struct sync *s, struct course *c, const struct sync_check *found, struct verdict *v)
{
	if (final_mark(s) == c->mark && !found->fresh)
		return 0;
	c->looked = false;
	if (++c->rounds < FINAL_ROUNDS)
		return 1;
	memset(v, 0, sizeof *v);
	v->kind = VERDICT_LATER;
	v->reason = "unfinished";
	snprintf(v->text, sizeof v->text, "mail still comes to the source: after %d looks the last one found something new", FINAL_ROUNDS);
	snprintf(v->hint, sizeof v->hint, "look whether the mail goes to the new server already (MX), and what still writes to the old one");
	return -1;
}

static int through(struct sync *s, const struct sync_check *found, struct verdict *v)
{
	if (sync_list_missing(s, v) || sync_look_for_lost(s, v) || sync_check_stubs(s, v))
		return -1;
	if (s->ledger.dirty || s->ledger.n_doubles ? sync_check_doubles(s, v) : sync_check_ghosts(s, v))
		return -1;
	return finish_through(s, found);
}

static int stopped(struct sync *s)
{
	struct gate g;
	char text[sizeof g.text + 16];

	if (gate_stopped(&g)) {
		s->ledger.next = 0;
		snprintf(text, sizeof text, "stopped: %s", g.text);
		return finish(s, LEDGER_LATER, CODE_LATER, gate_word(g.why), text, g.hint, "");
	}
	return finish(s, LEDGER_LATER, CODE_LATER, "stopped", "stopped; the same command goes on from here", "", "");
}

/* What mbsync refused before somebody must act is still listed, and tried again the next time. */
static void take_stock(struct sync *s, const struct course *c)
{
	struct sync_check found;
	struct verdict ignored;
	size_t i;

	/* What mbsync has not come to yet is no news. */
	for (i = 0; i < s->n_folders; i++)
		s->folders[i].next = 1;
	if (!c->succeeded || sync_check_missing(s, &found, &ignored))
		return;
	sync_list_missing(s, &ignored);
	sync_mend(s, &ignored);
}

/* A disk that is full here: nothing that this mailbox, or anybody but those who see to the disk, can do about. */
static bool no_room(const struct sync *s, const struct verdict *v, struct gate *g)
{
	gate_look_disk(s->conf, g);
	if (g->why != GATE_OPEN && !g->finish)
		return true;
	/* What filled it may be gone with those who wrote it. */
	if (!(v->saw & SAW_LOCAL) || (v->saw & SAW_OVERQUOTA) ||
	    !(strcasestr(v->line, "no space left") || strcasestr(v->text, "no space left") ||
	      strcasestr(v->line, "disk quota exceeded") || strcasestr(v->text, "disk quota exceeded")))
		return false;
	text_copy(g->text, sizeof g->text, "the disk was full");
	text_copy(g->hint, sizeof g->hint, "make room");
	return true;
}

static int disk_full(struct sync *s, const struct verdict *v, const struct gate *g)
{
	char text[sizeof g->text + 16];

	s->ledger.next = 0;
	snprintf(text, sizeof text, "stopped: %s", g->text);
	return finish(s, LEDGER_LATER, CODE_LATER, gate_word(GATE_DISK), text, g->hint, v->line);
}

int sync_work(struct sync *s)
{
	struct course c = {.copied = s->ledger.copied};
	struct sync_check found;
	struct verdict v;
	struct gate gate;
	int rc;

	for (;;) {
		memset(&v, 0, sizeof v);
		if (!c.looked)
			ledger_set(&s->ledger.doing, "looking"), sync_write(s, true);
		rc = c.looked ? 0 : sync_look(s, &v);
		if (!rc) {
			size_t i;

			if (!c.looked)
				c.copied = s->ledger.copied;
			if (!c.looked)
				c.mark = final_mark(s);
			c.looked = true;
			c.succeeded |= !s->plan_trusted;
			for (i = 0; i < s->n_folders && !s->ledger.dirty; i++)
				s->ledger.dirty = state_has_journal(s->folders[i].state);
			if (s->ledger.dirty)
				rc = sync_wait_still(s, &v);
			sync_disconnect(&s->destination); /* a connection less while mbsync has its own */
			if (!rc)
				rc = sync_copy(s, &v);
			if (s->left_seat && !engine_stop) {
				const struct verdict none = {.kind = VERDICT_LATER, .code = CODE_LATER, .reason = "throttled", .wait_asked = true};

				v = none;
				snprintf(v.text, sizeof v.text, "the source throttles, and others have its place on this machine");
				rc = -1;
			}
			/* Stopped before anything was begun, there is no verdict. */
			if (rc && v.reason && !strcmp(v.reason, "uidvalidity"))
				uidvalidity(s, folder_of(s, v.channel), v.side == SIDE_DESTINATION, &v);
			c.succeeded |= !rc;
			if (!rc && !engine_stop) {
				rc = settle(s, &c, &found, &v);
				if (!rc && s->final)
					rc = look_again(s, &c, &found, &v);
				if (rc == 1)
					continue;
				if (!rc) {
					rc = through(s, &found, &v);
					if (rc >= 0)
						return rc;
				}
			}
		}
		if (engine_stop)
			return stopped(s);
		if (no_room(s, &v, &gate))
			return disk_full(s, &v, &gate);
		if (s->plan_trusted && c.looked) {
			/* Something is not as the plan says, perhaps at the destination, which was not looked at. */
			s->plan_trusted = c.looked = false;
			if (v.kind != VERDICT_LATER && v.kind != VERDICT_REFUSED)
				continue;
		}
		if (c.rounds < FINAL_ROUNDS && transient(&c, &v)) {
			/* It was mbsync, or a relay, that was not let in. */
			if (v.saw & (SAW_AUTH_SOURCE | SAW_AUTH_DESTINATION))
				sync_another_token(s, v.side == SIDE_DESTINATION ? &s->destination : &s->source);
			if (wait_and_retry(s, &c, &v)) {
				pick_up(s, &v);
				continue;
			}
			if (engine_stop)
				return stopped(s);
		}
		take_stock(s, &c);
		return finish_verdict(s, &v);
	}
}
