#include "driver/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "test.h"

static char path[] = "PATH=/usr/bin:/bin";
static char *const env[] = {path, NULL};

struct heard {
	char text[200];
	bool enough;
};

static void on_line(void *arg, const char *text, size_t n)
{
	struct heard *h = arg;
	size_t used = strlen(h->text);

	snprintf(h->text + used, sizeof h->text - used, "%.*s;", (int)n, text);
}

static struct engine_child *start(const char *script, const char **argv, struct heard *h)
{
	struct engine_job job = {.argv = argv, .envp = env, .line = on_line, .enough = &h->enough, .arg = h};
	struct err e = ERR_INIT;

	memset(h, 0, sizeof *h);
	argv[0] = "/bin/sh";
	argv[1] = "-c";
	argv[2] = script;
	argv[3] = NULL;
	return engine_start(&job, &e);
}

static long long run(struct engine_child **v, size_t n, int *status, bool *ended)
{
	long long begun = file_now_ms();
	size_t i, over = 0;

	for (i = 0; i < n; i++)
		CHECK(v[i] != NULL);
	while (over < n && file_now_ms() - begun < 20000) {
		engine_poll(v, n, 100);
		for (i = 0; i < n; i++) {
			if (!v[i] || !engine_over(v[i], &status[i], &ended[i]))
				continue;
			engine_free(v[i]);
			v[i] = NULL;
			over++;
		}
	}
	CHECK(over == n);
	return file_now_ms() - begun;
}

static void several_at_once(void)
{
	const char *argv[3][4];
	struct heard h[3];
	struct engine_child *v[3];
	int status[3];
	bool ended[3];

	v[0] = start("echo a; sleep 0.5; printf 'b\\r\\nc'", argv[0], &h[0]);
	v[1] = start("sleep 0.5; echo d; exit 3", argv[1], &h[1]);
	v[2] = start("kill -9 $$", argv[2], &h[2]);
	CHECK(run(v, 3, status, ended) < 1500);
	CHECK(status[0] == 0 && status[1] == 3 && status[2] == 137 && !ended[0] && !ended[1] && !ended[2]);
	CHECK_STR(h[0].text, "a;b;c;");
	CHECK_STR(h[1].text, "d;");
}

static void over_only_when_its_group_is_gone(void)
{
	const char *argv[4];
	struct heard h;
	struct engine_child *v = start("(sleep 1) >/dev/null 2>&1 & echo x", argv, &h);
	int status;
	bool ended;

	CHECK(run(&v, 1, &status, &ended) >= 900);
	CHECK(status == 0 && !ended);
	CHECK_STR(h.text, "x;");
}

static void what_hangs_in_its_group_is_ended(void)
{
	const char *argv[4];
	struct heard h;
	struct engine_child *v = start("(sleep 100) >/dev/null 2>&1 & exit 4", argv, &h);
	int status;
	bool ended;

	CHECK(run(&v, 1, &status, &ended) < 9000);
	CHECK(status == 4 && !ended);
}

static void one_of_two_is_enough(void)
{
	const char *argv[2][4];
	struct heard h[2];
	struct engine_child *v[2];
	int status[2];
	bool ended[2];

	v[0] = start("sleep 100", argv[0], &h[0]);
	v[1] = start("sleep 0.5; echo y", argv[1], &h[1]);
	h[0].enough = true;
	CHECK(run(v, 2, status, ended) < 3000);
	CHECK(status[0] == 143 && ended[0] && status[1] == 0 && !ended[1]);
}

static void one_more_variable(void)
{
	char **more = engine_environment_with(env, "A=b");

	CHECK(more && !strcmp(more[0], env[0]) && !strcmp(more[1], "A=b") && !more[2]);
	free(more);
}

int main(void)
{
	TEST(several_at_once);
	TEST(over_only_when_its_group_is_gone);
	TEST(what_hangs_in_its_group_is_ended);
	TEST(one_of_two_is_enough);
	TEST(one_more_variable);
	TEST_END;
}
