#include "driver/generate.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/commands.h"
#include "driver/conf.h"
#include "driver/dialect.h"
#include "driver/engines.h"
#include "driver/folders.h"
#include "driver/haul.h"
#include "driver/mailboxes.h"

enum {
	RC_MAX = 16 << 20,       /* of an mbsyncrc: 10,000 folders with long names */
	COMMAND_MAX = 16384,     /* of a command line in one */
	NAME_MAX_BYTES = 4096,   /* of a mailbox's folder */
	PROBE = 64,              /* mailboxes whose time is taken together */
	SLOW_MS = 40,            /* of the processor for that many: twice what is usual */
};

/* ---- one mailbox ---- */

int generate_begin(struct generate *g, const struct conf *conf, const struct globals *globals,
                   enum mbsync_dialect dialect, struct err *e)
{
	struct buf patterns = BUF_INIT(RC_MAX);

	*g = (struct generate){.conf = conf, .globals = globals, .dialect = dialect};
	if (conf->relay.use && access(globals->relay, X_OK)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot run %s", globals->relay);
		return err_hint(e, "install mbhaul again, or write `use = no` in [relay] of %s", conf->file);
	}
	if (mbsyncrc_patterns(dialect, &conf->folders, &patterns, e)) {
		buf_clear(&patterns);
		return -1;
	}
	g->patterns = patterns.p;
	return 0;
}

void generate_end(struct generate *g)
{
	free(g->patterns);
	*g = (struct generate){0};
}

/* PROGRAM --config CONF, for sh */
static void add_program(const struct generate *g, const char *program, struct buf *out)
{
	text_shell(out, program);
	buf_adds(out, " --config ");
	text_shell(out, g->conf->file);
}

static void add_option(struct buf *out, const char *option, const char *value)
{
	buf_addf(out, " --%s ", option);
	text_shell(out, value);
}

static void add_pass_cmd(const struct generate *g, const struct conf_server *s, const char *user,
                         const struct mailbox *m, struct buf *out)
{
	if (s->profile) {
		add_program(g, g->globals->helper, out);
		buf_adds(out, " get");
		add_option(out, "profile", s->profile->name);
		add_option(out, "user", user);
		add_option(out, "host", s->host);
	} else {
		add_program(g, g->globals->program, out);
		buf_adds(out, " password ");
		text_shell(out, m->address);
	}
}

/* What mbsync runs instead of connecting. Without exec a shell would stand between the two. */
static void add_tunnel(const struct generate *g, const char *side, const char *account, struct buf *out)
{
	buf_adds(out, "exec ");
	text_shell(out, g->globals->relay);
	buf_addf(out, " %s --account ", side);
	text_shell(out, account);
}

static void set_store(struct mbsyncrc_store *store, const struct conf_server *s, const char *user,
                      const struct buf *pass_cmd, const struct buf *tunnel)
{
	store->host = s->host;
	store->port = s->port;
	store->starttls = s->tls == CONF_STARTTLS;
	store->ca_file = s->ca_file;
	store->mechanism = s->auth;
	store->user = user;
	store->pass_cmd = buf_str(pass_cmd);
	store->tunnel = tunnel->len ? buf_str(tunnel) : NULL;
	store->pipeline_depth = s->pipeline_depth;
}

/* Fills rc->folders from folders.json; leaves it alone if there is none yet. `plan` and `list` keep the
 * names. */
static int set_folders(struct mbsyncrc *rc, const char *path, struct folder_plan *plan,
                       struct mbsyncrc_folder **list, struct err *e)
{
	bool missing = false;

	if (folder_plan_read(plan, path, &missing, e))
		return -1;
	if (missing)
		return 0;
	*list = calloc(plan->n + 1, sizeof(**list));
	if (!*list)
		return err_set(e, CODE_UNAVAILABLE, "no memory for %s", path);
	for (size_t i = 0; i < plan->n; i++) {
		const struct folder_choice *c = &plan->v[i];

		if (c->fate == FOLDER_COPY)
			(*list)[rc->n++] = (struct mbsyncrc_folder){c->source, c->destination, c->channel};
	}
	rc->folders = *list;
	rc->source.delimiter = plan->source_delimiter;
	rc->destination.delimiter = plan->destination_delimiter;
	rc->source.bare = plan->source_bare;
	rc->destination.bare = plan->destination_bare;
	return 0;
}

/* The commands and notes of one mbsyncrc. */
struct texts {
	struct buf source, destination; /* PassCmd */
	struct buf source_tunnel, destination_tunnel;
	struct buf path_note, direct;
};

static void texts_clear(struct texts *t)
{
	buf_clear(&t->source);
	buf_clear(&t->destination);
	buf_clear(&t->source_tunnel);
	buf_clear(&t->destination_tunnel);
	buf_clear(&t->path_note);
	buf_clear(&t->direct);
}

