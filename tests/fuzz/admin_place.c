#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/admin_open.h"
#include "driver/admin_place.h"
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A configuration that was right is right afterwards, with the profile as it was wanted. */
static void check(const struct buf *out, const struct admin_sealed *s, enum admin_place place)
{
	struct profiles profiles;
	struct err e = ERR_INIT;
	const struct profile *p;

	if (profiles_parse(buf_str(out), out->len, "/d/m.conf", &profiles, &e))
		abort();
	p = profiles_by_name(&profiles, "contoso");
	if (!p || strcmp(p->client_id, s->client_id) || (place != ADMIN_PLACE_DOMAIN && strcasecmp(p->tenant, s->tenant)))
		abort();
	profiles_clear(&profiles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct admin_sealed sealed = {.tenant = "9e9e9e9e-0000-1111-2222-333344445555",
	                                    .client_id = "0a1b2c3d-1111-2222-3333-444455556666"};
	const char *text = (const char *)data;
	struct buf out = BUF_INIT(1 << 20);
	struct profiles profiles;
	struct err e = ERR_INIT;
	enum admin_place place;
	bool right = !profiles_parse(text, size, "/d/m.conf", &profiles, &e);

	if (admin_place_edit(text, size, "/d/m.conf", "contoso", &sealed, &out, &place, &e)) {
		if (!e.code || !*e.text)
			abort();
	} else if (right && size < 3900) { /* longer ones may get a line that is too long, and are refused then */
		check(&out, &sealed, place);
	}
	profiles_clear(&profiles);
	buf_clear(&out);
	return 0;
}
