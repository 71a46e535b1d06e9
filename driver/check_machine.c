/* Is this machine fit for the haul? */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "authorities.h"
#include "base/err.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/secret.h"
#include "check.h"
#include "commands.h"
#include "engine.h"
#include "generate.h"
#include "imap.h"
#include "limits.h"
#include "password.h"

static const char here[] = "this machine";

enum {
	CLOCK_NOTE = 5,      /* s of difference that are worth a word */
	CLOCK_BAD = 240,     /* Entra grants five minutes */
	BYTES_A_BOX = 65536, /* of state, log and configuration, with room to grow */
	BYTES_LEAST = 64 << 20,
	FILES_A_BOX = 60,
};

/* ---- mbsync and libsasl2 ---- */

/* mbsync does not say whether it was built with Cyrus SASL: the library's name stands in the program. */
static bool names_library(const char *path)
{
	struct buf program = BUF_INIT(64 << 20);
	struct err ignored = ERR_INIT;
	bool found = !file_read(path, 64 << 20, &program, NULL, &ignored) &&
		     memmem(buf_str(&program), program.len, "libsasl2.so", 11);

	buf_clear(&program);
	return found;
}

static void check_mbsync(struct check *c)
{
	enum mbsync_dialect dialect;
	char version[32], *path;
	struct err e = ERR_INIT;

	path = generate_find_mbsync(c->conf, &e);
	if (!path || generate_ask_version(c->conf, &dialect, version, &e)) {
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, e.hint[0] ? e.hint : "apt-get install isync", "%s", e.text);
	} else if (!names_library(path)) {
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "Debian's package isync is: apt-get install isync",
			   "%s (isync %s) is built without Cyrus SASL, and so can have no token", path, version);
	} else {
		check_find(c, here, CHECK_OK, 0, NULL, "mbsync: isync %s with Cyrus SASL (%s)", version, path);
	}
	free(path);
}

struct plugins {
	const char *mechanism;
	unsigned ours, others;
	char other[100];
};

static void on_plugin(client_sasl_mechanism_t *m, sasl_info_callback_stage_t stage, void *arg)
{
	struct plugins *p = arg;

	if (stage != SASL_INFO_LIST_MECH || !m || !m->plug || !m->plug->mech_name || strcasecmp(m->plug->mech_name, p->mechanism))
		return;
	if (m->plugname && strstr(m->plugname, "mbhaul")) {
		p->ours++;
		return;
	}
	p->others++;
	snprintf(p->other, sizeof p->other, "%s", m->plugname ? m->plugname : "without a name");
}

/* What mbsync will see: our environment has the same SASL_PATH as its. */
static void check_mechanism(struct check *c, const struct conf_server *s, const char *side)
{
	struct plugins p = {.mechanism = s->auth};
	bool token = conf_is_token(s->auth);

	sasl_client_plugin_info(NULL, on_plugin, &p);
	if (token && !p.ours)
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE,
			   "make install, or put its folder into SASL_PATH; saslpluginviewer -c shows what libsasl2 finds",
			   "mbhaul's plugin for %s is not where libsasl2 looks (%s)", s->auth, getenv("SASL_PATH"));
	else if (token && p.others)
		check_find(c, here, CHECK_NOTE, 0,
			   "take the other one away, or it may be asked for the token, and print it",
			   "another plugin of libsasl2 offers %s too: %s", s->auth, p.other);
	else if (token || p.others)
		check_find(c, here, CHECK_OK, 0, NULL, "%s at the %s: %s", s->auth, side, token ? "mbhaul's plugin" : "libsasl2");
	else if (strcmp(s->auth, "LOGIN"))
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "apt-get install libsasl2-modules",
			   "libsasl2 has no mechanism %s, which [destination] asks for", s->auth);
}

static void check_plugin_installed(struct check *c)
{
	char path[] = MBHAUL_SASLDIR "/libmbhaul.so";

	if (conf_is_token(c->conf->source.auth) && access(path, R_OK))
		check_find(c, here, CHECK_NOTE, 0, NULL,
			   "the plugin is not installed in %s: mbhaul finds its own, plain mbsync does not without SASL_PATH",
			   MBHAUL_SASLDIR);
}