/* Returns false if something is too long. */
static bool set_texts(const struct generate *g, const struct mailbox *m, const char *user, const char *accounts[2],
                      struct texts *t)
{
	const struct conf *c = g->conf;
	struct buf path = BUF_INIT(COMMAND_MAX);
	bool failed;

	add_pass_cmd(g, &c->source, m->address, m, &t->source);
	add_pass_cmd(g, &c->destination, user, m, &t->destination);
	if (c->relay.use) {
		add_tunnel(g, "source", accounts[0], &t->source_tunnel);
		add_tunnel(g, "destination", accounts[1], &t->destination_tunnel);
		buf_addf(&t->direct, "write `use = no` in [relay] of %s, then `mbhaul generate`", c->file);
	} else if (g->globals->plugin_dir) {
		buf_addf(&path, "%s:" MBHAUL_SASLDIR, g->globals->plugin_dir);
		buf_adds(&t->path_note, "SASL_PATH=");
		text_shell(&t->path_note, buf_str(&path));
	}
	failed = path.failed || t->source.failed || t->destination.failed || t->source_tunnel.failed ||
	         t->destination_tunnel.failed || t->path_note.failed || t->direct.failed;
	buf_clear(&path);
	return !failed;
}

static int write_rc(struct generate *g, const struct mailbox *m, const char *user, const char *file,
                    const char *sync_cmd, int fresh, struct err *e)
{
	const struct conf *c = g->conf;
	struct texts t = {BUF_INIT(COMMAND_MAX), BUF_INIT(COMMAND_MAX), BUF_INIT(COMMAND_MAX),
	                  BUF_INIT(COMMAND_MAX), BUF_INIT(COMMAND_MAX), BUF_INIT(COMMAND_MAX)};
	struct buf text = BUF_INIT(RC_MAX);
	struct folder_plan plan = {0};
	struct mbsyncrc_folder *list = NULL;
	char *state = haul_path(c->fleet.haul, m->address, HAUL_STATE);
	char *folders = haul_path(c->fleet.haul, m->address, HAUL_FOLDERS);
	char *source = haul_path(c->fleet.haul, m->address, HAUL_SOURCE_ACCOUNT);
	char *destination = haul_path(c->fleet.haul, m->address, HAUL_DESTINATION_ACCOUNT);
	const char *accounts[] = {source, destination};
	struct mbsyncrc rc = {.dialect = g->dialect,
	                      .address = m->address,
	                      .file = file,
	                      .state = state,
	                      .sync_cmd = sync_cmd,
	                      .timeout = c->fleet.timeout,
	                      .patterns = g->patterns};
	int result = -1;

	if (!state || !folders || !source || !destination) {
		err_set(e, CODE_UNAVAILABLE, "no memory to write %s", file);
		goto out;
	}
	if (!set_texts(g, m, user, accounts, &t)) {
		err_set(e, CODE_CONFIG, "the paths of %s and its programs are too long", c->file);
		goto out;
	}
	rc.path_note = t.path_note.len ? buf_str(&t.path_note) : NULL;
	rc.direct = t.direct.len ? buf_str(&t.direct) : NULL;
	set_store(&rc.source, &c->source, m->address, &t.source, &t.source_tunnel);
	set_store(&rc.destination, &c->destination, user, &t.destination, &t.destination_tunnel);
	/* mbsync would take one that is cut for a shorter one: always by rename. */
	if ((fresh >= 0 || !set_folders(&rc, folders, &plan, &list, e)) && !mbsyncrc_write(&rc, &text, e))
		result = file_update(file, buf_str(&text), text.len, 0600, e);
out:
	folder_plan_clear(&plan);
	free(list);
	free(state);
	free(folders);
	free(source);
	free(destination);
	texts_clear(&t);
	buf_clear(&text);
	return result;
}

int generate_put(int fresh, const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	int rc = fresh < 0 ? 0 : file_create(fresh, strrchr(path, '/') + 1, path, bytes, n, mode, e);

	return rc ? rc : file_update(path, bytes, n, mode, e);
}

static int write_script(const struct mailbox *m, const char *file, const char *sync_cmd, int fresh, struct err *e)
{
	struct buf text = BUF_INIT(COMMAND_MAX);
	int rc;

	buf_addf(&text,
	         "#!/bin/sh\n"
	         "# Made by mbhaul: copies what is new in the mailbox %s.\n"
	         "exec %s \"$@\"\n",
	         m->address, sync_cmd);
	if (text.failed)
		rc = err_set(e, CODE_CONFIG, "the paths for %s are too long", file);
	else
		rc = generate_put(fresh, file, buf_str(&text), text.len, 0700, e);
	buf_clear(&text);
	return rc;
}

