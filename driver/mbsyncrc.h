/*
 * Writes the configuration of one mailbox for mbsync 1.4 or 1.5. Pure: same input, same bytes.
 *
 * What it says is read from the sources of isync 1.4.4 and 1.5.1 (config.c, drv_imap.c, sync.c): lines hold
 * at most 1022 bytes in both, a blank line ends a section, 1.4 takes folder names in modified UTF-7 and 1.5
 * in UTF-8, both with "/" between the levels and without the server's namespace prefix. `Sync PullNew
 * PullFlags` copies new messages and flags from far to near and nothing else; 1.5's PullOld tries those again
 * that were refused before.
 */
#ifndef MBHAUL_MBSYNCRC_H
#define MBHAUL_MBSYNCRC_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct folder_rules;

enum mbsync_dialect { MBSYNC_14, MBSYNC_15 };

/* From what `mbsync --version` prints ("isync 1.4.4"). Returns 0; -1 (CODE_UNAVAILABLE) if it is not mbsync's
 * or too old. */
int mbsyncrc_version(const char *text, enum mbsync_dialect *dialect, char version[32], struct err *e);

struct mbsyncrc_store {
	const char *tunnel; /* a command line for sh that speaks IMAP, logged in: instead of all up to pass_cmd; NULL: none */
	const char *host;
	int port;
	bool starttls;
	const char *ca_file; /* NULL: the system's only */
	const char *mechanism;
	const char *user;
	const char *pass_cmd; /* a command line for sh; NULL: none */
	int pipeline_depth;   /* 0: no limit */
	char delimiter;       /* the server's; 0: not known yet */
	bool bare;            /* with a delimiter: the server's namespace is known to have no prefix */
};

/* A folder pair, by mbsync's canonical names (see folders.h), UTF-8. */
struct mbsyncrc_folder {
	const char *source, *destination;
	unsigned channel; /* its channel is c%04u: the same for ever */
};

struct mbsyncrc {
	enum mbsync_dialect dialect;
	const char *address;   /* for the comment */
	const char *file;      /* its own absolute path, for the comment */
	const char *state;     /* absolute folder of mbsync's state, without a slash at the end */
	const char *sync_cmd;  /* the comment's better way: "mbhaul ... sync ADDRESS" */
	const char *direct;    /* how to go without the tunnels, for the comment; NULL if there are none */
	const char *path_note; /* SASL_PATH=... to set for mbsync by hand, NULL if the plugin is installed */
	int timeout;           /* s */
	struct mbsyncrc_store source, destination;
	/* NULL until both sides were looked at: then INBOX, and all that the patterns leave. */
	const struct mbsyncrc_folder *folders;
	size_t n;
	const char *patterns; /* what mbsyncrc_patterns made; used without folders */
};

/* Appends the `Patterns` lines of a channel that takes every folder but INBOX and what `rules` and the names
 * of folders without mail leave out. It is the same for all mailboxes. */
int mbsyncrc_patterns(enum mbsync_dialect dialect, const struct folder_rules *rules, struct buf *out,
                      struct err *e);

/* Appends the file's text. CODE_CONFIG if something cannot be said in mbsync's language (the text tells
 * what). */
int mbsyncrc_write(const struct mbsyncrc *rc, struct buf *out, struct err *e);

/* Appends a folder's canonical name as that dialect writes it. Returns 0; -1 if it cannot. */
int mbsyncrc_box(enum mbsync_dialect dialect, const char *name, struct buf *out);

#endif
