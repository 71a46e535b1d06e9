/* mbhaul sync: sets one mailbox up, has it copied, and says what came of it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "conf.h"
#include "engine.h"
#include "final.h"
#include "gate.h"
#include "haul.h"
#include "mailboxes.h"
#include "relayed.h"
#include "scan.h"
#include "seat.h"
#include "sync.h"
#include "table.h"
#include "turn.h"

/* --- setting up --- */

static int set_up(struct sync *s, struct err *e)
{
	const char *haul = s->conf->fleet.haul, *address = s->mailbox->address;

	s->dir = haul_path(haul, address, NULL);
	s->state_dir = haul_path(haul, address, HAUL_STATE);
	s->rc = haul_path(haul, address, HAUL_MBSYNCRC);
	s->status_path = haul_path(haul, address, HAUL_STATUS);
	s->folders_path = haul_path(haul, address, HAUL_FOLDERS);
	if (!s->dir || !s->state_dir || !s->rc || !s->status_path || !s->folders_path)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	if (sync_begin_sides(s, e))
		return -1;
	if (generate_ask_version(s->conf, &s->dialect, s->version, e))
		return -1;
	s->env = engine_environment(s->conf, s->g);
	if (!s->env)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	return generate_begin(&s->generate, s->conf, s->g, s->dialect, e);
}

static void tear_down(struct sync *s)
{
	sync_end_sides(s);
	sync_clear_folders(s);
	folder_plan_clear(&s->plan);
	ledger_clear(&s->ledger);
	generate_end(&s->generate);
	relayed_close(s);
	log_close(&s->log);
	free(s->notes.v);
	free(s->notes.answers);
	free(s->env);
	free(s->dir);
	free(s->state_dir);
	free(s->rc);
	free(s->status_path);
	free(s->folders_path);
}

static void report(const struct sync *s, bool quiet)
{
	const struct ledger *l = &s->ledger;
	struct buf out = BUF_INIT(1 << 20);
	bool lost = false;
	size_t i;

	if (quiet && l->code == CODE_DONE)
		return;
	buf_addf(&out, "%s: %s: ", s->mailbox->address, ledger_state_word(l->state));
	table_text(&out, l->text);
	buf_addc(&out, '\n');
	for (i = 0; i < l->n_left; i++)
		lost = lost || lost_is(&l->left[i]);
	/* Where all are only listed, the list says what there is to say. */
	if (l->hint && l->hint[0] && (l->state != LEDGER_LEFT || lost))
		table_wrap(&out, l->hint, 2);
	table_left(&out, l, 20);
	if (l->n_left > 20)
		buf_addf(&out, "  all of them: mbhaul status %s\n", s->mailbox->address);
	fputs(buf_str(&out), stdout);
	buf_clear(&out);
}

struct wish {
	const char *tail;
	int seat; /* a descriptor; -1: none */
	bool verbose, quiet, final, wait, anytime;
};

static void set_host(struct ledger *l)
{
	char name[256] = "";

	gethostname(name, sizeof name - 1);
	ledger_set(&l->host, name);
}

/* Whoever has the lock wrote into status.json where it works. */
static int busy(const struct conf *conf, const char *address, struct err *e)
{
	char *path = haul_path(conf->fleet.haul, address, HAUL_STATUS), host[256] = "";
	struct ledger l = {0};
	struct err ignored = ERR_INIT;

	if (path && !ledger_read_head(path, &l, &ignored) && l.state == LEDGER_RUNNING && l.host)
		text_escape(host, sizeof host, l.host, strlen(l.host));
	err_set(e, CODE_LATER, "another mbhaul works on this mailbox%s%s", host[0] ? ", on " : "", host);
	ledger_clear(&l);
	free(path);
	return -1;
}

/* Before the mailbox is locked: who waits is in nobody's way. */
static int wait_for_turn(const struct conf *conf, const struct mailbox *m, const struct wish *w, struct seat *seat, struct err *e)
{
	char *status = haul_path(conf->fleet.haul, m->address, HAUL_STATUS);
	struct turn turn = {.conf = conf, .address = m->address, .status_path = status, .seat = seat, .wait = w->wait, .anytime = w->anytime, .quiet = w->quiet};
	int rc = status ? turn_take(&turn, e) : err_set(e, CODE_UNAVAILABLE, "no memory");

	free(status);
	return rc ? rc : gate_watch(conf, w->anytime, e);
}

