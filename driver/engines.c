#include "driver/engines.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/commands.h"
#include "driver/conf.h"
#include "driver/digest.h"
#include "driver/engines_files.h"
#include "driver/haul.h"
#include "driver/mailboxes.h"

enum {
	FILE_MAX = 1 << 20, /* of a script or a unit */
	WORD_MAX = 65536,
	LIST_NAME = 16, /* of a list's SHA-256, in hexadecimal digits */
};

static const char *const words[] = {"slurm", "parallel", "systemd"}; /* in the order of the bits */

int engines_parse(const char *list, unsigned *which, struct err *e)
{
	size_t n;

	for (;; list += n + 1) {
		size_t i;

		n = strcspn(list, ",");
		for (i = 0; i < sizeof words / sizeof *words; i++)
			if (strlen(words[i]) == n && !strncmp(words[i], list, n))
				break;
		if (i == sizeof words / sizeof *words)
			return err_set(
			    e, CODE_USAGE,
			    "--for takes slurm, parallel and systemd, or several with commas between them");
		*which |= 1u << i;
		if (!list[n])
			return 0;
	}
}

/* ---- texts ---- */

int engines_fill(struct buf *out, const char *template, const struct engines_value *values, struct err *e)
{
	const char *p = template;

	while (*p) {
		size_t n = strcspn(p, "@"), name;
		const struct engines_value *v = values;

		buf_add(out, p, n);
		p += n;
		if (!*p)
			break;
		name = strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (!name || p[1 + name] != '@') {
			buf_addc(out, *p++);
			continue;
		}
		while (v->name && (strlen(v->name) != name || strncmp(v->name, p + 1, name)))
			v++;
		if (!v->name)
			return err_set(e, CODE_UNAVAILABLE, "a template wants @%.*s@, which there is not",
			               (int)name, p + 1);
		buf_adds(out, v->text);
		p += name + 2;
	}
	return out->failed ? err_set(e, CODE_CONFIG, "the paths are too long for a script or unit") : 0;
}

