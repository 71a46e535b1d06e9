/* What a relay is made of besides its readers: spools, rate limits, slots, lists of messages. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "driver/imap_parse.h"
#include "driver/relay/batch.h"
#include "driver/rates.h"
#include "driver/relay/rate.h"
#include "driver/relay/slots.h"
#include "driver/relay/spool.h"
#include "driver/relay/troubled.h"
#include "test.h"

/* --- spools --- */

static char byte_at(uint64_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static int fill(struct spool *s, uint64_t n, size_t step)
{
	char block[70000];
	struct err e = ERR_INIT;

	while (n) {
		const size_t k = n < step ? (size_t)n : step;
		size_t i;

		for (i = 0; i < k; i++)
			block[i] = byte_at(s->size + i);
		if (spool_add(s, block, k, &e))
			return -1;
		n -= k;
	}
	return 0;
}

/* All its bytes are there, from any place on. */
static bool holds(const struct spool *s, uint64_t size)
{
	char block[5000];
	const char *p;
	uint64_t at = 0;
	long n, i;

	if (s->size != size)
		return false;
	while ((n = spool_look(s, at, block, sizeof block, &p)) > 0) {
		for (i = 0; i < n; i += 1 + i % 3)
			if (p[i] != byte_at(at + (uint64_t)i))
				return false;
		at += (uint64_t)n;
	}
	return !n && at == size && !spool_look(s, size + 1, block, sizeof block, &p);
}

static void in_memory(void)
{
	struct memory memory = {.max = 32 << 20};
	struct spool s;

	spool_init(&s, &memory);
	CHECK(holds(&s, 0));
	CHECK(!fill(&s, 100000, 333));
	CHECK(s.fd < 0 && holds(&s, 100000));
	CHECK(memory.used == s.cap && memory.peak >= memory.used && memory.used < 200000);
	spool_clear(&s);
	CHECK(!memory.used && holds(&s, 0));
	spool_expect(&s, 5000);
	CHECK(memory.used == 5000 && s.cap == 5000);
	CHECK(!fill(&s, 5000, 100) && memory.used == 5000 && holds(&s, 5000));
	CHECK(!fill(&s, 1, 1) && holds(&s, 5001));
	spool_clear(&s);
	spool_clear(&s);
	CHECK(!memory.used);
}

static void too_large_for_memory(void)
{
	struct memory memory = {.max = 32 << 20};
	struct spool s;
	struct stat st;

	spool_init(&s, &memory);
	spool_expect(&s, 100 << 20);
	CHECK(!memory.used);
	CHECK(!fill(&s, SPOOL_MEMORY_MAX, 65536) && s.fd < 0);
	CHECK(!fill(&s, 1, 1) && s.fd >= 0 && !memory.used);
	CHECK(!fstat(s.fd, &st) && !st.st_nlink && (st.st_mode & 0777) == 0600 &&
	      fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!fill(&s, 100000, 4097));
	CHECK(holds(&s, SPOOL_MEMORY_MAX + 100001ULL));
	spool_clear(&s);
	CHECK(s.fd < 0 && holds(&s, 0));
}

static void memory_is_used_up(void)
{
	struct memory memory = {.max = 300000};
	struct spool a, b, c;

	spool_init(&a, &memory);
	spool_init(&b, &memory);
	spool_init(&c, &memory);
	CHECK(!fill(&a, 200000, 1000) && a.fd < 0);
	spool_expect(&b, 200000);
	CHECK(!fill(&b, 200000, 1000) && b.fd >= 0);
	CHECK(!fill(&c, 1000, 10) && c.fd < 0);
	CHECK(memory.used <= memory.max && memory.peak <= memory.max);
	CHECK(holds(&a, 200000) && holds(&b, 200000) && holds(&c, 1000));
	spool_clear(&a);
	spool_clear(&b);
	spool_clear(&c);
	CHECK(!memory.used);
}

static void moved(void)
{
	struct memory memory = {.max = 1 << 20};
	struct spool a, b;

	spool_init(&a, &memory);
	spool_init(&b, &memory);
	CHECK(!fill(&a, 1000, 100) && !fill(&b, 2000, 100));
	spool_move(&b, &a);
	CHECK(holds(&b, 1000) && holds(&a, 0) && memory.used == b.cap);
	CHECK(!fill(&a, 2 << 20, 65536) && a.fd >= 0);
	spool_move(&b, &a);
	CHECK(b.fd >= 0 && holds(&b, 2 << 20) && a.fd < 0 && holds(&a, 0) && !memory.used);
	CHECK(!fill(&a, 3, 1) && holds(&a, 3));
	spool_clear(&a);
	spool_clear(&b);
	CHECK(!memory.used);
}

static void no_room_for_a_file(void)
{
	struct memory memory = {.max = 1000};
	struct err e = ERR_INIT;
	char block[2000] = "";
	struct spool s;

	setenv("TMPDIR", "/nonexistent", 1);
	spool_init(&s, &memory);
	CHECK(spool_add(&s, block, sizeof block, &e) && e.code == CODE_UNAVAILABLE &&
	      strstr(e.text, "/nonexistent"));
	spool_clear(&s);
	setenv("TMPDIR", "relative", 1); /* not below the folder where mbsync happened to start */
	CHECK(!spool_add(&s, block, sizeof block, &e) && s.fd >= 0);
	spool_clear(&s);
	unsetenv("TMPDIR");
}

/* --- rate limits --- */

static void a_rate_that_changes_by_the_hour(void)
{
	struct rates by;
	struct rate r;

	setenv("TZ", "UTC", 1);
	tzset();
	/* 1800000000 is a Friday, 08:00 UTC. */
	CHECK(!rates_parse("4000, 08:00-18:00 1000, 18:00-19:00 0", 1 << 30, &by) && by.n == 2 && rates_limit(&by));
	CHECK(rates_at(&by, 1800000000 - 60) == 4000 && rates_at(&by, 1800000000) == 1000 && !rates_at(&by, 1800000000 + 36000));
	rate_init(&r, (uint64_t)rates_at(&by, 1800000000 - 60) / 2, 0);
	rate_follow(&r, &by, 2, 1800000000 - 60, 0);
	CHECK(r.per_second == 2000);
	rate_use(&r, 4000); /* a second too much */
	CHECK(rate_wait(&r, 0) == 1001);
	rate_follow(&r, &by, 2, 1800000000, 0);
	CHECK(r.per_second == 500 && rate_wait(&r, 0) == 4001);
	rate_follow(&r, &by, 2, 1800000000 + 59, 100); /* the same minute */
	rate_follow(&r, &by, 2, 1800000000 + 36000, 200);
	CHECK(!r.per_second && !rate_wait(&r, 200));
	rate_follow(&r, &by, 2, 1800000000 + 39600, 10000);
	CHECK(r.per_second == 2000);
	rate_use(&r, 3000);
	CHECK(rate_wait(&r, 10000) == 1501);
	/* Without hours it stays what it is. */
	CHECK(!rates_parse("64K", 1 << 30, &by) && by.base == 65536 && !by.n);
	rate_follow(&r, &by, 2, 1800003600, 10000);
	CHECK(r.per_second == 2000);
	CHECK(!rates_parse("08:00-18:00 500K", 1 << 30, &by) && !by.base && rates_limit(&by));
	CHECK(!rates_parse("0, Mon-Fri 08:00-18:00 0", 1 << 30, &by) && !rates_limit(&by));
	CHECK(rates_parse("", 1 << 30, &by) && rates_parse("4M,", 1 << 30, &by) && rates_parse("4M, 5M", 1 << 30, &by) &&
	      rates_parse("4M 08:00-18:00", 1 << 30, &by) && rates_parse("4M, 08:00-18:00 x", 1 << 30, &by) &&
	      rates_parse("08:00-18:00 1K, 4M", 1 << 30, &by) && rates_parse("4M, 08:00-18:00500K", 1 << 30, &by) && rates_parse("2G", 1 << 30, &by));
}


static void no_limit(void)
{
	struct rate r;

	rate_init(&r, 0, 1000);
	rate_use(&r, UINT64_MAX);
	CHECK(!rate_wait(&r, 1000) && !rate_wait(&r, 0));
}

static void limit(void)
{
	struct rate r;
	long long now = 5000;
	unsigned n;
	int wait;

	rate_init(&r, 10, now);
	for (n = 0; n < 100; n++) {
		while ((wait = rate_wait(&r, now)))
			now += wait;
		rate_use(&r, 1);
	}
	/* A burst of one second, then ten a second. */
	CHECK(now >= 5000 + 8900 && now <= 5000 + 9200);
	/* What is too large for a second is begun, and paid off before the next. */
	rate_init(&r, 1000, 0);
	CHECK(!rate_wait(&r, 0));
	rate_use(&r, 5000);
	CHECK(rate_wait(&r, 0) >= 4000 && rate_wait(&r, 0) <= 4002);
	CHECK(rate_wait(&r, 3990) > 0 && !rate_wait(&r, 4002));
	/* A pause saves no more than a second. */
	rate_wait(&r, 1000000);
	CHECK(r.room <= 1000);
	rate_use(&r, 1001);
	CHECK(rate_wait(&r, 1000000) > 0);
	/* Never longer than a minute at a time, and a clock that goes back does no harm. */
	rate_use(&r, UINT64_C(1) << 50);
	CHECK(rate_wait(&r, 1000000) == 60000 && rate_wait(&r, 5) == 60000);
}

/* --- slots --- */

static void slots(void)
{
	char top[] = "/tmp/mbhaul-slots.XXXXXX", path[64], folder[40];
	struct stat st;
	int a, b, c, n, status = 0;
	pid_t child;

	CHECK(mkdtemp(top) != NULL);
	snprintf(folder, sizeof folder, "%s/slots", top);
	a = slots_own(folder, 1);
	snprintf(path, sizeof path, "%s/1", folder);
	CHECK(a >= 0 && !stat(path, &st) && (st.st_mode & 07777) == 0600 && fcntl(a, F_GETFD) & FD_CLOEXEC);
	CHECK(!stat(folder, &st) && (st.st_mode & 07777) == 0700);
	/* Further ones, from the end; never one's own. */
	b = slots_extra(folder, 3, 1, &n);
	CHECK(b >= 0 && n == 3);
	c = slots_extra(folder, 3, 1, &n);
	CHECK(c >= 0 && n == 2 && slots_extra(folder, 3, 1, &n) < 0);
	/* The relay that a slot belongs to wants it: who has it sees that, and nobody else takes it. */
	CHECK(!slots_wanted(folder, 2) && slots_own(folder, 2) < 0 && slots_wanted(folder, 2));
	close(c);
	CHECK(slots_extra(folder, 3, 1, &n) < 0);
	c = slots_own(folder, 2);
	CHECK(c >= 0 && !slots_wanted(folder, 2));
	/* Who dies lets go. */
	close(b);
	child = fork();
	if (!child)
		_exit(slots_own(folder, 3) < 0);
	waitpid(child, &status, 0);
	CHECK(!status);
	b = slots_own(folder, 3);
	CHECK(b >= 0);
	close(a);
	close(b);
	close(c);
	for (a = 1; a < 4; a++) {
		snprintf(path, sizeof path, "%s/%d", folder, a);
		unlink(path);
	}
	CHECK(!rmdir(folder));
	rmdir(top);
	CHECK(slots_own("/proc/nowhere", 1) < 0 && slots_extra("/proc/nowhere", 3, 1, &n) < 0);
}

/* What a session ended at is sent by itself the next time, and what ended one by itself is refused. */
static void troubled_messages(void)
{
	static const char a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			  b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	char top[] = "/tmp/mbhaul-troubled.XXXXXX", path[64];
	struct troubled t;
	const char *answer = "";
	FILE *f;

	CHECK(mkdtemp(top) != NULL);
	snprintf(path, sizeof path, "%s/troubled", top);
	troubled_open(&t, top);
	CHECK(!troubled_look(&t, a, &answer));
	troubled_note(&t, a, 20, "BAD what?");
	troubled_note(&t, b, 1, "NO [LIMIT] too much");
	troubled_close(&t);
	f = fopen(path, "a");
	CHECK(f != NULL);
	if (f) {
		fputs("no line of ours\n{\"sha256\":1}\n", f);
		fclose(f);
	}
	troubled_open(&t, top);
	CHECK(troubled_look(&t, a, &answer) == 1 && !strcmp(answer, "BAD what?"));
	CHECK(troubled_look(&t, b, &answer) == 2 && !strcmp(answer, "NO [LIMIT] too much"));
	troubled_close(&t);
	/* After an hour it is tried again. */
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "{\"sha256\":\"%s\",\"time\":1000,\"together\":1,\"answer\":\"NO\"}\n", a);
		fclose(f);
	}
	troubled_open(&t, top);
	CHECK(!troubled_look(&t, a, &answer) && access(path, F_OK));
	troubled_close(&t);
	troubled_open(&t, NULL);
	troubled_note(&t, a, 1, "NO");
	CHECK(!troubled_look(&t, a, &answer));
	troubled_close(&t);
	rmdir(top);
}

