#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "profile.h"

enum { FILE_MAX = SECRET_MAX + 8192, FIELD_MAX = 1000 };

static const char first_line[] = "mbhaul token cache 1";

static int no_memory(struct err *e)
{
	return err_set(e, CODE_UNAVAILABLE, "out of memory");
}

/* $XDG_RUNTIME_DIR under sudo is another user's: then it is not for us. */
static bool usable(const char *folder)
{
	struct stat st;

	return folder && folder[0] == '/' && !stat(folder, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

static int find_folder(const struct profile *p, char **folder, struct err *e)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR"), *xdg = secure_getenv("XDG_CACHE_HOME");
	const char *home = secure_getenv("HOME");
	int n;

	if (p->cache)
		n = asprintf(folder, "%s", p->cache);
	else if (usable(runtime))
		n = asprintf(folder, "%s/mbhaul", runtime);
	else if (xdg && xdg[0] == '/')
		n = asprintf(folder, "%s/mbhaul", xdg);
	else if (home && home[0] == '/')
		n = asprintf(folder, "%s/.cache/mbhaul", home);
	else {
		err_set(e, CODE_CONFIG, "there is no folder for the token cache");
		return err_hint(e, "Set HOME, or `cache = FOLDER` in [profile %s].", p->name);
	}
	if (n < 0)
		*folder = NULL;
	return n < 0 ? no_memory(e) : 0;
}

/* FNV-1a: it keeps file names apart; the line in the file decides. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

static void add_file(struct buf *out, const char *file)
{
	struct stat st;

	if (!file || profile_is_uri(file) || stat(file, &st))
		buf_addf(out, "%s ", file ? file : "-");
	else
		buf_addf(out, "%s %lld.%09ld %lld %llu ", file, (long long)st.st_mtim.tv_sec,
		         st.st_mtim.tv_nsec, (long long)st.st_size, (unsigned long long)st.st_ino);
}

/* Tells whether something was put right that a failure may have come from. */
static void make_stamp(char out[24], const struct profile *p)
{
	struct buf text = BUF_INIT(32768);

	add_file(&text, p->file);
	add_file(&text, p->key);
	add_file(&text, p->ca_file);
	buf_addf(&text, "%d", (int)p->assertion);
	snprintf(out, 24, "%016" PRIx64, hash(buf_str(&text)));
	buf_clear(&text);
}

/* Whose token it is. The kind stands in it where two credentials might name the same file. */
static int make_owner(char **owner, const struct profile *p)
{
	static const char *const kinds[] = {
	    [PROFILE_NO_CREDENTIAL] = "",
	    [PROFILE_SECRET_FILE] = "",
	    [PROFILE_CERTIFICATE] = "",
	    [PROFILE_FEDERATED_TOKEN_FILE] = "federated:",
	    [PROFILE_MANAGED_IDENTITY] = "identity:",
	    [PROFILE_SOCKET] = "socket:",
	};
	bool identity = p->credential == PROFILE_MANAGED_IDENTITY;
	const char *place = identity ? p->identity_endpoint : p->file;
	int n = asprintf(owner, "%s %s %s %s %s%s %s", p->tenant && !identity ? p->tenant : "-",
	                 p->client_id ? p->client_id : "-", p->login, p->cloud->scope, kinds[p->credential],
	                 place ? place : "-", p->key ? p->key : "-");

	if (n < 0)
		*owner = NULL;
	return n < 0 ? -1 : 0;
}

int cache_init(struct cache *c, const struct profile *p, struct err *e)
{
	*c = (struct cache){0};
	if (find_folder(p, &c->folder, e))
		goto fail;
	if (make_owner(&c->owner, p))
		goto memory;
	if (asprintf(&c->path, "%s/%s-%016" PRIx64 ".token", c->folder, p->name, hash(c->owner)) < 0) {
		c->path = NULL;
		goto memory;
	}
	if (asprintf(&c->lock, "%.*slock", (int)strlen(c->path) - 5, c->path) < 0) {
		c->lock = NULL;
		goto memory;
	}
	make_stamp(c->stamp, p);
	return secret_init(&c->token, SECRET_MAX, e);
memory:
	no_memory(e);
fail:
	cache_clear(c);
	return -1;
}

void cache_clear(struct cache *c)
{
	free(c->folder);
	free(c->path);
	free(c->lock);
	free(c->owner);
	secret_clear(&c->token);
	*c = (struct cache){0};
}

static void drop(struct cache *c)
{
	secret_cut(&c->token, 0);
	c->issued = c->renew = c->expires = 0;
	c->has_failure = false;
	c->failure = (struct failure){0};
	c->failed = c->until = 0;
}

/* One line of text without control characters, whatever came in. */
static void add_line(struct buf *out, const char *key, const char *value)
{
	char line[FIELD_MAX + 1];

	buf_addf(out, "%s=%s\n", key, text_escape(line, sizeof(line), value, strlen(value)));
}

int cache_format(const struct cache *c, struct secret *out, struct err *e)
{
	struct buf head = BUF_INIT(FILE_MAX), tail = BUF_INIT(FILE_MAX);
	int rc = -1;

	buf_addf(&head, "%s\nowner=%s\n", first_line, c->owner);
	if (c->token.len)
		buf_addf(&head, "issued=%lld\nrenew=%lld\nexpires=%lld\ntoken=", c->issued, c->renew,
		         c->expires);
	if (c->token.len)
		buf_adds(&tail, "\n");
	if (c->has_failure) {
		buf_addf(&tail, "failed=%lld\nuntil=%lld\nstamp=%s\nerror=%s\n", c->failed, c->until,
		         c->stamp, failure_words[c->failure.word]);
		add_line(&tail, "message", c->failure.err.text);
		add_line(&tail, "hint", c->failure.err.hint);
	}
	buf_adds(&tail, "end\n");
	if (head.failed || tail.failed) {
		no_memory(e);
		goto out;
	}
	if (secret_add(out, head.p, head.len, e) || secret_add(out, secret_str(&c->token), c->token.len, e) ||
	    secret_add(out, tail.p, tail.len, e))
		goto out;
	rc = 0;
out:
	buf_clear(&head);
	buf_clear(&tail);
	return rc;
}

/* A line of the file: points into the text, not NUL-terminated. */
struct field {
	const char *key, *value;
	size_t key_len, len;
};

static bool is_key(const struct field *f, const char *key)
{
	return f->key_len == strlen(key) && !memcmp(f->key, key, f->key_len);
}

static int take_time(const struct field *f, long long *out)
{
	unsigned long long v;
	char digits[24];

	if (f->len >= sizeof(digits))
		return -1;
	memcpy(digits, f->value, f->len);
	digits[f->len] = '\0';
	if (text_number(digits, 1ull << 50, &v))
		return -1;
	*out = (long long)v;
	return 0;
}

static int take_text(const struct field *f, char *out, size_t size)
{
	if (f->len >= size || text_has_control(f->value, f->len))
		return -1;
	memcpy(out, f->value, f->len);
	out[f->len] = '\0';
	return 0;
}

static int take_token(struct cache *c, const struct field *f)
{
	struct err ignored;

	if (!f->len || c->token.len)
		return -1;
	for (size_t i = 0; i < f->len; i++)
		if (f->value[i] <= ' ' || f->value[i] > '~')
			return -1;
	return secret_add(&c->token, f->value, f->len, &ignored);
}

static int take_word(struct cache *c, const struct field *f)
{
	for (int w = 0; w < FAILURE_WORDS; w++) {
		if (f->len != strlen(failure_words[w]) || memcmp(f->value, failure_words[w], f->len))
			continue;
		failure_set_word(&c->failure, (enum failure_word)w);
		c->has_failure = true;
		return 0;
	}
	return -1;
}

static int take(struct cache *c, const struct field *f, char stamp[24], bool *ours)
{
	if (is_key(f, "owner")) {
		*ours = f->len == strlen(c->owner) && !memcmp(f->value, c->owner, f->len);
		return 0;
	}
	if (is_key(f, "issued"))
		return take_time(f, &c->issued);
	if (is_key(f, "renew"))
		return take_time(f, &c->renew);
	if (is_key(f, "expires"))
		return take_time(f, &c->expires);
	if (is_key(f, "token"))
		return take_token(c, f);
	if (is_key(f, "failed"))
		return take_time(f, &c->failed);
	if (is_key(f, "until"))
		return take_time(f, &c->until);
	if (is_key(f, "stamp"))
		return take_text(f, stamp, 24);
	if (is_key(f, "error"))
		return take_word(c, f);
	if (is_key(f, "message"))
		return take_text(f, c->failure.err.text, sizeof(c->failure.err.text));
	if (is_key(f, "hint"))
		return take_text(f, c->failure.err.hint, sizeof(c->failure.err.hint));
	return -1;
}

int cache_parse(struct cache *c, const char *text, size_t n, struct err *e)
{
	const char *p = text, *end = text + n;
	bool ours = false, whole = false, first = true;
	char stamp[24] = "";

	drop(c);
	while (p < end && !whole) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *equals;
		struct field f = {.key = p};

		if (!lf)
			goto damaged;
		if (first || (lf - p == 3 && !memcmp(p, "end", 3))) {
			if (first && ((size_t)(lf - p) != strlen(first_line) ||
			              memcmp(p, first_line, (size_t)(lf - p))))
				goto damaged;
			whole = !first;
			first = false;
			p = lf + 1;
			continue;
		}
		equals = memchr(p, '=', (size_t)(lf - p));
		if (!equals)
			goto damaged;
		f.key_len = (size_t)(equals - p);
		f.value = equals + 1;
		f.len = (size_t)(lf - f.value);
		if (take(c, &f, stamp, &ours))
			goto damaged;
		p = lf + 1;
	}
	if (!whole || p != end || (c->token.len && (c->expires <= c->issued || c->renew > c->expires)))
		goto damaged;
	if (!ours)
		drop(c); /* somebody with the same hash, or a file that was moved here */
	if (strcmp(stamp, c->stamp))
		c->has_failure = false;
	return 0;
damaged:
	drop(c);
	return err_set(e, CODE_CONFIG, "the content is damaged");
}

