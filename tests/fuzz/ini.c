/* mbhaul.conf: the reader, and the profiles read from it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/ini.h"
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int use(const struct ini_entry *in, void *arg, struct err *e)
{
	static const char *const known[] = {"tenant", "client-id", "credential", NULL};

	(void)arg;
	(void)e;
	if (in->line < 1 || !in->section[0] || (!in->key && in->value[0]))
		abort();
	if (in->key)
		ini_nearest(in->key, known);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct profiles set;

	if (ini_parse((const char *)data, size, "f", use, NULL, &e) && !e.text[0])
		abort();
	if (!profiles_parse((const char *)data, size, "/f", &set, &e)) {
		profiles_by_user(&set, "a@example.com");
		for (size_t i = 0; i < set.n; i++)
			profile_allows(&set.list[i], "outlook.office365.com");
		profiles_clear(&set);
	}
	return 0;
}
