/* The account files of a mailbox's two relays. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/account.h"
#include "driver/commands.h"
#include "driver/conf.h"
#include "driver/engine.h"
#include "driver/generate.h"
#include "driver/haul.h"
#include "driver/mailboxes.h"

enum { ACCOUNT_MAX = 65536, PATHS_MAX = 16384 };

/* Strings that an account file needs and nobody else keeps. */
struct paths {
	char *slots, *events;
	char *password;       /* file with the password; NULL: it stands in the row */
	struct buf sasl_path; /* its absolute ones */
};

/* An account owns its strings, but one that is only written may borrow them. */
static char *borrowed(const char *s)
{
	return (char *)(size_t)s;
}

static void set_paths(const struct generate *g, const struct mailbox *m, struct paths *p)
{
	const char *haul = g->conf->fleet.haul, *pattern = g->conf->destination_password_file;
	struct buf all = BUF_INIT(PATHS_MAX);
	size_t n;

	p->slots = haul_path(haul, m->address, HAUL_SLOTS);
	p->events = haul_path(haul, m->address, HAUL_EVENTS);
	/* As password_find looks for it. */
	if (m->password_file)
		p->password = strdup(m->password_file);
	else if (!m->has_password && pattern)
		p->password = conf_expand(pattern, m->destination);
	engine_sasl_path(&all, g->globals);
	for (const char *s = buf_str(&all); *s; s += n + (s[n] == ':')) {
		n = strcspn(s, ":");
		if (*s == '/') /* from another folder a relative one would mean another */
			buf_addf(&p->sasl_path, "%s%.*s", p->sasl_path.len ? ":" : "", (int)n, s);
	}
	buf_clear(&all);
}

static bool paths_are_there(const struct generate *g, const struct mailbox *m, const struct paths *p)
{
	bool by_pattern = !m->has_password && g->conf->destination_password_file;

	return p->slots && p->events && !p->sasl_path.failed &&
	       (p->password || !(m->password_file || by_pattern));
}

static void paths_clear(struct paths *p)
{
	free(p->slots);
	free(p->events);
	free(p->password);
	buf_clear(&p->sasl_path);
}

/* Nothing in *a is its own afterwards. */
static void set_account(const struct generate *g, const struct conf_server *s, const char *user,
                        const struct mailbox *m, const struct paths *p, struct account *a)
{
	const struct conf_relay *relay = &g->conf->relay;

	account_init(a);
	a->host = s->host;
	a->port = s->port;
	a->starttls = s->tls == CONF_STARTTLS;
	a->ca_file = s->ca_file;
	a->auth = s->auth;
	a->user = borrowed(user);
	a->timeout = g->conf->fleet.timeout;
	a->sasl_path = borrowed(p->sasl_path.len ? buf_str(&p->sasl_path) : NULL);
	a->mailbox = m->address;
	a->config = g->conf->file;
	if (s->profile) {
		a->profile = s->profile->name;
		a->helper = g->globals->helper;
	} else if (p->password) {
		a->password_file = p->password;
	} else {
		/* It says by itself what is wrong where there is none. */
		a->program = g->globals->program;
	}
	a->connections = relay->connections;
	a->events = p->events;
	a->memory = relay->memory;
	a->batch_messages = relay->batch_messages;
	a->batch_bytes = relay->batch_bytes;
	a->bytes_per_second = relay->bytes_per_second;
	a->messages_per_second = relay->messages_per_second;
	a->patience = relay->patience;
}

/* An empty one is refused by the relay. */
static int write_account(const char *path, const struct account *a, int fresh, struct err *e)
{
	struct buf text = BUF_INIT(ACCOUNT_MAX);
	int rc = -1;

	if (!path)
		err_set(e, CODE_UNAVAILABLE, "no memory for an account");
	else
		rc = account_format(a, &text, e);
	if (!rc)
		rc = generate_put(fresh, path, buf_str(&text), text.len, 0600, e);
	buf_clear(&text);
	return rc;
}

int generate_accounts(const struct generate *g, const struct mailbox *m, const char *user, int fresh,
                      struct err *e)
{
	const struct conf *c = g->conf;
	char *source = haul_path(c->fleet.haul, m->address, HAUL_SOURCE_ACCOUNT);
	char *destination = haul_path(c->fleet.haul, m->address, HAUL_DESTINATION_ACCOUNT);
	struct paths p = {.sasl_path = BUF_INIT(PATHS_MAX)};
	struct account a;
	int one, two, rc = -1;

	set_paths(g, m, &p);
	if (!paths_are_there(g, m, &p)) {
		err_set(e, CODE_UNAVAILABLE, "no memory for the accounts of %s", m->address);
		goto out;
	}
	set_account(g, &c->source, m->address, m, &p, &a);
	a.slots = p.slots;
	one = write_account(source, &a, fresh, e);
	if (one < 0)
		goto out;
	set_account(g, &c->destination, user, m, &p, &a);
	two = write_account(destination, &a, fresh, e);
	if (two >= 0)
		rc = one || two;
out:
	free(source);
	free(destination);
	paths_clear(&p);
	return rc;
}