bool engines_unit_word(struct buf *out, const char *word, bool command)
{
	bool bare = *word != 0;

	if (strpbrk(word, "\"\\") || text_has_control(word, strlen(word)))
		return false;
	for (const char *p = word; *p; p++)
		bare &= (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
		        strchr("/._-+@:", *p);
	if (!bare)
		buf_addc(out, '"');
	for (const char *p = word; *p; p++) {
		if (*p == '%' || (*p == '$' && command))
			buf_addc(out, *p);
		buf_addc(out, *p);
	}
	if (!bare)
		buf_addc(out, '"');
	return true;
}

/* ---- files ---- */

/* HAUL/name */
static int put(const char *haul, const char *name, const struct buf *text, mode_t mode, struct err *e)
{
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s", haul, name) < 0)
		return err_set(e, CODE_UNAVAILABLE, "no memory for %s", name);
	rc = text->failed ? err_set(e, CODE_UNAVAILABLE, "%s would be too large", path)
	                  : file_update(path, buf_str(text), text->len, mode, e);
	free(path);
	return rc < 0 ? -1 : 0;
}

static int put_filled(const char *haul, const char *name, const char *template,
                      const struct engines_value *values, mode_t mode, struct err *e)
{
	struct buf text = BUF_INIT(FILE_MAX);
	int rc = engines_fill(&text, template, values, e) ? -1 : put(haul, name, &text, mode, e);

	buf_clear(&text);
	return rc;
}

static int make_folder(const char *haul, const char *name, struct err *e)
{
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s", haul, name) < 0)
		return err_set(e, CODE_UNAVAILABLE, "no memory for %s", name);
	rc = file_mkdirs(path, e);
	free(path);
	return rc;
}

/* `name` gets what the list is called. */
static int put_list(const char *haul, const struct mailbox *const *boxes, size_t n, char name[LIST_NAME + 1],
                    struct err *e)
{
	struct buf text = BUF_INIT(MAILBOXES_FILE_MAX);
	struct digest d;
	char hex[DIGEST_HEX], path[sizeof "lists/" + LIST_NAME];
	int rc = -1;

	for (size_t i = 0; i < n; i++) {
		haul_name(&text, boxes[i]->address);
		buf_addc(&text, '\n');
	}
	if (text.failed || digest_begin(&d)) {
		err_set(e, CODE_UNAVAILABLE, "no memory for a list of mailboxes");
		goto out;
	}
	digest_add(&d, buf_str(&text), text.len);
	digest_end(&d, hex);
	digest_clear(&d);
	snprintf(name, LIST_NAME + 1, "%.*s", LIST_NAME, hex);
	snprintf(path, sizeof path, "lists/%s", name);
	rc = make_folder(haul, "lists", e) ? -1 : put(haul, path, &text, 0600, e);
out:
	buf_clear(&text);
	return rc;
}

/* The operator writes into it: never a second time. */
static int put_hosts(const char *haul, struct err *e)
{
	int dir = open(haul, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (dir < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot open %s", haul);
	rc = file_create(dir, "hosts", "hosts", engines_text_hosts, strlen(engines_text_hosts), 0600, e);
	close(dir);
	return rc < 0 ? -1 : 0;
}

/* ---- scripts ---- */

static int put_scripts(const struct conf *conf, const struct mailbox *const *boxes, size_t n, unsigned which,
                       struct err *e)
{
	const char *haul = conf->fleet.haul;
	struct buf quoted = BUF_INIT(WORD_MAX);
	char list[LIST_NAME + 1], cap[16];
	struct engines_value values[] = {{"HAUL", NULL}, {"LIST", list}, {"CAP", cap}, {NULL, NULL}};
	int rc = put_list(haul, boxes, n, list, e);

	text_shell(&quoted, haul);
	values[0].text = buf_str(&quoted);
	snprintf(cap, sizeof cap, "%d", conf->fleet.total_jobs);
	if (!rc && (which & ENGINE_SLURM))
		rc = put_filled(haul, "slurm.sbatch", engines_text_slurm, values, 0700, e);
	if (!rc && (which & ENGINE_PARALLEL))
		rc = put_filled(haul, "parallel.sh", engines_text_parallel, values, 0700, e) ||
		             put_hosts(haul, e)
		         ? -1
		         : 0;
	buf_clear(&quoted);
	return rc;
}

/* ---- units ---- */

static const char *user_name(char *number, size_t size)
{
	const struct passwd *p = getpwuid(geteuid());

	snprintf(number, size, "%u", (unsigned)geteuid());
	return p ? p->pw_name : number;
}

/* systemd wants a path without ".." where it mounts something. */
static bool add_real(struct buf *out, const char *path)
{
	char *real = realpath(path, NULL);
	bool good = engines_unit_word(out, real ? real : path, false);

	free(real);
	return good;
}

/* Where the units need a path: RequiresMountsFor, ReadWritePaths, ExecStart. Returns false if one of them
 * cannot stand in a unit. */
struct places {
	struct buf mounts, writes, program, conf, helper, user;
};

static bool set_places(const struct conf *conf, const struct globals *globals, struct places *p)
{
	char number[16];
	bool good = add_real(&p->mounts, conf->fleet.haul) && add_real(&p->writes, conf->fleet.haul) &&
	            engines_unit_word(&p->program, globals->program, true) &&
	            engines_unit_word(&p->conf, conf->file, true) &&
	            engines_unit_word(&p->helper, globals->helper, true) &&
	            engines_unit_word(&p->user, user_name(number, sizeof number), false);

	buf_addc(&p->mounts, ' ');
	good = good && add_real(&p->mounts, conf->file);
	/* The units' own cache is not that of a profile that names another. */
	for (size_t i = 0; good && i < conf->profiles.n; i++) {
		struct buf cache = BUF_INIT(WORD_MAX);

		if (conf->profiles.list[i].cache) {
			buf_addf(&cache, "-%s", conf->profiles.list[i].cache);
			buf_addc(&p->writes, ' ');
			good = engines_unit_word(&p->writes, buf_str(&cache), false);
		}
		buf_clear(&cache);
	}
	return good;
}

static void places_clear(struct places *p)
{
	buf_clear(&p->mounts);
	buf_clear(&p->writes);
	buf_clear(&p->program);
	buf_clear(&p->conf);
	buf_clear(&p->helper);
	buf_clear(&p->user);
}

/* contrib's unit with the path of this build's helper. */
static int put_token_service(const char *haul, const char *helper, struct err *e)
{
	static const char known[] = "ExecStart=" ENGINES_TOKEN_PROGRAM " ";
	const char *at = strstr(engines_text_token_service, known);
	struct buf text = BUF_INIT(FILE_MAX);
	int rc;

	if (!at)
		return err_set(e, CODE_UNAVAILABLE,
		               "mbhaul-token.service does not start " ENGINES_TOKEN_PROGRAM);
	buf_add(&text, engines_text_token_service, (size_t)(at - engines_text_token_service));
	buf_addf(&text, "ExecStart=%s ", helper);
	buf_adds(&text, at + strlen(known));
	rc = put(haul, "systemd/mbhaul-token.service", &text, 0600, e);
	buf_clear(&text);
	return rc;
}

static int put_units(const struct conf *conf, const struct globals *globals, bool asked, struct err *e)
{
	static const struct engines_value none[] = {{NULL, NULL}};
	const char *haul = conf->fleet.haul;
	struct places p = {BUF_INIT(WORD_MAX), BUF_INIT(WORD_MAX), BUF_INIT(WORD_MAX),
	                   BUF_INIT(WORD_MAX), BUF_INIT(WORD_MAX), BUF_INIT(WORD_MAX)};
	int rc = -1;

	if (!set_places(conf, globals, &p)) {
		if (asked)
			err_set(e, CODE_CONFIG,
			        "no units for systemd: a path has double quotes, backslashes or control "
			        "characters");
		else
			fprintf(stderr, "mbhaul generate: no units for systemd: a path has double quotes, "
			                "backslashes or control characters\n");
		rc = asked ? -1 : 0;
		goto out;
	}
	{
		const struct engines_value values[] = {
		    {"PLACES", buf_str(&p.mounts)},   {"WRITES", buf_str(&p.writes)},
		    {"PROGRAM", buf_str(&p.program)}, {"CONF", buf_str(&p.conf)},
		    {"USER", buf_str(&p.user)},       {NULL, NULL}};

		if (make_folder(haul, "systemd", e) ||
		    put_filled(haul, "systemd/mbhaul-run.service", engines_text_run_service, values, 0600,
		               e) ||
		    put_filled(haul, "systemd/mbhaul-run.timer", engines_text_run_timer, none, 0600, e) ||
		    put_filled(haul, "systemd/mbhaul-token.socket", engines_text_token_socket, none, 0600,
		               e) ||
		    put_token_service(haul, buf_str(&p.helper), e))
			goto out;
	}
	rc = 0;
out:
	places_clear(&p);
	return rc;
}

int engines_write(const struct conf *conf, const struct globals *globals, const struct mailbox *const *boxes,
                  size_t n, unsigned which, bool asked, struct err *e)
{
	if ((which & (ENGINE_SLURM | ENGINE_PARALLEL)) && put_scripts(conf, boxes, n, which, e))
		return -1;
	return which & ENGINE_SYSTEMD ? put_units(conf, globals, asked, e) : 0;
}
