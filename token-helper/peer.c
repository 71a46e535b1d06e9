#include "peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"

int peer_get(int fd, struct peer *p, struct err *e)
{
	struct ucred cred;
	socklen_t n = sizeof(cred), bytes = 0;

	*p = (struct peer){.uid = (uid_t)-1};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
		return err_errno(e, CODE_UNAVAILABLE, "cannot see who is at the other end");
	p->uid = cred.uid;
	/* How many there are; a kernel without the option has told the first one at least. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) && errno != ERANGE)
		bytes = 0;
	p->groups = malloc(bytes + sizeof(gid_t));
	if (!p->groups)
		return err_set(e, CODE_UNAVAILABLE, "out of memory");
	if (bytes && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &bytes))
		bytes = 0;
	p->n_groups = bytes / sizeof(gid_t);
	p->groups[p->n_groups++] = cred.gid;
	return 0;
}

void peer_clear(struct peer *p)
{
	free(p->groups);
	*p = (struct peer){.uid = (uid_t)-1};
}

/* A number as text_number reads it, for a name that is one. */
static bool is_number(const char *s, unsigned long long *n)
{
	return !text_number(s, 0xfffffffeu, n);
}

int allow_make(char *const *names, struct allow *a, struct buf *unknown, struct err *e)
{
	size_t n = 0;

	*a = (struct allow){0};
	while (names && names[n])
		n++;
	a->users = calloc(n + 1, sizeof(*a->users));
	a->groups = calloc(n + 1, sizeof(*a->groups));
	if (!a->users || !a->groups)
		return err_set(e, CODE_UNAVAILABLE, "out of memory");
	for (size_t i = 0; i < n; i++) {
		bool group = names[i][0] == '@';
		const struct passwd *user = NULL;
		const struct group *entry = NULL;
		unsigned long long number;

		/* A name that consists of digits is a number here. */
		if (is_number(names[i] + group, &number)) {
			if (group)
				a->groups[a->n_groups++] = (gid_t)number;
			else
				a->users[a->n_users++] = (uid_t)number;
		} else if (group ? (entry = getgrnam(names[i] + 1)) != NULL
		                 : (user = getpwnam(names[i])) != NULL) {
			if (entry)
				a->groups[a->n_groups++] = entry->gr_gid;
			else if (user)
				a->users[a->n_users++] = user->pw_uid;
		} else {
			buf_addf(unknown, "%s%s", unknown->len ? ", " : "", names[i]);
		}
	}
	return 0;
}

void allow_clear(struct allow *a)
{
	free(a->users);
	free(a->groups);
	*a = (struct allow){0};
}

bool allow_peer(const struct allow *a, const struct peer *p, uid_t own)
{
	if (p->uid == (uid_t)PEER_NOBODY || p->uid == (uid_t)-1)
		return false;
	if (p->uid == 0 || p->uid == own)
		return true;
	for (size_t i = 0; i < a->n_users; i++)
		if (a->users[i] == p->uid)
			return true;
	for (size_t i = 0; i < a->n_groups; i++)
		for (size_t k = 0; k < p->n_groups; k++)
			if (a->groups[i] == p->groups[k])
				return true;
	return false;
}