static void slots_without_a_folder(void)
{
	int i, fd, n;

	for (i = 0; i < 20; i++) {
		fd = i % 2 ? slots_own(NULL, 1) : slots_extra(NULL, 1, 1, &n);
		CHECK(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
}

/* --- lists --- */

static void batches(void)
{
	struct memory memory = {.max = 1 << 20};
	struct unit *u = unit_of_messages("\"a b\" rest", 5);
	struct err e = ERR_INIT;
	unsigned i;

	CHECK(u && !strcmp(u->mailbox, "\"a b\"") && !u->command && !u->count);
	for (i = 1; u && i <= 3; i++) {
		struct message *m = calloc(1, sizeof *m);

		CHECK(m != NULL);
		if (!m)
			return;
		spool_init(&m->body, &memory);
		CHECK(!spool_add(&m->body, "abcde", i, &e));
		m->size = i;
		unit_add(u, m);
	}
	CHECK(u->count == 3 && u->bytes == 6 && u->first->size == 1 && u->first->next->size == 2 &&
	      u->last->size == 3 && !u->last->next);
	unit_free(u);
	unit_free(NULL);
	message_free(NULL);
	CHECK(!memory.used);
}

static int number(struct unit *u)
{
	const int n = u ? u->number : 0;

	unit_free(u);
	return n;
}

static struct unit *numbered(int n)
{
	struct unit *u = unit_of_command("a-tag-that-is-much-longer-than-any-that-mbsync-makes", "NOOP");

	if (u)
		u->number = n;
	return u;
}

static void queues(void)
{
	struct queue q = {0};
	int i;

	for (i = 2; i <= 5; i++)
		queue_add(&q, numbered(i));
	queue_push(&q, numbered(1));
	CHECK(q.count == 5 && strlen(q.first->tag) == COMMAND_TAG_MAX - 1 &&
	      !strcmp(q.first->command, "NOOP"));
	CHECK(number(queue_take_number(&q, 3)) == 3 && !queue_take_number(&q, 3));
	CHECK(number(queue_take_number(&q, 5)) == 5 && q.last->number == 4);
	CHECK(number(queue_take_number(&q, 1)) == 1 && q.first->number == 2);
	CHECK(number(queue_take(&q)) == 2 && number(queue_take(&q)) == 4 && !queue_take(&q) && !q.last &&
	      !q.count);
	queue_push(&q, numbered(7));
	queue_add(&q, numbered(8));
	CHECK(q.last->number == 8 && number(queue_take_number(&q, 8)) == 8 && q.last->number == 7);
	queue_clear(&q);
	CHECK(!q.first && !q.last && !q.count && !queue_take_number(&q, 7));
}

/* --- Exchange's placeholders --- */

static bool stub(const char *text)
{
	return imap_is_stub(text, strlen(text));
}

static void stubs(void)
{
	CHECK(stub("From: a\r\nSubject: Retrieval using the IMAP4 protocol failed for the following message: "
	           "7\r\n\r\nx"));
	CHECK(stub("SUBJECT: Retrieval using the IMAP4 protocol failed\r\n\r\n"));
	CHECK(!stub("Subject: Re: Retrieval using the IMAP4 protocol failed\r\n\r\n"));
	CHECK(!stub("From: a\r\n\r\nSubject: Retrieval using the IMAP4 protocol failed\r\n"));
	CHECK(!stub("X-Subject: Retrieval using the IMAP4 protocol failed\r\n\r\n"));
	CHECK(!stub("Subject: Retrieval using the IMAP4 proto"));
	CHECK(!stub(""));
	CHECK(!stub("Subject:"));
}

int main(void)
{
	TEST(a_rate_that_changes_by_the_hour);
	TEST(in_memory);
	TEST(too_large_for_memory);
	TEST(memory_is_used_up);
	TEST(moved);
	TEST(no_room_for_a_file);
	TEST(no_limit);
	TEST(limit);
	TEST(slots);
	TEST(slots_without_a_folder);
	TEST(troubled_messages);
	TEST(batches);
	TEST(queues);
	TEST(stubs);
	TEST_END;
}
