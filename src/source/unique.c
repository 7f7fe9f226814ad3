/* SPDX-License-Identifier: Apache-2.0 */
#include "source/unique.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
	SLOTS_DEFAULT = 1 << 20, /* of 32 bytes; at most 3/4 are used */
	SLOTS_LEAST = 16,
	BLOOM_BITS_LOG = 27, /* 16 MiB; one key in 200 is looked up in vain at 10 million keys */
	BLOOM_PROBES = 4,
	BLOOM_BLOCK_LOG = 9, /* bits of a cache line */
};

struct entry {
	uint64_t hash[2]; /* both 0: a free slot */
	int64_t line;
	uint32_t file;
};

struct unique {
	struct entry *slots; /* open addressing */
	size_t n_slots;	     /* a power of two */
	size_t n;
	uint8_t *bloom; /* NULL while nothing was spilled */
	sqlite3 *db;
	sqlite3_stmt *find;
	sqlite3_stmt *insert;
};

struct unique *unique_new(size_t max_in_memory)
{
	struct unique *u = xnew(struct unique);
	size_t wanted = max_in_memory == 0 ? SLOTS_DEFAULT : max_in_memory / 3 * 4;

	u->n_slots = SLOTS_LEAST;
	while (u->n_slots < wanted)
		u->n_slots *= 2;
	u->slots = xcalloc(u->n_slots, sizeof(*u->slots));
	return u;
}

void unique_free(struct unique *u)
{
	if (u == NULL)
		return;
	(void)sqlite3_finalize(u->find); /* repeats the last result, which was told */
	(void)sqlite3_finalize(u->insert);
	(void)sqlite3_close(u->db); /* the database goes with it */
	free(u->bloom);
	free(u->slots);
	free(u);
}

static int db_failed(const struct unique *u, struct err *err)
{
	int code = u->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(u->db) & 0xff;
	const char *why = u->db == NULL ? "no memory" : sqlite3_errmsg(u->db);

	if (code == SQLITE_FULL)
		return ERR(err, ERR_FULL,
			   "no space for the temporary file that looks for "
			   "duplicate keys (in $TMPDIR or /var/tmp)");
	return ERR(err, ERR_IO, "the temporary file that looks for duplicate keys: %s", why);
}

