#include "serve_conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { LOOK_AGAIN_MS = 60000 };

static void drop(struct serve_conf *c)
{
	for (size_t i = 0; c->allow && i < c->profiles.n; i++)
		allow_clear(&c->allow[i]);
	free(c->allow);
	c->allow = NULL;
	profiles_clear(&c->profiles);
}

/* Reads it; *unknown gets the names that do not exist. */
static int load(struct serve_conf *c, struct buf *unknown)
{
	if (stat(c->file, &c->seen))
		c->seen = (struct stat){0};
	if (profiles_load(c->file, &c->profiles, &c->err))
		return -1;
	c->allow = calloc(c->profiles.n + 1, sizeof(*c->allow));
	if (!c->allow)
		return err_set(&c->err, CODE_UNAVAILABLE, "out of memory");
	for (size_t i = 0; i < c->profiles.n; i++)
		if (allow_make(c->profiles.list[i].allow, &c->allow[i], unknown, &c->err))
			return -1;
	return 0;
}

static int load_again(struct serve_conf *c)
{
	struct buf unknown = BUF_INIT(sizeof(c->err.text) / 2);

	drop(c);
	c->err = (struct err)ERR_INIT;
	c->wrong = load(c, &unknown) != 0;
	if (c->wrong)
		drop(c);
	else if (unknown.len)
		err_set(&c->err, CODE_CONFIG, "%s allows what does not exist here: %s", c->file,
		        buf_str(&unknown));
	buf_clear(&unknown);
	return c->wrong ? -1 : !!c->err.code;
}

int serve_conf_init(struct serve_conf *c, const char *option, struct err *e)
{
	int rc;

	*c = (struct serve_conf){.own = geteuid()};
	profile_environment_get(&c->env);
	if (profiles_find_file(option, false, &c->file, e))
		return -1;
	rc = load_again(c);
	c->loaded_ms = file_now_ms();
	*e = c->err;
	return rc;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_uid == b->st_uid && a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int serve_conf_refresh(struct serve_conf *c, long long now_ms)
{
	bool unknown = !c->wrong && c->err.code && now_ms - c->loaded_ms >= LOOK_AGAIN_MS;
	struct err before = c->err;
	struct stat now;

	if (stat(c->file, &now))
		now = (struct stat){0};
	if (same(&now, &c->seen) && !unknown)
		return 0;
	load_again(c);
	c->loaded_ms = now_ms;
	return !unknown || c->wrong || strcmp(before.text, c->err.text) != 0;
}

bool serve_conf_allows(const struct serve_conf *c, const struct profile *p, const struct peer *peer)
{
	return allow_peer(&c->allow[p - c->profiles.list], peer, c->own);
}

bool serve_conf_allows_any(const struct serve_conf *c, const struct peer *peer)
{
	static const struct allow nobody;

	if (allow_peer(&nobody, peer, c->own))
		return true;
	for (size_t i = 0; i < c->profiles.n; i++)
		if (allow_peer(&c->allow[i], peer, c->own))
			return true;
	return false;
}

void serve_conf_clear(struct serve_conf *c)
{
	drop(c);
	free(c->file);
	*c = (struct serve_conf){0};
}
