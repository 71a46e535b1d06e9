/* Single messages: what the relays said of those that did not come through. */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "json.h"
#include "relayed.h"
#include "relayed_private.h"
#include "state.h"

enum { NOTES_MAX = 100000 };

void relayed_add_note(struct relayed *r, const struct event *e)
{
	struct relayed_note *t;

	if (r->n >= NOTES_MAX)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;

		t = realloc(r->notes, cap * sizeof *t);
		if (!t)
			return;
		r->notes = t;
		r->cap = cap;
	}
	t = &r->notes[r->n];
	memset(t, 0, sizeof *t);
	t->side = e->side;
	t->stub = e->kind == EVENT_NOT_COPIED && !strcmp(e->reason, "stub");
	t->uid = e->side == SIDE_SOURCE ? e->uid : 0;
	t->size = e->size;
	snprintf(t->sha256, sizeof t->sha256, "%s", e->sha256);
	snprintf(t->reason, sizeof t->reason, "%.15s", e->reason);
	t->folder = strdup(e->folder);
	t->answer = malloc(4 * sizeof e->answer);
	if (t->folder && t->answer) {
		text_escape(t->answer, 4 * sizeof e->answer, e->answer, strlen(e->answer));
		r->n++;
	} else {
		free(t->folder);
		free(t->answer);
	}
}

static int by_sha(const void *a, const void *b)
{
	return strcmp((*(const struct relayed_note *const *)a)->sha256,
	              (*(const struct relayed_note *const *)b)->sha256);
}

/* A line of copied.jsonl: was it one that the destination refused? Then it has a source UID. */
static void resolve_line(struct relayed *r, struct relayed_note *const *refused, size_t n, const char *line)
{
	struct relayed_note key = {0}, *k = &key;
	struct relayed_note *const *found;
	struct event e = {.kind = EVENT_REFUSED, .side = SIDE_SOURCE};
	cJSON *o = cJSON_Parse(line);
	char side[16];
	size_t i;

	if (!cJSON_IsObject(o) || json_get_text(o, "side", side, sizeof side) || strcmp(side, "source") ||
	    json_get_text(o, "sha256", key.sha256, sizeof key.sha256) || json_get_u64(o, "size", &key.size) ||
	    json_get_u32(o, "uid", &e.uid) || json_get_text(o, "folder", e.folder, sizeof e.folder))
		goto out;
	found = bsearch(&k, refused, n, sizeof(*refused), by_sha);
	for (i = found ? (size_t)(found - refused) : n; i && i < n && !by_sha(&refused[i - 1], &refused[i]);)
		i--;
	for (; i < n && !strcmp(refused[i]->sha256, key.sha256); i++) {
		if (refused[i]->size != key.size)
			continue;
		snprintf(e.answer, sizeof e.answer, "%.511s", refused[i]->answer);
		snprintf(e.sha256, sizeof e.sha256, "%s", key.sha256);
		e.size = key.size;
		break;
	}
	if (e.size == key.size && e.sha256[0])
		relayed_add_note(r, &e);
out:
	cJSON_Delete(o);
}