int generate_mailbox(struct generate *g, const struct mailbox *m, struct err *e)
{
	const char *haul = g->conf->fleet.haul;
	struct buf sync_cmd = BUF_INIT(COMMAND_MAX);
	char *dir = haul_path(haul, m->address, NULL), *rc = haul_path(haul, m->address, HAUL_MBSYNCRC);
	char *script = haul_path(haul, m->address, HAUL_SYNC_SH);
	char *user = conf_expand(g->conf->destination_user, m->destination);
	int accounts = 0, fresh = -1, a, b, result = -1;

	if (!dir || !rc || !script || !user) {
		err_set(e, CODE_UNAVAILABLE, "no memory for %s", m->address);
		goto out;
	}
	add_program(g, g->globals->program, &sync_cmd);
	buf_adds(&sync_cmd, " sync ");
	text_shell(&sync_cmd, m->address);
	if (!mkdir(dir, 0700))
		fresh = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	else if (file_mkdirs(dir, e))
		goto out;
	/* Before the mbsyncrc that names them. Where they are no longer needed they stay: nobody reads them. */
	if (g->conf->relay.use && (accounts = generate_accounts(g, m, user, fresh, e)) < 0)
		goto out;
	a = write_rc(g, m, user, rc, buf_str(&sync_cmd), fresh, e);
	if (a < 0)
		goto out;
	b = write_script(m, script, buf_str(&sync_cmd), fresh, e);
	if (b < 0)
		goto out;
	result = a || b || accounts;
out:
	if (fresh >= 0)
		close(fresh);
	buf_clear(&sync_cmd);
	free(dir);
	free(rc);
	free(script);
	free(user);
	return result;
}

/* ---- the subcommand ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many folders of mailboxes are there whose rows are not (any more). */
static size_t count_strays(const struct conf *conf, const struct mailboxes *boxes)
{
	char *path = haul_mailboxes(conf->fleet.haul), **names = calloc(boxes->n + 1, sizeof(*names));
	DIR *d = path ? opendir(path) : NULL;
	size_t n = 0, strays = 0;
	const struct dirent *entry;

	for (; names && n < boxes->n; n++) {
		struct buf name = BUF_INIT(NAME_MAX_BYTES);

		haul_name(&name, boxes->list[n].address);
		if (!name.p)
			break;
		names[n] = name.p;
	}
	if (d && n == boxes->n && names) {
		qsort(names, n, sizeof(*names), by_name);
		while ((entry = readdir(d))) {
			const char *name = entry->d_name;

			if (*name != '.' && !bsearch(&name, names, n, sizeof(*names), by_name))
				strays++;
		}
	}
	if (d)
		closedir(d);
	while (names && n--)
		free(names[n]);
	free(names);
	free(path);
	return strays;
}

struct tally {
	size_t written, same, failed;
	int code; /* of the first failure */
};

/* Who runs mbsync by hand with the new file must find the state of the old version. A sync that is at work sees to it
 * itself. */
static int take_over_state(const struct generate *g, const struct mailbox *m, const char *version, struct err *e)
{
	const char *haul = g->conf->fleet.haul;
	char *folders = haul_path(haul, m->address, HAUL_FOLDERS), *state = haul_path(haul, m->address, HAUL_STATE);
	char *lock_path = haul_path(haul, m->address, HAUL_LOCK);
	struct folder_plan plan = {0};
	struct err busy = ERR_INIT;
	bool missing = false;
	int lock = -1, rc = -1;

	if (!folders || !state || !lock_path)
		err_set(e, CODE_UNAVAILABLE, "no memory for %s", m->address);
	else if (access(folders, F_OK) || (lock = file_lock(lock_path, 0, &busy)) < 0)
		rc = 0;
	else
		rc = folder_plan_read(&plan, folders, &missing, e)
		         ? -1
		         : dialect_change(state, &plan, g->dialect, version, m->address, NULL, e);
	if (lock >= 0)
		close(lock);
	folder_plan_clear(&plan);
	free(folders);
	free(state);
	free(lock_path);
	return rc;
}

static void do_one(struct generate *g, const struct mailbox *m, const char *version, struct tally *t)
{
	struct err e = ERR_INIT;
	int rc = version[0] && take_over_state(g, m, version, &e) ? -1 : generate_mailbox(g, m, &e);

	if (rc < 0) {
		err_prefix(&e, "%s", m->address);
		err_print(&e, "mbhaul generate");
		t->code = t->failed++ ? t->code : e.code;
	} else if (rc) {
		t->written++;
	} else {
		t->same++;
	}
}