static void check_helper(struct check *c)
{
	const char *argv[] = {c->g->helper, "--version", NULL};
	char **env = engine_environment(c->conf, c->g);
	struct secret out = {0};
	struct err e = ERR_INIT;

	if (!env || secret_init(&out, 4096, &e) || proc_talk(argv, env, NULL, 0, &out, 10000, 0, &e) != 0)
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "make install puts it beside mbhaul", "the token helper %s does not work%s%s",
			   c->g->helper, e.text[0] ? ": " : "", e.text);
	else if (strncmp(secret_str(&out), "mbhaul-token " MBHAUL_VERSION "\n", sizeof("mbhaul-token " MBHAUL_VERSION)))
		check_find(c, here, CHECK_NOTE, 0, "install both from the same release",
			   "the token helper %s is of another version than mbhaul " MBHAUL_VERSION, c->g->helper);
	else
		check_find(c, here, CHECK_OK, 0, NULL, "token helper: %s", c->g->helper);
	secret_clear(&out);
	free(env);
}

/* ---- the clock ---- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	char line[200];

	size *= n;
	if (size > 6 && size < sizeof line && !strncasecmp(p, "Date:", 5)) {
		snprintf(line, sizeof line, "%.*s", (int)size - 5, p + 5);
		*(long long *)arg = (long long)curl_getdate(line, NULL);
	}
	return size;
}

static size_t drop(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static void check_clock(struct check *c, const struct profile *p)
{
	CURL *curl = curl_easy_init();
	long long date = 0, before, off;
	char url[700];
	CURLcode rc;

	if (!curl)
		return;
	snprintf(url, sizeof url, "%s/", p->login);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 8L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &date);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	if (p->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, p->ca_file);
	before = (long long)time(NULL);
	rc = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	if (rc != CURLE_OK || date <= 0) {
		check_find(c, here, CHECK_NOTE, 0, NULL, "the clock cannot be compared: %s does not say what time it is there%s%s", p->login,
			   rc ? ": " : "", rc ? curl_easy_strerror(rc) : "");
		return;
	}
	/* It was answered some time between. */
	off = before + ((long long)time(NULL) - before) / 2 - date;
	if (off > CLOCK_BAD || off < -CLOCK_BAD)
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "set it right (timedatectl set-ntp true): Entra takes no signed request that is off by "
								 "five minutes",
			   "this machine's clock is %lld s %s", off < 0 ? -off : off, off < 0 ? "behind" : "ahead");
	else if (off > CLOCK_NOTE || off < -CLOCK_NOTE)
		check_find(c, here, CHECK_NOTE, 0, "let it be set by the network: timedatectl set-ntp true", "this machine's clock is %lld s %s",
			   off < 0 ? -off : off, off < 0 ? "behind" : "ahead");
	else
		check_find(c, here, CHECK_OK, 0, NULL, "clock: as at %s", p->login + strlen("https://"));
}

/* ---- files ---- */

static void check_relay(struct check *c)
{
	if (!c->conf->relay.use)
		return;
	if (access(c->g->relay, X_OK))
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "install mbhaul again, or write `use = no` in [relay] of mbhaul.conf",
			   "there is no program %s", c->g->relay);
	else
		check_find(c, here, CHECK_OK, 0, NULL, "the relay: %s", c->g->relay);
}

static void check_credential(struct check *c, const struct profile *p)
{
	const char *file = p->credential == PROFILE_SECRET_FILE ? p->file : p->key ? p->key : p->file;
	struct err e = ERR_INIT;

	if (p->credential == PROFILE_SOCKET)
		check_find(c, here, CHECK_OK, 0, NULL, "the credential of [profile %s] is not here: its tokens come from %s", p->name, p->file);
	if (p->credential != PROFILE_SECRET_FILE && p->credential != PROFILE_CERTIFICATE)
		return;
	if (!file || profile_is_uri(file))
		return;
	if (file_check_secret(file, &e))
		check_find(c, here, CHECK_BAD, CODE_CONFIG, e.hint[0] ? e.hint : NULL, "%s", e.text);
	else
		check_find(c, here, CHECK_OK, 0, NULL, "%s is closed to others", file);
}

