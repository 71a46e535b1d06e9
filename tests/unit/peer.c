#include "peer.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "test.h"

static struct err e;

static void peer_is_who_asks(void)
{
	struct peer p = {0};
	int ends[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	CHECK(!peer_get(ends[0], &p, &e));
	CHECK(p.uid == geteuid() && p.n_groups >= 1);
	CHECK(p.groups[p.n_groups - 1] == getegid());
	peer_clear(&p);
	close(ends[0]);
	close(ends[1]);
	CHECK(peer_get(ends[0], &p, &e) && e.code == CODE_UNAVAILABLE && p.uid == (uid_t)-1);
	peer_clear(&p);
}

static void allow_looks_names_up(void)
{
	char *names[] = {(char *)"root", (char *)"no-such-user", (char *)"4711", (char *)"@root", (char *)"@no-such-group", (char *)"@42",
			 NULL};
	struct buf unknown = BUF_INIT(200);
	struct allow a;

	CHECK(!allow_make(names, &a, &unknown, &e));
	CHECK(a.n_users == 2 && a.users[0] == 0 && a.users[1] == 4711);
	CHECK(a.n_groups == 2 && a.groups[0] == 0 && a.groups[1] == 42);
	CHECK_STR(buf_str(&unknown), "no-such-user, @no-such-group");
	allow_clear(&a);
	CHECK(!allow_make(NULL, &a, &unknown, &e) && !a.n_users && !a.n_groups);
	allow_clear(&a);
	buf_clear(&unknown);
}

static void allow_decides(void)
{
	uid_t users[] = {1000, PEER_NOBODY};
	gid_t groups[] = {50}, mine[] = {7, 50, 8}, others[] = {7, 8};
	struct allow a = {users, 2, groups, 1}, nobody = {0};

	CHECK(allow_peer(&a, &(struct peer){1000, others, 2}, 5));
	CHECK(allow_peer(&a, &(struct peer){1001, mine, 3}, 5));
	CHECK(!allow_peer(&a, &(struct peer){1001, others, 2}, 5));
	CHECK(!allow_peer(&a, &(struct peer){1001, NULL, 0}, 5));
	/* root and the server's own; not even if they are written are those who may be anybody. */
	CHECK(allow_peer(&nobody, &(struct peer){0, NULL, 0}, 5) && allow_peer(&nobody, &(struct peer){5, NULL, 0}, 5));
	CHECK(!allow_peer(&nobody, &(struct peer){1000, mine, 3}, 5));
	CHECK(!allow_peer(&a, &(struct peer){PEER_NOBODY, mine, 3}, 5));
	CHECK(!allow_peer(&a, &(struct peer){(uid_t)-1, mine, 3}, (uid_t)-1));
	/* A group's number is not a user's. */
	CHECK(!allow_peer(&a, &(struct peer){50, others, 2}, 5));
}

int main(void)
{
	TEST(peer_is_who_asks);
	TEST(allow_looks_names_up);
	TEST(allow_decides);
	TEST_END;
}