static int read_file(int fd, struct secret *text, struct err *e)
{
	for (;;) {
		size_t room = text->max - text->len;
		ssize_t n = read(fd, text->bytes + text->len, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, CODE_UNAVAILABLE, "it cannot be read");
		text->len += (size_t)n;
		if (!n)
			return 0;
		if ((size_t)n == room)
			return err_set(e, CODE_CONFIG, "it is too large");
	}
}

int cache_read(struct cache *c, struct err *e)
{
	struct secret text = {0};
	struct stat st;
	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), rc = 1;

	drop(c);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP) {
		err_set(e, CODE_CONFIG, "it is a symbolic link");
		goto out;
	}
	if (fd < 0 || fstat(fd, &st)) {
		err_errno(e, CODE_CONFIG, "cannot read the cache file %s", c->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (st.st_uid != geteuid()) {
		close(fd);
		err_set(e, CODE_CONFIG, "the cache file %s belongs to user %lu", c->path,
		        (unsigned long)st.st_uid);
		return err_hint(e, "Remove it, or set another `cache` folder in the profile.");
	}
	if (!S_ISREG(st.st_mode))
		err_set(e, CODE_CONFIG, "it is not a regular file");
	else if (st.st_mode & 077)
		err_set(e, CODE_CONFIG, "it is open to others (mode %04o)", (unsigned)st.st_mode & 07777);
	else if (secret_init(&text, FILE_MAX, e) || read_file(fd, &text, e) ||
	         cache_parse(c, secret_str(&text), text.len, e))
		;
	else
		rc = 0;
	close(fd);
out:
	secret_clear(&text);
	if (rc) {
		drop(c);
		err_prefix(e, "the cache file %s is not used", c->path);
	}
	return rc;
}

/* Length of a file's name without what file_write puts behind it while it writes: ".<16 digits>.tmp". */
static size_t without_tmp(const char *file)
{
	size_t n = strlen(file), tail = 1 + 16 + 4;

	if (n > tail && !strcmp(file + n - 4, ".tmp") && file[n - tail] == '.' &&
	    strspn(file + n - tail + 1, "0123456789abcdef") == 16)
		return n - tail;
	return n;
}

/* Removes what writers that were killed left behind. */
static void sweep(const struct cache *c)
{
	const char *own = strrchr(c->path, '/') + 1;
	DIR *dir = opendir(c->folder);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		size_t n = without_tmp(d->d_name);

		if (d->d_name[n] && n == strlen(own) && !memcmp(d->d_name, own, n))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

int cache_write(struct cache *c, struct err *e)
{
	struct secret text = {0};
	int rc = -1;

	if (secret_init(&text, FILE_MAX, e) || cache_format(c, &text, e) || file_private_dir(c->folder, e))
		goto out;
	sweep(c);
	rc = file_write(c->path, secret_str(&text), text.len, 0600, e);
out:
	secret_clear(&text);
	return rc;
}

int cache_set_token(struct cache *c, const struct secret *token, long long now, long long lifetime,
                    long long refresh_in, struct err *e)
{
	long long margin = lifetime / 2 < CACHE_MARGIN ? lifetime / 2 : CACHE_MARGIN;

	drop(c);
	if (secret_add(&c->token, secret_str(token), token->len, e))
		return -1;
	c->issued = now;
	c->expires = now + lifetime;
	c->renew = c->expires - margin;
	if (refresh_in > 0 && now + refresh_in < c->renew)
		c->renew = now + refresh_in;
	return 0;
}

void cache_set_failure(struct cache *c, const struct failure *f, long long now)
{
	bool outage = f->word == FAILURE_UNAVAILABLE || f->word == FAILURE_TIMEOUT;
	long long wait = f->retry_after > 0 ? f->retry_after
	                 : outage           ? CACHE_OUTAGE_SECONDS
	                                    : CACHE_FAILURE_SECONDS;

	c->has_failure = true;
	c->failure = *f;
	c->failed = now;
	c->until = now + (wait < CACHE_FAILURE_MOST ? wait : CACHE_FAILURE_MOST);
}

/* A clock that was set back makes a token look as if it came from the future: no telling how old it is. */
static bool valid(const struct cache *c, long long now)
{
	return c->token.len && c->issued <= now + CACHE_SKEW && c->expires > now;
}

bool cache_still_good(const struct cache *c, long long now)
{
	long long least = (c->expires - c->issued) / 4;

	if (least > CACHE_STILL_GOOD)
		least = CACHE_STILL_GOOD;
	return valid(c, now) && c->expires - now > least;
}

enum cache_verdict cache_judge(const struct cache *c, long long now, long long min_validity)
{
	long long young = (c->expires - c->issued) / 2;

	/* A token that was just fetched is as good as it gets, even if somebody wishes for more. */
	if (young > 60)
		young = 60;
	if (valid(c, now) && now < c->renew && (c->expires - now >= min_validity || now - c->issued < young))
		return CACHE_TOKEN;
	if (c->has_failure && c->failed <= now + CACHE_SKEW && now < c->until) {
		if (cache_still_good(c, now) && failure_is_transient(&c->failure))
			return CACHE_TOKEN;
		return CACHE_FAILURE;
	}
	return cache_still_good(c, now) ? CACHE_RENEW : CACHE_ASK;
}

/* NAME-<16 hexadecimal digits>.token, or of any NAME if that is NULL; also half-written. */
static bool is_token_file(const char *file, const char *name)
{
	size_t n = without_tmp(file), tail = 1 + 16 + strlen(".token");

	if (n <= tail || memcmp(file + n - 6, ".token", 6) || file[n - tail] != '-' ||
	    strspn(file + n - tail + 1, "0123456789abcdef") != 16)
		return false;
	return !name || (strlen(name) == n - tail && !strncmp(file, name, n - tail));
}

int cache_forget(const struct profile *p, bool all, int *removed, struct err *e)
{
	char *folder = NULL;
	DIR *dir = NULL;
	struct dirent *d;
	int rc = -1;

	if (find_folder(p, &folder, e))
		return -1;
	dir = opendir(folder);
	if (!dir && errno != ENOENT) {
		err_errno(e, CODE_UNAVAILABLE, "cannot read the folder %s", folder);
		goto out;
	}
	while (dir && (d = readdir(dir))) {
		if (!is_token_file(d->d_name, all ? NULL : p->name))
			continue;
		if (unlinkat(dirfd(dir), d->d_name, 0) && errno != ENOENT) {
			err_errno(e, CODE_UNAVAILABLE, "cannot remove %s/%s", folder, d->d_name);
			goto out;
		}
		++*removed;
	}
	rc = 0;
out:
	if (dir)
		closedir(dir);
	free(folder);
	return rc;
}