static int sync_mailbox(struct globals *g, const struct conf *conf, const struct mailbox *m, const struct wish *w)
{
	struct sync s = {.g = g, .conf = conf, .mailbox = m, .tail = w->tail, .final = w->final, .log = {.fd = -1, .echo = w->verbose}};
	struct seat seat;
	char *lock_path = NULL, *log_path = NULL;
	struct err e = ERR_INIT;
	int lock = -1, rc;

	s.seat = &seat;
	/* The mailbox's own folder only once there is room for it. */
	if (haul_make(conf->fleet.haul, NULL, &e)) {
		seat_begin(&seat, conf->fleet.haul, w->seat, w->wait);
		goto failed;
	}
	seat_begin(&seat, conf->fleet.haul, w->seat, w->wait);
	if (wait_for_turn(conf, m, w, &seat, &e) || haul_make(conf->fleet.haul, m->address, &e))
		goto failed;
	lock_path = haul_path(conf->fleet.haul, m->address, HAUL_LOCK);
	log_path = haul_path(conf->fleet.haul, m->address, HAUL_LOG);
	if (!lock_path || !log_path) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		goto failed;
	}
	lock = file_lock(lock_path, 500, &e); /* `status` holds it for a moment */
	if (lock < 0) {
		if (e.code == CODE_LATER)
			busy(conf, m->address, &e);
		goto failed;
	}
	log_open(&s.log, log_path);
	s.log.known = s.known;
	if (set_up(&s, &e) || ledger_read(s.status_path, &s.ledger, &e)) {
		log_say(&s.log, "%s", e.text);
		goto failed;
	}
	if (s.ledger.state == LEDGER_RUNNING)
		s.ledger.dirty = true; /* the last one was killed */
	s.plan_trusted = !s.final && (s.ledger.state == LEDGER_DONE || s.ledger.state == LEDGER_LEFT) && !s.ledger.dirty;
	s.ledger.state = LEDGER_RUNNING;
	s.ledger.started = (long long)time(NULL);
	if (s.ledger.refused_since > s.ledger.started)
		s.ledger.refused_since = s.ledger.started; /* the clock was set back */
	if (!s.ledger.first)
		s.ledger.first = s.ledger.started;
	s.ledger.finished = s.ledger.next = 0;
	s.ledger.runs = 0;
	s.ledger.bytes = s.ledger.rate = 0;
	s.ledger.left_s = 0;
	ledger_set(&s.ledger.address, m->address);
	ledger_set(&s.ledger.destination, m->destination);
	set_host(&s.ledger);
	ledger_set(&s.ledger.text, "");
	ledger_set(&s.ledger.hint, "");
	ledger_set(&s.ledger.reason, "");
	ledger_set(&s.ledger.answer, "");
	if (s.final)
		final_begin(&s);
	if (relayed_open(&s, &e))
		goto failed;
	rc = sync_work(&s);
	report(&s, w->quiet);
	goto out;
failed:
	err_prefix(&e, "%s", m->address);
	rc = err_print(&e, "mbhaul");
out:
	tear_down(&s);
	seat_end(&seat);
	if (lock >= 0)
		close(lock);
	free(lock_path);
	free(log_path);
	if (w->final && (rc == CODE_DONE || rc == CODE_LEFT)) {
		fflush(stdout);
		rc = engine_stop ? CODE_LATER : final_verify(g, conf, m, rc, w->quiet);
	}
	return rc;
}

static void usage(FILE *to)
{
	fputs("usage: mbhaul sync [--quiet | --verbose] [--final] [--wait] [--anytime] ADDRESS\n"
	      "Copies what is new in one mailbox, until it is through, or says what is in the way.\n\n"
	      "  -q, --quiet    print nothing if all went well\n"
	      "  -v, --verbose  show the mailbox's log as it grows\n"
	      "      --final    the last pass, after the mail goes to the new server: looks at everything again until nothing\n"
	      "                 new is found, then verifies, and notes that it went through; deletes nothing\n"
	      "      --wait     waits for its turn: for the end of a pause, for the hours, for as long as the server asked\n"
	      "      --anytime  also during a pause and outside of the hours\n\n"
	      "Exit: 0 done, 1 finished but messages are listed that could not be copied, 75 try again later,\n"
	      "77 refused, somebody must act, 65, 69, 78 see mbhaul(1).\n",
	      to);
}

int cmd_sync(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"quiet", no_argument, NULL, 'q'},
						{"verbose", no_argument, NULL, 'v'},
						{"final", no_argument, NULL, 'f'},
						{"seat", required_argument, NULL, 's'}, /* the same */
						{"wait", no_argument, NULL, 'w'},
						{"anytime", no_argument, NULL, 'a'},
						{"tail", required_argument, NULL, 't'}, /* by `mbhaul run` only */
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct wish w = {.seat = -1};
	unsigned long long seat;
	const struct mailbox *m;
	struct mailboxes boxes;
	struct conf conf;
	struct err e = ERR_INIT;
	int c, rc;

	while ((c = getopt_long(argc, argv, "qvh", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			w.quiet = true;
			break;
		case 'v':
			w.verbose = true;
			break;
		case 't':
			w.tail = optarg;
			break;
		case 's':
			if (!text_number(optarg, 1000, &seat))
				w.seat = (int)seat;
			break;
		case 'f':
			w.final = true;
			break;
		case 'w':
			w.wait = true;
			break;
		case 'a':
			w.anytime = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? CODE_DONE : CODE_USAGE;
		}
	}
	if (argc - optind != 1) {
		usage(stderr);
		return CODE_USAGE;
	}
	memset(&boxes, 0, sizeof boxes);
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e) ||
	    mailboxes_check_domains(&boxes, &conf.profiles, conf.source.profile, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	m = mailboxes_find(&boxes, argv[optind]);
	if (!m) {
		err_set(&e, CODE_USAGE, "%s has no row for %s", conf.fleet.mailboxes, argv[optind]);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	engine_catch_signals();
	rc = sync_mailbox(g, &conf, m, &w);
out:
	gate_watch_end();
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