static int db_open(struct unique *u, struct err *err)
{
	/* Nothing here has to survive anything. */
	static const char setup[] = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
				    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-16384;"
				    "CREATE TABLE seen(hash BLOB PRIMARY KEY, file INTEGER,"
				    " line INTEGER) WITHOUT ROWID";
	static const char find[] = "SELECT file, line FROM seen WHERE hash = ?1";
	static const char insert[] = "INSERT INTO seen(hash, file, line) VALUES (?1, ?2, ?3)";
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	/* The empty name: a private file without a name, gone when it is closed. */
	if (sqlite3_open_v2("", &u->db, flags, NULL) != SQLITE_OK ||
	    sqlite3_exec(u->db, setup, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(u->db, find, -1, &u->find, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(u->db, insert, -1, &u->insert, NULL) != SQLITE_OK)
		return db_failed(u, err);
	u->bloom = xcalloc(1, (size_t)1 << (BLOOM_BITS_LOG - 3));
	return 0;
}

/* All probes of a key fall into one block, which is one line of the cache. */
static uint64_t bloom_bit(const uint64_t hash[2], unsigned probe)
{
	uint64_t block = hash[0] >> (64 - (BLOOM_BITS_LOG - BLOOM_BLOCK_LOG));
	uint64_t bit = (hash[1] >> (probe * BLOOM_BLOCK_LOG)) & ((1u << BLOOM_BLOCK_LOG) - 1);

	return block << BLOOM_BLOCK_LOG | bit;
}

static void bloom_add(struct unique *u, const uint64_t hash[2])
{
	for (unsigned i = 0; i < BLOOM_PROBES; i++) {
		uint64_t bit = bloom_bit(hash, i);
		u->bloom[bit / 8] = (uint8_t)(u->bloom[bit / 8] | (1u << (bit % 8)));
	}
}

static bool bloom_may_have(const struct unique *u, const uint64_t hash[2])
{
	for (unsigned i = 0; i < BLOOM_PROBES; i++) {
		uint64_t bit = bloom_bit(hash, i);
		if ((u->bloom[bit / 8] & (1u << (bit % 8))) == 0)
			return false;
	}
	return true;
}

/* By bytes, as SQLite compares blobs: in this order its tree grows at one end. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return memcmp(x->hash, y->hash, sizeof(x->hash));
}

static int insert_all(struct unique *u, size_t n, struct err *err)
{
	if (sqlite3_exec(u->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return db_failed(u, err);
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &u->slots[i];
		bool is_in = sqlite3_bind_blob(u->insert, 1, e->hash, sizeof(e->hash),
					       SQLITE_STATIC) == SQLITE_OK &&
			     sqlite3_bind_int64(u->insert, 2, e->file) == SQLITE_OK &&
			     sqlite3_bind_int64(u->insert, 3, e->line) == SQLITE_OK &&
			     sqlite3_step(u->insert) == SQLITE_DONE &&
			     sqlite3_reset(u->insert) == SQLITE_OK;
		if (!is_in)
			return db_failed(u, err);
		bloom_add(u, e->hash);
	}
	return sqlite3_exec(u->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? 0 : db_failed(u, err);
}

/* Moves everything from memory to the database. */
static int spill(struct unique *u, struct err *err)
{
	size_t n = 0;
	int rc = u->db == NULL ? db_open(u, err) : 0;

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < u->n_slots; i++) {
		if ((u->slots[i].hash[0] | u->slots[i].hash[1]) != 0)
			u->slots[n++] = u->slots[i];
	}
	qsort(u->slots, n, sizeof(*u->slots), compare_entries);
	rc = insert_all(u, n, err);
	memset(u->slots, 0, u->n_slots * sizeof(*u->slots));
	u->n = 0;
	return rc;
}

static int find_spilled(struct unique *u, const uint64_t hash[2], struct unique_place *ret_first,
			struct err *err)
{
	if (u->bloom == NULL || !bloom_may_have(u, hash))
		return 0;
	if (sqlite3_bind_blob(u->find, 1, hash, 2 * sizeof(hash[0]), SQLITE_STATIC) != SQLITE_OK)
		return db_failed(u, err);
	int step = sqlite3_step(u->find);
	if (step == SQLITE_ROW) {
		ret_first->file = (uint32_t)sqlite3_column_int64(u->find, 0);
		ret_first->line = sqlite3_column_int64(u->find, 1);
	}
	if (sqlite3_reset(u->find) != SQLITE_OK || (step != SQLITE_ROW && step != SQLITE_DONE))
		return db_failed(u, err);
	return step == SQLITE_ROW ? UNIQUE_TWICE : 0;
}

/* The slot with the hash, or the free one where it belongs. */
static struct entry *find_slot(const struct unique *u, const uint64_t hash[2])
{
	size_t i = (size_t)hash[0] & (u->n_slots - 1);

	for (;; i = (i + 1) & (u->n_slots - 1)) {
		struct entry *e = &u->slots[i];
		if ((e->hash[0] | e->hash[1]) == 0 ||
		    (e->hash[0] == hash[0] && e->hash[1] == hash[1]))
			return e;
	}
}

int unique_add(struct unique *u, const char *key, size_t len, const struct unique_place *place,
	       struct unique_place *ret_first, struct err *err)
{
	uint64_t hash[2] = {0};
	uint8_t digest[XXH128_BYTES];

	assert(u != NULL && key != NULL && place != NULL && ret_first != NULL);
	hash_xxh128(key, len, digest);
	memcpy(hash, digest, sizeof(hash));
	hash[0] += (hash[0] | hash[1]) == 0; /* that is a free slot */
	struct entry *e = find_slot(u, hash);
	if ((e->hash[0] | e->hash[1]) != 0) {
		*ret_first = (struct unique_place){.file = e->file, .line = e->line};
		return UNIQUE_TWICE;
	}
	int rc = find_spilled(u, hash, ret_first, err);
	if (rc != 0)
		return rc;
	if (u->n >= u->n_slots / 4 * 3) {
		rc = spill(u, err);
		if (rc != 0)
			return rc;
		e = find_slot(u, hash);
	}
	*e = (struct entry){.hash = {hash[0], hash[1]}, .line = place->line, .file = place->file};
	u->n++;
	return 0;
}
