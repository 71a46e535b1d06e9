/* The unit tests' few macros. Each check prints a line that tests/count adds up. */
#ifndef MBHAUL_TEST_H
#define MBHAUL_TEST_H

#include <stdio.h>
#include <string.h>

static int test_failures;

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			printf("  %s:%d: %s\n", __FILE__, __LINE__, #cond);                                  \
			test_failures++;                                                                     \
		}                                                                                            \
	} while (0)

#define CHECK_STR(got, want)                                                                                 \
	do {                                                                                                 \
		const char *g_ = (got), *w_ = (want);                                                        \
		if (strcmp(g_, w_)) {                                                                        \
			printf("  %s:%d: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, g_, w_);            \
			test_failures++;                                                                     \
		}                                                                                            \
	} while (0)

/* Runs one function of checks as one test: "ok - name" or "not ok - name". */
#define TEST(fn)                                                                                             \
	do {                                                                                                 \
		int before_ = test_failures;                                                                 \
		fn();                                                                                        \
		printf("%s - %s\n", test_failures == before_ ? "ok" : "not ok", #fn);                        \
	} while (0)

#define TEST_END return test_failures != 0

#endif
