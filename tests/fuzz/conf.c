#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/conf.h"
#include "driver/mbsyncrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c;
	struct err e = ERR_INIT;
	struct buf patterns = BUF_INIT(1 << 20);

	if (conf_parse((const char *)data, size, "/d/mbhaul.conf", &c, &e)) {
		if (!e.code || !*e.text || strlen(e.text) >= sizeof(e.text))
			abort();
	} else {
		char *user = conf_expand(c.destination_user, "a@b");

		if (!c.source.host || !c.destination.host || !c.source.profile || c.fleet.haul[0] != '/' ||
		    !user)
			abort();
		free(user);
		for (int d = MBSYNC_14; d <= MBSYNC_15; d++) {
			buf_reset(&patterns);
			if (mbsyncrc_patterns((enum mbsync_dialect)d, &c.folders, &patterns, &e) && !*e.text)
				abort();
		}
	}
	buf_clear(&patterns);
	conf_clear(&c);
	return 0;
}
