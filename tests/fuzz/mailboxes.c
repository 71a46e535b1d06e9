#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/secret.h"
#include "driver/mailboxes.h"
#include "driver/mailboxes_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mailboxes boxes, again = {0};
	struct secret password = {0};
	struct err e = ERR_INIT;
	int rc = mailboxes_parse((const char *)data, size, "m.csv", &boxes, &e);

	if (rc ? !boxes.n_problems || e.code != CODE_DATA : boxes.n_problems || !(boxes.n + boxes.skipped))
		abort();
	for (size_t i = 0; i < boxes.n; i++) {
		const struct mailbox *row = &boxes.list[i];

		if (mailboxes_address_problem(row->address, true) ||
		    mailboxes_address_problem(row->destination, false) ||
		    mailboxes_find(&boxes, row->address) != row)
			abort();
	}
	/* A good row has a password exactly if it can be had. */
	if (!rc && boxes.n && !secret_init(&password, 4096, &e)) {
		if (mailboxes_read_password((const char *)data, size, boxes.list[0].address, &again,
		                            &password, &e) != boxes.list[0].has_password)
			abort();
		secret_clear(&password);
		mailboxes_clear(&again);
	}
	mailboxes_clear(&boxes);
	return 0;
}
