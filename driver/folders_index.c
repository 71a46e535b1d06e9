#include "folders_index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: the keys are the names of one mailbox's folders, nobody gains from collisions. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

/* The slot of key, or the free one where it belongs. size is a power of two and never full. */
static struct folder_index_slot *probe(struct folder_index_slot *slot, size_t size, const char *key)
{
	size_t i = (size_t)hash(key) & (size - 1);

	while (slot[i].key && strcmp(slot[i].key, key))
		i = (i + 1) & (size - 1);
	return &slot[i];
}

static int grow(struct folder_index *x)
{
	size_t size = x->size ? x->size * 2 : 64, i;
	struct folder_index_slot *slot = calloc(size, sizeof(*slot));

	if (!slot)
		return -1;
	for (i = 0; i < x->size; i++)
		if (x->slot[i].key)
			*probe(slot, size, x->slot[i].key) = x->slot[i];
	free(x->slot);
	x->slot = slot;
	x->size = size;
	return 0;
}

int folder_index_add(struct folder_index *x, const char *key, size_t value)
{
	struct folder_index_slot *s;

	if ((x->n + 1) * 2 > x->size && grow(x))
		return -1;
	s = probe(x->slot, x->size, key);
	if (s->key)
		return 0;
	s->key = strdup(key);
	if (!s->key)
		return -1;
	s->value = value;
	x->n++;
	return 1;
}

bool folder_index_find(const struct folder_index *x, const char *key, size_t *value)
{
	const struct folder_index_slot *s;

	if (!x->n)
		return false;
	s = probe(x->slot, x->size, key);
	if (s->key && value)
		*value = s->value;
	return s->key != NULL;
}

void folder_index_clear(struct folder_index *x)
{
	size_t i;

	for (i = 0; i < x->size; i++)
		free(x->slot[i].key);
	free(x->slot);
	*x = (struct folder_index){0};
}
