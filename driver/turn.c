#include "turn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "conf.h"
#include "engine.h"
#include "gate.h"
#include "overview.h"
#include "seat.h"
#include "table.h"

long long turn_asked(enum ledger_state state, long long next, long long finished, long long now)
{
	long long left = next - now;

	if (state != LEDGER_LATER || left <= 0)
		return 0;
	if (finished && left > next - finished)
		left = next - finished;
	return left > 0 ? left : 0;
}

/* What is in the way now; "" in *why: nothing. */
struct obstacle {
	char why[1100], hint[300];
	bool too_long; /* to be waited for here */
	bool no_seat;
};

static void closed(const struct turn *t, long long now, struct obstacle *o)
{
	struct gate g;

	if (t->anytime)
		gate_look_disk(t->conf, &g);
	else
		gate_look(t->conf, now, &g);
	text_copy(o->why, sizeof o->why, g.text);
	text_copy(o->hint, sizeof o->hint, g.hint);
}

static int asked(const struct turn *t, long long now, struct obstacle *o, struct err *e)
{
	char clock[32];
	struct ledger l;
	long long left;

	if (ledger_read_head(t->status_path, &l, e))
		return -1;
	left = turn_asked(l.state, l.next, l.finished, now);
	if (left) {
		struct buf text = BUF_INIT(sizeof o->why - 1);

		overview_clock(clock, now + left, now);
		buf_addf(&text, "not before %s", clock);
		if (l.text && *l.text) {
			buf_adds(&text, ": ");
			table_text(&text, l.text);
		}
		text_copy(o->why, sizeof o->why, buf_str(&text));
		text_copy(o->hint, sizeof o->hint, "without --wait it is tried at once");
		o->too_long = left > TURN_ASKED_MOST;
		buf_clear(&text);
	}
	ledger_clear(&l);
	return 0;
}

int turn_take(struct turn *t, struct err *e)
{
	char told[sizeof(((struct obstacle *)0)->why)] = "";

	for (;;) {
		const long long now = (long long)time(NULL);
		struct obstacle o = {0};

		closed(t, now, &o);
		/* Who did not ask to wait wants to try now, whatever the server said. */
		if (!o.why[0] && t->wait && asked(t, now, &o, e))
			return -1;
		if (!o.why[0] && !seat_take(t->seat)) {
			o.no_seat = true;
			seat_say(t->seat, o.why, sizeof o.why);
		}
		if (!o.why[0])
			return 0;
		if (!t->wait || o.too_long || engine_stop) {
			err_set(e, CODE_LATER, "%s%s", engine_stop ? "stopped while it waited: " : "", o.why);
			if (o.hint[0])
				err_hint(e, "%s", o.hint);
			return -1;
		}
		if (!t->quiet && strcmp(told, o.why) != 0) {
			printf("%s: waits: %s\n", t->address, o.why);
			fflush(stdout);
			text_copy(told, sizeof told, o.why);
		}
		/* Each look at the seats takes all their locks, perhaps over a network. */
		engine_sleep(o.no_seat ? 3 : 1);
	}
}