/* All passwords of the chosen mailboxes can be read; those that cannot are told together. */
static void check_passwords(struct check *c)
{
	struct err first = ERR_INIT;
	size_t bad = 0;

	if (conf_is_token(c->conf->destination.auth))
		return;
	for (size_t i = 0; i < c->n; i++) {
		const struct mailbox *m = c->v[c->chosen[i]].mailbox;
		struct secret password = {0};
		struct err e = ERR_INIT;

		/* A row's own password was seen when the CSV was read. */
		if (m->has_password)
			continue;
		if (secret_init(&password, SECRET_MAX, &e) || password_find(c->conf, m, &password, &e))
			if (!bad++)
				first = e;
		secret_clear(&password);
	}
	if (bad)
		check_find(c, here, CHECK_BAD, CODE_CONFIG, first.hint[0] ? first.hint : NULL, "%s%s", first.text,
			   bad > 1 ? " (and more mailboxes)" : "");
}

/* Different rows may lead to one login by way of [destination] user. */
static int by_text(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void check_users(struct check *c)
{
	char **users = calloc(c->boxes->n + 1, sizeof *users);
	size_t same = 0, at = 0;

	for (size_t i = 0; users && i < c->boxes->n; i++)
		if (!(users[i] = conf_expand(c->conf->destination_user, c->boxes->list[i].destination)))
			goto out;
	if (!users)
		return;
	qsort(users, c->boxes->n, sizeof *users, by_text);
	for (size_t i = 1; i < c->boxes->n; i++)
		if (!strcasecmp(users[i - 1], users[i]) && !same++)
			at = i;
	if (same)
		check_find(c, here, CHECK_BAD, CODE_CONFIG, "write user with %a in [destination], so that each has a login of its own",
			   "%zu mailboxes would go to the same login at the destination as another: %s", same, users[at]);
out:
	for (size_t i = 0; i < c->boxes->n; i++)
		free(users[i]);
	free(users);
}

/* ---- room ---- */

static void check_disk(struct check *c)
{
	const char *haul = c->conf->fleet.haul;
	unsigned long long wanted = BYTES_LEAST + (unsigned long long)c->boxes->n * BYTES_A_BOX, bytes;
	struct statvfs fs;

	if (statvfs(haul, &fs))
		return;
	bytes = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (bytes < wanted)
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "make room, or name another place with haul in [fleet]",
			   "%s has %llu MB left; the state and the logs of %zu mailboxes may need %llu MB", haul, bytes >> 20, c->boxes->n,
			   wanted >> 20);
	else if (fs.f_files && fs.f_favail < (fsfilcnt_t)c->boxes->n * FILES_A_BOX)
		check_find(c, here, CHECK_BAD, CODE_UNAVAILABLE, "another file system, named with haul in [fleet]",
			   "%s has room for %llu files only; %zu mailboxes may need %zu", haul, (unsigned long long)fs.f_favail, c->boxes->n,
			   c->boxes->n * FILES_A_BOX);
	else
		check_find(c, here, CHECK_OK, 0, NULL, "room: %llu MB for %s", bytes >> 20, haul);
}

static void check_limits(struct check *c)
{
	struct err e = ERR_INIT;

	if (limits_check(c->jobs, &e))
		check_find(c, here, CHECK_BAD, e.code, e.hint, "%s", e.text);
	else
		check_find(c, here, CHECK_OK, 0, NULL, "limits of files and processes: enough for %d mailboxes at a time", c->jobs);
}

void check_machine(struct check *c)
{
	const struct conf *conf = c->conf;
	struct err e = ERR_INIT;

	check_mbsync(c);
	/* Read here once: the processes that look at the mailboxes have them from this one. */
	if (!authorities(conf->source.ca_file, &e) || !authorities(conf->destination.ca_file, &e))
		check_find(c, here, CHECK_BAD, CODE_CONFIG, e.hint[0] ? e.hint : NULL, "%s", e.text);
	if (engine_set_environment(conf, c->g, &e) || imap_prepare(&e)) {
		check_find(c, here, CHECK_BAD, e.code, NULL, "%s", e.text);
	} else {
		check_mechanism(c, &conf->source, "source");
		check_mechanism(c, &conf->destination, "destination");
		check_plugin_installed(c);
	}
	check_helper(c);
	check_relay(c);
	check_credential(c, conf->source.profile);
	if (conf->destination.profile && conf->destination.profile != conf->source.profile)
		check_credential(c, conf->destination.profile);
	if (conf->source.profile->login)
		check_clock(c, conf->source.profile);
	check_passwords(c);
	check_users(c);
	check_disk(c);
	check_limits(c);
}
