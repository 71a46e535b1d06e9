/*
 * mbhaul.conf as the driver reads it: [source], [destination], [folders], [fleet] and [relay], and through
 * profile.h the [profile NAME] sections.
 *
 * A struct conf owns everything in it, until conf_clear. Paths are absolute: relative ones in the file lie
 * below the file's folder. Errors are CODE_CONFIG with "file:line: what"; the mistakes of [source] and so on
 * are told together, as far as e->text holds them.
 */
#ifndef MBHAUL_CONF_H
#define MBHAUL_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/conf_value.h"
#include "driver/folders.h"
#include "driver/hours.h"
#include "driver/rates.h"
#include "profile.h"

struct err;
struct mailbox;

enum conf_tls { CONF_IMAPS, CONF_STARTTLS };

struct conf_server {
	char *host;                    /* never NULL after a successful read */
	int port;                      /* 993, or 143 with STARTTLS, unless set */
	enum conf_tls tls;             /* there is no way to go without TLS */
	char *ca_file;                 /* further certificate authorities, PEM; NULL */
	char *auth;                    /* the one SASL mechanism, upper case */
	const struct profile *profile; /* where tokens come from; NULL with a password */
	int pipeline_depth;            /* commands under way at once; 0: mbsync's default (no limit) */
};

struct conf_fleet {
	int jobs;        /* mailboxes at a time: 4 */
	int total_jobs;  /* the same over all machines, by an engine: 16 */
	char *mbsync;    /* absolute path, or a name that is looked up in PATH: "mbsync" */
	char *haul;      /* the haul directory: ./haul beside mbhaul.conf */
	char *mailboxes; /* the CSV: mailboxes.csv beside mbhaul.conf */
	int timeout;     /* seconds that a server may be silent: 120 */
	char *grants;    /* what 2-grant.ps1 of `mbhaul admin` wrote: grants.csv beside mbhaul.conf */
	bool grants_named; /* the file says so itself: then it must be there */
	char *statistics; /* what 4-verify.ps1 counted: folder-statistics.csv beside mbhaul.conf */
	bool statistics_named; /* the same */
	int grace;       /* s that a grant may take to arrive: 3600 */
	int patience;    /* s that `run` waits for the end of an outage of everything: 12 h */
	struct hours hours; /* in which it copies; none: always */
	long long ends;  /* epoch s, the end of the day on which the migration is to be over; 0: not said */
};

/* How mbsync reaches the servers: through mbhaul-relay, or by itself. Sizes in bytes, rates a mailbox. */
struct conf_relay {
	bool use;                   /* yes */
	int connections;            /* to the source, for one mailbox: 4 */
	int shards;                 /* mbsync at work on one mailbox, at most `connections`: 4 */
	long long memory;           /* that one relay may use for what it holds: 32 MiB */
	int batch_messages;         /* in one APPEND: 64 */
	long long batch_bytes;      /* the same: 4 MiB */
	struct rates bytes_per_second; /* 0: no limit */
	int messages_per_second;    /* 0: no limit */
	int patience;               /* s without progress: 1800 */
};

struct conf {
	char *file; /* absolute path of mbhaul.conf */
	struct profiles profiles;
	struct conf_server source, destination;
	char *destination_user;          /* pattern: %a is the Destination address, %% a percent sign: "%a" */
	char *destination_password_file; /* pattern too; NULL */
	struct folder_rules folders;
	struct conf_fleet fleet;
	struct conf_relay relay;
};

/* Pure. Text that came from `file` (an absolute path). conf_clear(out) in every case. */
int conf_parse(const char *text, size_t n, const char *file, struct conf *out, struct err *e);

/* Finds the file (see profiles_find_file; `option` is --config or NULL), which must be trustworthy
 * (file_read_trusted), and reads it. conf_clear(out) in every case. */
int conf_load(const char *option, struct conf *out, struct err *e);

void conf_clear(struct conf *c);

/* Fills in %a and %% of a pattern. Malloc'ed; NULL without memory. */
char *conf_expand(const char *pattern, const char *address);

#endif
