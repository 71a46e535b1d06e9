/*
 * What `mbhaul generate` writes into the haul directory for those who have several machines, or none to look
 * after:
 *
 *   lists/HASH                          the folders' names of the mailboxes, a row each; never changed, since
 * a job that waits in a queue finds its mailbox there by its row slurm.sbatch                        a job
 * array of Slurm over the rows parallel.sh, hosts                  GNU parallel over ssh; hosts is the
 * operator's once it is there systemd/mbhaul-run.service, .timer  passes again and again
 *   systemd/mbhaul-token.socket, .service   tokens from another user
 *
 * The templates are in driver/engines/ and contrib/systemd/. What would be the same is left alone.
 */
#ifndef MBHAUL_ENGINES_H
#define MBHAUL_ENGINES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct conf;
struct err;
struct globals;
struct mailbox;

enum {
	ENGINE_SLURM = 1,
	ENGINE_PARALLEL = 2,
	ENGINE_SYSTEMD = 4,
	ENGINES_ALL = ENGINE_SLURM | ENGINE_PARALLEL | ENGINE_SYSTEMD,
};

/* Adds the engines of "slurm,systemd" to *which. CODE_USAGE. */
int engines_parse(const char *words, unsigned *which, struct err *e);

/*
 * For the mailboxes in this order, which have their sync.sh. `asked`: by name, so that what cannot be written
 * is an error; else it is said on stderr, and left out.
 */
int engines_write(const struct conf *conf, const struct globals *globals, const struct mailbox *const *boxes,
                  size_t n, unsigned which, bool asked, struct err *e);

/* The rest is pure, and here for the unit test. */

struct engines_value {
	const char *name; /* upper case; NULL ends a list of them */
	const char *text;
};

/* Appends the template with each @NAME@ replaced. CODE_UNAVAILABLE if one has no value. */
int engines_fill(struct buf *out, const char *template, const struct engines_value *values, struct err *e);

/* Appends a word as a unit file of systemd needs it; `command`: in ExecStart, where $ has a meaning too.
 * Returns false if no unit file can hold it in every place: double quotes, backslashes, control characters.
 */
bool engines_unit_word(struct buf *out, const char *word, bool command);

#endif
