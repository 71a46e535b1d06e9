/* mbhaul-relay: one side of a mailbox, as mbsync's Tunnel. */
#include <errno.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "driver/conf.h"
#include "relay.h"

enum { PASSWORD_WAIT_MS = 30000 };

static void on_signal(int sig)
{
	(void)sig;
	relay_stop = 1;
}

static void usage(FILE *to)
{
	fputs("usage: mbhaul-relay source|destination --account FILE [--trace FILE]\n"
	      "One side of a mailbox for mbsync, which runs it as its Tunnel: it logs in, greets with PREAUTH on\n"
	      "its standard input and output, and carries mail at the speed of the line.\n\n"
	      "  -a, --account FILE  where the mailbox is and how to log in there (`mbhaul generate` writes it)\n"
	      "  -t, --trace FILE    add the session to FILE, without credentials and without mail\n"
	      "  -h, --help          this help\n"
	      "  -V, --version       the version\n\n"
	      "The source is only read. See mbhaul-relay(1).\n",
	      to);
}

static int set(const char *name, const char *value, struct err *e)
{
	return value && setenv(name, value, 1) ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
}

/* From the file, or from `mbhaul password`. */
static int find_password(struct relay *r, struct err *e)
{
	const struct account *a = r->account;
	const char *argv[] = {a->program, "--config", a->config, "password", a->mailbox, NULL};
	static const char *const keep[] = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", NULL};
	char **env;
	size_t n;
	int rc;

	if (secret_init(&r->password, SECRET_MAX, e))
		return -1;
	if (a->password_file) {
		if (file_read_secret(a->password_file, &r->password, e))
			return -1;
	} else {
		env = proc_environment(keep, NULL);
		if (!env)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		rc = proc_talk(argv, env, "", 0, &r->password, PASSWORD_WAIT_MS, 1, e);
		free(env);
		if (rc < 0)
			return -1;
		if (rc)
			return err_set(e, rc, "no password for %s: `mbhaul password %s` ended with %d", a->user, a->mailbox, rc);
	}
	n = r->password.len;
	while (n && strchr("\r\n", secret_str(&r->password)[n - 1]))
		n--;
	secret_cut(&r->password, n);
	if (!n)
		return err_set(e, CODE_CONFIG, "the password of %s is empty", a->user);
	r->server.password = &r->password;
	return 0;
}

/* MBHAUL_RELAY_SHARD=i/n */
static void find_shard(struct relay *r)
{
	const char *text = getenv("MBHAUL_RELAY_SHARD");
	int i, n;

	r->shard = r->shards = 1;
	if (text && sscanf(text, "%4d/%4d", &i, &n) == 2 && i >= 1 && n >= i) {
		r->shard = i;
		r->shards = n;
	}
}

static int set_up(struct relay *r, const struct account *a, struct err *e)
{
	r->account = a;
	r->token = conf_is_token(a->auth);
	r->server = (struct imap_server){.host = a->host,
					 .port = a->port,
					 .starttls = a->starttls,
					 .ca_file = a->ca_file,
					 .mechanism = a->auth,
					 .user = a->user,
					 .timeout = a->timeout,
					 .stop = &relay_stop};
	if (r->side == SIDE_SOURCE) {
		r->facts.source_host = a->host;
		r->facts.source_mech = a->auth;
		r->facts.address = a->user;
	} else {
		r->facts.destination_host = a->host;
		r->facts.destination_mech = a->auth;
		r->facts.destination = a->user;
	}
	r->memory.max = (size_t)a->memory;
	find_shard(r);
	if (report_open(&r->report, a->events, r->side == SIDE_SOURCE ? "source" : "destination", r->shard, e) ||
	    client_init(&r->client, &r->memory, &r->trace, e) || set("MBHAUL_HELPER", a->helper, e) ||
	    set("MBHAUL_CONFIG", a->config, e) || set("SASL_PATH", a->sasl_path, e) || session_prepare(e))
		return -1;
	return r->token ? 0 : find_password(r, e);
}