/* Not the time of day: that others use the machine says nothing about the disk. */
static long long cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int all_known(const struct mailboxes *boxes, char **addresses, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		if (mailboxes_find(boxes, addresses[i]))
			continue;
		err_set(e, CODE_USAGE, "%s is not in %s, or not enabled there", addresses[i], boxes->file);
		return -1;
	}
	return 0;
}

/* For many machines. `which` is 0 where none was asked for: then all, unless it is about some mailboxes only. */
static int write_engines(const struct globals *globals, const struct conf *conf, const struct mailboxes *boxes,
                         char **addresses, int n, unsigned which, struct err *e)
{
	size_t count = n ? (size_t)n : boxes->n;
	const struct mailbox **list;
	int rc;

	if (n && !which)
		return 0;
	list = calloc(count + 1, sizeof(const struct mailbox *));
	if (!list)
		return err_set(e, CODE_UNAVAILABLE, "no memory for a list of mailboxes");
	for (size_t i = 0; i < count; i++)
		list[i] = n ? mailboxes_find(boxes, addresses[i]) : &boxes->list[i];
	rc = engines_write(conf, globals, list, count, which ? which : ENGINES_ALL, which != 0, e);
	free(list);
	return rc;
}

static int generate_all(const struct globals *globals, const struct conf *conf, const struct mailboxes *boxes,
                        char **addresses, int n, unsigned which, struct err *e)
{
	struct generate g = {0};
	struct tally t = {0};
	enum mbsync_dialect dialect;
	char version[32];
	struct err why = ERR_INIT;
	bool spread = false;
	long long since;
	size_t strays;

	if (all_known(boxes, addresses, n, e) || haul_make(conf->fleet.haul, NULL, e))
		return -1;
	if (generate_ask_version(conf, &dialect, version, &why)) {
		err_print(&why, "mbhaul generate");
		fprintf(stderr, "mbhaul generate: writing for mbsync 1.4; run this again when it is there\n");
	}
	if (generate_begin(&g, conf, globals, dialect, e))
		return -1;
	since = cpu_ms();
	for (int i = 0; i < n; i++)
		do_one(&g, mailboxes_find(boxes, addresses[i]), version, &t);
	for (size_t i = 0; !n && i < boxes->n; i++) {
		do_one(&g, &boxes->list[i], version, &t);
		if (i % PROBE != PROBE - 1)
			continue;
		if (!spread && t.written && cpu_ms() - since > SLOW_MS) {
			haul_spread(conf->fleet.haul);
			spread = true;
		}
		since = cpu_ms();
	}
	generate_end(&g);
	if (write_engines(globals, conf, boxes, addresses, n, which, e))
		return -1;
	strays = n ? 0 : count_strays(conf, boxes);
	if (strays)
		fprintf(stderr,
		        "mbhaul generate: %zu folder%s in %s/mailboxes without a row in %s: left alone\n",
		        strays, strays == 1 ? "" : "s", conf->fleet.haul, boxes->file);
	printf("%zu mailbox%s: %zu written, %zu unchanged", t.written + t.same + t.failed,
	       t.written + t.same + t.failed == 1 ? "" : "es", t.written, t.same);
	if (t.failed)
		printf(", %zu failed", t.failed);
	putchar('\n');
	return t.failed ? t.code : 0;
}

static const char usage[] =
    "usage: mbhaul [--config FILE] generate [--for ENGINE[,ENGINE...]] [ADDRESS...]\n"
    "Writes mbsyncrc, sync.sh and the relays' accounts for the mailboxes of the CSV (or those named)\n"
    "into the haul directory, without any network. Files that would be the same are left alone.\n\n"
    "      --for ENGINE  scripts for those who have several machines: slurm (slurm.sbatch), parallel\n"
    "                    (parallel.sh), systemd (systemd/); default: all three, for all mailboxes\n";

int cmd_generate(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"for", required_argument, NULL, 'f'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	struct conf conf = {0};
	struct mailboxes boxes = {0};
	struct err e = ERR_INIT;
	unsigned which = 0;
	int c, rc = -1;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'f') {
			if (engines_parse(optarg, &which, &e))
				return err_print(&e, "mbhaul generate");
			continue;
		}
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? CODE_DONE : CODE_USAGE;
	}
	if (conf_load(g->config, &conf, &e))
		goto out;
	rc = mailboxes_load(conf.fleet.mailboxes, &boxes, &e);
	mailboxes_tell(&boxes);
	if (!rc)
		rc = mailboxes_check_domains(&boxes, &conf.profiles, conf.source.profile, &e);
	if (!rc)
		rc = generate_all(g, &conf, &boxes, argv + optind, argc - optind, which, &e);
out:
	if (rc < 0)
		rc = err_print(&e, "mbhaul generate");
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
