/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that were done once (unique: job, within): a table with open addressing. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/memory/memory.h"

enum { SEEN_FIRST_CAP = 64 };

static uint64_t mem_seen_hash(const char *job, const char *key)
{
	/* The golden ratio parts the two hashes, so that job and key may change places. */
	return hash_xxh64(job, strlen(job)) * UINT64_C(0x9e3779b97f4a7c15) ^
	       hash_xxh64(key, strlen(key));
}

/* Where the key is or belongs; the table is never full. */
static struct mem_seen **mem_seen_slot(const struct mem_seen_table *t, const char *job,
				       const char *key)
{
	size_t mask = t->cap - 1;
	size_t i = (size_t)mem_seen_hash(job, key) & mask;

	while (t->at[i] != NULL &&
	       (strcmp(t->at[i]->key, key) != 0 || strcmp(t->at[i]->job, job) != 0))
		i = (i + 1) & mask;
	return &t->at[i];
}

static void mem_seen_grow(struct memory *m)
{
	struct mem_seen_table old = m->seen;

	MEM_TOUCH(m, &m->seen);
	m->seen.cap = old.cap == 0 ? SEEN_FIRST_CAP : 2 * old.cap;
	m->seen.at = arena_alloc(&m->arena, m->seen.cap * sizeof(struct mem_seen *));
	for (size_t i = 0; i < old.cap; i++)
		if (old.at[i] != NULL)
			*mem_seen_slot(&m->seen, old.at[i]->job, old.at[i]->key) = old.at[i];
}

const char *mem_seen_name(struct memory *m, const char *job, int32_t step)
{
	size_t size = strlen(job) + 16;

	if (step <= 1)
		return job;
	char *name = arena_alloc(&m->scratch, size);
	(void)snprintf(name, size, "%s\n%d", job, step); /* no job's name has two lines */
	return name;
}

void mem_seen_put(struct memory *m, const char *job, const char *key, int64_t at_ms)
{
	if (m->seen.n >= m->seen.cap / 2)
		mem_seen_grow(m);
	struct mem_seen **slot = mem_seen_slot(&m->seen, job, key);
	if (*slot != NULL) {
		MEM_TOUCH(m, *slot);
		(*slot)->at_ms = at_ms;
		return;
	}
	struct mem_seen *s = arena_new(&m->arena, struct mem_seen);
	*s = (struct mem_seen){mem_text(m, job), mem_text(m, key), at_ms};
	MEM_TOUCH(m, slot);
	*slot = s;
	MEM_TOUCH(m, &m->seen.n);
	m->seen.n++;
}

const struct mem_seen *mem_seen_find(const struct memory *m, const char *job, const char *key)
{
	return m->seen.cap == 0 ? NULL : *mem_seen_slot(&m->seen, job, key);
}