void relayed_resolve(struct sync *s)
{
	struct relayed *r = s->relayed;
	struct relayed_note **refused;
	size_t i, n = 0, cap = 0;
	char *line = NULL;
	FILE *f;
	int fd;

	if (!r)
		return;
	for (i = 0; i < r->n; i++)
		n += r->notes[i].side == SIDE_DESTINATION && !r->notes[i].resolved;
	fd = n ? open(r->copied, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	f = fd >= 0 ? fdopen(fd, "r") : NULL;
	refused = calloc(n + 1, sizeof(*refused));
	if (!f || !refused || fseeko(f, r->from, SEEK_SET)) {
		if (f)
			fclose(f);
		else if (fd >= 0)
			close(fd);
		free(refused);
		return;
	}
	/* Room for what is added, so that the notes stay where they are while they are pointed at. */
	if (r->cap < r->n + 2 * n + 64) {
		struct relayed_note *more = realloc(r->notes, (r->n + 2 * n + 64) * sizeof *more);

		if (more) {
			r->notes = more;
			r->cap = r->n + 2 * n + 64;
		}
	}
	for (i = n = 0; i < r->n; i++)
		if (r->notes[i].side == SIDE_DESTINATION && !r->notes[i].resolved)
			refused[n++] = &r->notes[i];
	for (i = 0; i < n; i++)
		refused[i]->resolved = true;
	qsort(refused, n, sizeof(*refused), by_sha);
	while (r->n < r->cap && getline(&line, &cap, f) > 0)
		resolve_line(r, refused, n, line);
	free(line);
	fclose(f);
	free(refused);
}

/* Where the destination was not listed, its prefix is known only if it has none. */
void relayed_note_opened(struct relayed *r, const struct event *e)
{
	struct sync *s = r->sync;
	const struct folder_list bare = {.delimiter = s->plan.destination_delimiter},
				 *list = s->destination.list.n ? &s->destination.list : &bare;
	struct buf wire = BUF_INIT(8192);
	size_t i;

	if (list == &bare && !s->plan.destination_bare)
		return;
	for (i = 0; i < s->n_folders; i++) {
		buf_reset(&wire);
		if (folder_wire(list, s->plan.v[s->folders[i].choice].destination, &wire) ||
		    strcmp(buf_str(&wire), e->folder))
			continue;
		/* Opened again after a break in the connection, it has what mbsync has stored since. */
		if (!s->folders[i].next_there)
			s->folders[i].next_there = e->uidnext;
		break;
	}
	buf_clear(&wire);
}

/* The source's own name of a folder, as events tell it. */
static int source_wire(const struct sync *s, size_t folder, struct buf *wire)
{
	return folder_wire(&s->source.list, s->plan.v[s->folders[folder].choice].source, wire);
}

bool relayed_reason(const struct sync *s, size_t folder, uint32_t uid, const char **kind, char *text,
                    size_t size)
{
	const struct relayed *r = s->relayed;
	struct buf wire = BUF_INIT(8192);
	const struct relayed_note *found = NULL;
	const char *what;
	size_t i;

	if (!r || !r->n || source_wire(s, folder, &wire)) {
		buf_clear(&wire);
		return false;
	}
	for (i = r->n; i && !found; i--)
		if (r->notes[i - 1].uid == uid && !strcmp(r->notes[i - 1].folder, buf_str(&wire)))
			found = &r->notes[i - 1];
	buf_clear(&wire);
	if (!found)
		return false;
	/* Without a reason of the source's it is what the destination refused. */
	*kind = found->reason[0] ? "unreadable" : "refused";
	if (found->stub) {
		snprintf(text, size,
		         "the source gives only a stub in its place: an item that it cannot render");
	} else if (!strcmp(found->reason, "no-data")) {
		snprintf(text, size,
		         "the source answers without the message's text: an item that it cannot render");
	} else {
		what = classify_message_text(found->reason[0] ? MESSAGE_NO_FETCH : MESSAGE_REFUSED);
		snprintf(text, size, "%s%s%s", what, found->answer[0] ? ": " : "", found->answer);
	}
	return true;
}

/* A stub that has a counterpart at the destination was copied in the message's place. */
static bool was_copied(const struct state *state, uint32_t uid)
{
	size_t i;

	for (i = 0; i < state->count; i++)
		if (state->pairs[i].far == uid)
			return state->pairs[i].near != 0;
	return false;
}

static bool is_listed(const struct ledger *l, const char *folder, uint32_t uid)
{
	size_t i;

	for (i = 0; i < l->n_left; i++)
		if (l->left[i].uid == uid && !strcmp(l->left[i].folder, folder))
			return true;
	return false;
}

void relayed_list_stubs(struct sync *s)
{
	struct relayed *r = s->relayed;
	struct buf wire = BUF_INIT(8192);
	size_t i, k;

	for (i = 0; r && i < s->n_folders; i++) {
		const char *name = s->plan.v[s->folders[i].choice].source;
		struct err ignored = ERR_INIT;
		bool any = false, here = false;
		struct state state;

		for (k = 0; k < r->n && !any; k++)
			any = r->notes[k].stub && !r->notes[k].resolved;
		if (!any)
			break;
		buf_reset(&wire);
		if (source_wire(s, i, &wire))
			continue;
		for (k = 0; k < r->n && !here; k++)
			here = r->notes[k].stub && !r->notes[k].resolved &&
			       !strcmp(r->notes[k].folder, buf_str(&wire));
		if (!here || state_read(s->folders[i].state, &state, &ignored))
			continue;
		for (k = 0; k < r->n; k++) {
			struct relayed_note *t = &r->notes[k];
			struct ledger_message *m;

			if (!t->stub || t->resolved || strcmp(t->folder, buf_str(&wire)) ||
			    !was_copied(&state, t->uid))
				continue;
			t->resolved = true;
			m = is_listed(&s->ledger, name, t->uid) ? NULL : ledger_add_left(&s->ledger);
			if (!m)
				continue;
			m->uid = t->uid;
			ledger_set(&m->folder, name);
			ledger_set(&m->kind, "stub");
			ledger_set(&m->reason, SYNC_STUB_REASON);
		}
		state_clear(&state);
	}
	buf_clear(&wire);
}
