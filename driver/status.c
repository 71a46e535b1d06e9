/* mbhaul status: what the ledgers say. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"
#include "haul.h"
#include "ledger.h"
#include "log.h"
#include "mailboxes.h"
#include "table.h"

/* It says that it runs: does anybody hold the lock? */
static bool nobody_works(const struct conf *conf, const char *address)
{
	char *path = haul_path(conf->fleet.haul, address, HAUL_LOCK);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	bool free_lock = fd >= 0 ? !flock(fd, LOCK_SH | LOCK_NB) : path && access(path, F_OK) != 0;

	if (fd >= 0)
		close(fd);
	free(path);
	return free_lock;
}

static int load(const struct conf *conf, const char *address, struct ledger *l, struct err *e)
{
	char *path = haul_path(conf->fleet.haul, address, HAUL_STATUS);
	int rc = path ? ledger_read(path, l, e) : err_set(e, CODE_UNAVAILABLE, "no memory");

	free(path);
	return rc;
}

static void line_of(const struct conf *conf, const struct mailbox *m, const struct ledger *l, int width)
{
	struct buf line = BUF_INIT(16384), out = BUF_INIT(32768);
	int rows, columns = table_terminal(&rows);

	table_cell(&line, m->address, width);
	buf_adds(&line, "  ");
	table_mailbox(&line, l, l->state == LEDGER_RUNNING && nobody_works(conf, m->address), -1);
	if (columns && table_width(buf_str(&line)) > columns)
		table_cell(&out, buf_str(&line), columns);
	else
		buf_adds(&out, buf_str(&line));
	puts(buf_str(&out));
	buf_clear(&line);
	buf_clear(&out);
}

static void say(const char *label, const char *text)
{
	struct buf lines = BUF_INIT(65536);

	if (!text || !*text)
		return;
	table_wrap(&lines, text, 15);
	if (lines.len > 15)
		printf("  %-12s %s", label, buf_str(&lines) + 15);
	buf_clear(&lines);
}

static void say_time(const char *label, long long when)
{
	char text[32];

	if (!when)
		return;
	log_time(text, when);
	printf("  %-12s %s\n", label, text);
}

static void details(const struct conf *conf, const struct mailbox *m, const struct ledger *l)
{
	char *dir = haul_path(conf->fleet.haul, m->address, NULL);
	struct buf list = BUF_INIT(64 << 20), bytes = BUF_INIT(256);
	size_t i;

	say("destination", m->destination);
	say("verdict", l->verdict);
	say("what", l->text);
	say("cure", l->state == LEDGER_LEFT ? "" : l->hint);
	say("answer", l->answer);
	say_time("begun", l->first);
	say_time("last sync", l->started);
	say_time("ended", l->finished);
	say_time("refused", l->refused_since);
	say_time("not before", l->next);
	if (l->bytes) {
		table_bytes(&bytes, l->bytes);
		buf_adds(&bytes, " by the last sync");
		say("copied", buf_str(&bytes));
	}
	say("mbsync", l->mbsync);
	say("files", dir);
	free(dir);
	buf_clear(&bytes);
	for (i = 0; i < l->n_folders; i++) {
		const struct ledger_folder *f = &l->folders[i];
		struct buf row = BUF_INIT(16384);

		table_cell(&row, f->source, 32);
		buf_adds(&row, " -> ");
		table_cell(&row, f->destination, 32);
		buf_addf(&row, " %8llu of %llu", (unsigned long long)f->copied, (unsigned long long)f->messages);
		printf("  %s\n", buf_str(&row));
		buf_clear(&row);
	}
	table_left(&list, l, SIZE_MAX);
	fputs(buf_str(&list), stdout);
	buf_clear(&list);
}

static int show(const struct conf *conf, const struct mailboxes *boxes, const char *address)
{
	size_t count[LEDGER_FAILED + 1] = {0}, i;
	unsigned long long copied = 0, messages = 0;
	struct buf sum = BUF_INIT(1024);
	struct err e = ERR_INIT;
	int width = 20, rc = CODE_DONE;

	for (i = 0; i < boxes->n; i++)
		if (table_width(boxes->list[i].address) > width && table_width(boxes->list[i].address) <= 48)
			width = table_width(boxes->list[i].address);
	for (i = 0; i < boxes->n; i++) {
		const struct mailbox *m = &boxes->list[i];
		struct ledger l;

		if (address && strcasecmp(address, m->address))
			continue;
		if (load(conf, m->address, &l, &e)) {
			rc = err_print(&e, "mbhaul");
			continue;
		}
		line_of(conf, m, &l, width);
		if (address)
			details(conf, m, &l);
		count[l.state]++;
		copied += l.copied;
		messages += l.messages;
		ledger_clear(&l);
	}
	if (address)
		return rc;
	buf_addf(&sum, "%zu mailboxes", boxes->n);
	for (i = 0; i <= LEDGER_FAILED; i++)
		if (count[i])
			buf_addf(&sum, ", %zu %s", count[i], ledger_state_word((enum ledger_state)i));
	buf_adds(&sum, "; ");
	table_number(&sum, copied);
	buf_adds(&sum, " of ");
	table_number(&sum, messages);
	printf("%s messages\n", buf_str(&sum));
	buf_clear(&sum);
	return rc;
}

int cmd_status(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct mailboxes boxes;
	struct conf conf;
	struct err e = ERR_INIT;
	int c, rc;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		fputs("usage: mbhaul status [ADDRESS]\n"
		      "Prints a line for every mailbox of the CSV, or all that is known of one.\n",
		      c == 'h' ? stdout : stderr);
		return c == 'h' ? CODE_DONE : CODE_USAGE;
	}
	if (argc - optind > 1) {
		fputs("usage: mbhaul status [ADDRESS]\n", stderr);
		return CODE_USAGE;
	}
	memset(&boxes, 0, sizeof boxes);
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
	} else if (optind < argc && !mailboxes_find(&boxes, argv[optind])) {
		err_set(&e, CODE_USAGE, "%s has no row for %s", conf.fleet.mailboxes, argv[optind]);
		rc = err_print(&e, "mbhaul");
	} else {
		rc = show(&conf, &boxes, optind < argc ? argv[optind] : NULL);
	}
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