static long long cpu_ms(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000LL + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* The last words, to mbsync and into the report. */
static void finish(struct relay *r)
{
	const struct failure *f = &r->failure;
	struct rusage self;
	cJSON *o;

	if (f->reason) {
		char text[900];

		text_escape(text, sizeof text, f->e.text, strlen(f->e.text));
		o = report_begin(&r->report, "failed");
		cJSON_AddNumberToObject(o, "code", f->e.code);
		cJSON_AddStringToObject(o, "reason", f->reason);
		cJSON_AddStringToObject(o, "text", text);
		cJSON_AddStringToObject(o, "hint", f->e.hint);
		cJSON_AddStringToObject(o, "answer", f->answer);
		cJSON_AddNumberToObject(o, "retry_after", f->retry_after);
		report_end(&r->report, o);
		/* Half an answer must not be followed by other words. */
		if (strcmp(f->reason, "client") && !r->client.inside && !r->client.ended)
			client_sendf(&r->client, "* BYE %s\r\n", text);
	}
	client_drain(&r->client, f->reason ? 2000 : 30000);
	getrusage(RUSAGE_SELF, &self);
	o = report_begin(&r->report, "totals");
	cJSON_AddNumberToObject(o, "bytes", (double)r->bytes);
	cJSON_AddNumberToObject(o, "messages", (double)r->messages);
	cJSON_AddNumberToObject(o, "connections", r->connections);
	cJSON_AddNumberToObject(o, "reconnects", r->reconnects);
	cJSON_AddNumberToObject(o, "waited_s", (double)(r->waited_ms / 1000));
	cJSON_AddNumberToObject(o, "ms", (double)(file_now_ms() - r->begun_ms));
	cJSON_AddNumberToObject(o, "rss_kib", (double)self.ru_maxrss);
	cJSON_AddNumberToObject(o, "cpu_ms", (double)(cpu_ms(RUSAGE_SELF) + cpu_ms(RUSAGE_CHILDREN)));
	report_end(&r->report, o);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"account", required_argument, NULL, 'a'},
						{"trace", required_argument, NULL, 't'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'V'},
						{NULL, 0, NULL, 0}};
	struct relay r = {.trace = {-1}, .report = {.fd = -1}, .begun_ms = file_now_ms()};
	const char *file = NULL, *trace_file = NULL;
	struct sigaction act = {.sa_handler = on_signal};
	struct account account;
	struct err e = ERR_INIT;
	int c, rc = 0;

	account_init(&account);
	while ((c = getopt_long(argc, argv, "a:t:hV", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			file = optarg;
			break;
		case 't':
			trace_file = optarg;
			break;
		case 'V':
			puts("mbhaul-relay " MBHAUL_VERSION);
			return CODE_DONE;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? CODE_DONE : CODE_USAGE;
		}
	}
	if (argc - optind != 1 || !file ||
	    (strcmp(argv[optind], "source") && strcmp(argv[optind], "destination"))) {
		usage(stderr);
		return CODE_USAGE;
	}
	r.side = strcmp(argv[optind], "source") ? SIDE_DESTINATION : SIDE_SOURCE;
	/* The second tunnel of an mbsync inherits the first one's end of its pair: the first would never see its end. */
	close_range(3, ~0U, 0);
	secret_harden_process();
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	/* A farewell is said even if its account cannot be read. */
	r.client.trace = &r.trace;
	if (trace_open(&r.trace, trace_file, &e) || account_read(file, &account, &e) || set_up(&r, &account, &e)) {
		relay_fail(&r, e.code == CODE_CONFIG ? "config" : "local", &e, NULL, 0);
		rc = -1;
	} else {
		rc = r.side == SIDE_SOURCE ? relay_source(&r) : relay_destination(&r);
	}
	finish(&r);
	if (rc && strcmp(r.failure.reason, "client"))
		err_print(&r.failure.e, "mbhaul-relay");
	report_close(&r.report);
	trace_close(&r.trace);
	client_clear(&r.client);
	secret_clear(&r.password);
	account_clear(&account);
	return rc ? r.failure.e.code : CODE_DONE;
}
