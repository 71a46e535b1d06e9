#include "secret.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "err.h"

int secret_init(struct secret *s, size_t max, struct err *e)
{
	void *p = mmap(NULL, max + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(s, 0, sizeof *s);
	if (p == MAP_FAILED)
		return err_errno(e, CODE_UNAVAILABLE, "no memory for a secret");
	madvise(p, max + 1, MADV_DONTDUMP);
	s->bytes = p;
	s->max = max;
	return 0;
}

int secret_add(struct secret *s, const void *bytes, size_t n, struct err *e)
{
	if (n > s->max - s->len)
		return err_set(e, CODE_UNAVAILABLE, "a secret is longer than %zu bytes", s->max);
	if (memchr(bytes, 0, n))
		return err_set(e, CODE_UNAVAILABLE, "a secret holds a NUL byte");
	memcpy(s->bytes + s->len, bytes, n);
	s->len += n;
	s->bytes[s->len] = 0;
	return 0;
}

void secret_cut(struct secret *s, size_t len)
{
	if (len >= s->len)
		return;
	explicit_bzero(s->bytes + len, s->len - len);
	s->len = len;
}

void secret_clear(struct secret *s)
{
	if (s->bytes) {
		explicit_bzero(s->bytes, s->max + 1);
		munmap(s->bytes, s->max + 1);
	}
	memset(s, 0, sizeof *s);
}

const char *secret_str(const struct secret *s)
{
	return s->bytes ? s->bytes : "";
}

void secret_harden_process(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
