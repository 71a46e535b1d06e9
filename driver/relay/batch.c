#include "batch.h"

#include <stdlib.h>
#include <string.h>

void message_free(struct message *m)
{
	if (!m)
		return;
	free(m->options);
	spool_clear(&m->body);
	free(m);
}

struct unit *unit_of_messages(const char *mailbox, size_t n)
{
	struct unit *u = calloc(1, sizeof *u);

	if (u && !(u->mailbox = strndup(mailbox, n))) {
		free(u);
		u = NULL;
	}
	return u;
}

struct unit *unit_of_command(const char *tag, const char *command)
{
	struct unit *u = calloc(1, sizeof *u);

	if (u && !(u->command = strdup(command))) {
		free(u);
		u = NULL;
	}
	if (u)
		strncpy(u->tag, tag, sizeof u->tag - 1);
	return u;
}

void unit_add(struct unit *u, struct message *m)
{
	m->next = NULL;
	if (u->last)
		u->last->next = m;
	else
		u->first = m;
	u->last = m;
	u->count++;
	u->bytes += m->size;
}

void unit_free(struct unit *u)
{
	struct message *m;

	if (!u)
		return;
	while ((m = u->first)) {
		u->first = m->next;
		message_free(m);
	}
	free(u->mailbox);
	free(u->command);
	free(u->answer);
	free(u);
}

void queue_add(struct queue *q, struct unit *u)
{
	u->next = NULL;
	if (q->last)
		q->last->next = u;
	else
		q->first = u;
	q->last = u;
	q->count++;
}

void queue_push(struct queue *q, struct unit *u)
{
	u->next = q->first;
	q->first = u;
	if (!q->last)
		q->last = u;
	q->count++;
}

struct unit *queue_take(struct queue *q)
{
	struct unit *u = q->first;

	if (!u)
		return NULL;
	q->first = u->next;
	if (!q->first)
		q->last = NULL;
	q->count--;
	u->next = NULL;
	return u;
}

struct unit *queue_take_number(struct queue *q, int number)
{
	struct unit *u, *before = NULL;

	for (u = q->first; u && u->number != number; u = u->next)
		before = u;
	if (!u)
		return NULL;
	if (before)
		before->next = u->next;
	else
		q->first = u->next;
	if (q->last == u)
		q->last = before;
	q->count--;
	u->next = NULL;
	return u;
}

void queue_clear(struct queue *q)
{
	struct unit *u;

	while ((u = queue_take(q)))
		unit_free(u);
}
