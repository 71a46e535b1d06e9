/*
 * Who is at the other end of a UNIX socket, by the kernel's word, and whether an allow-list names them.
 */
#ifndef MBHAUL_PEER_H
#define MBHAUL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

struct peer {
	uid_t uid;
	gid_t *groups; /* malloc'ed: of the process itself and its supplementary ones, when it connected */
	size_t n_groups;
};

/* CODE_UNAVAILABLE. peer_clear in every case. */
int peer_get(int fd, struct peer *p, struct err *e);
void peer_clear(struct peer *p);

/* An allow-list with its names looked up. */
struct allow {
	uid_t *users; /* malloc'ed, as the groups */
	size_t n_users;
	gid_t *groups;
	size_t n_groups;
};

/*
 * Looks up `names` (NULL-ended; NULL: none): a user's name, "@" and a group's, or numbers. What does not
 * exist matches nobody, and is appended to `unknown`, with ", " between: an account that was removed must not
 * keep the others out. CODE_UNAVAILABLE without memory. allow_clear in every case.
 */
int allow_make(char *const *names, struct allow *a, struct buf *unknown, struct err *e);
void allow_clear(struct allow *a);

/* The uid that the kernel shows for one that does not exist in this namespace: it may be anybody's. */
enum { PEER_NOBODY = 65534 };

/* Pure. root and `own` always may, PEER_NOBODY never. */
bool allow_peer(const struct allow *a, const struct peer *p, uid_t own);

#endif
