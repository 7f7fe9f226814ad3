/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verify asks of the storage itself: SQLite's own checks, the hashes of bodies, and what a
 * walk does not show (counters beside the bitmaps, who decided, rejects).
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "core/histogram.h"
#include "ledger/sqlite/sqlite.h"

struct sq_check {
	struct sq *q;
	ledger_finding_fn fn;
	void *arg;
	int64_t findings;
};

static void sq_finding(struct sq_check *c, const char *invariant, const char *where,
		       const char *what)
{
	c->fn(c->arg, invariant, where, what);
	c->findings++;
}

/* A question whose every row is a finding: where, as a text. */
struct sq_question {
	const char *invariant;
	const char *sql;
	const char *what;
};

static const struct sq_question questions[] = {
	{"counters",
	 "SELECT 'run ' || run_id || ', chunk ' || id FROM chunk"
	 " WHERE n_done <> stint_popcount(done) OR n_running <> stint_running(started, done)"
	 " OR n_told <> stint_popcount(told)",
	 "its counters are not those of its bitmaps"},
	{"I7",
	 "SELECT 'run ' || run_id || ', chunk ' || id FROM chunk WHERE state <> 1 AND"
	 " n_running > 0",
	 "nobody holds it and items are running"},
	{"body",
	 "SELECT 'run ' || c.run_id || ', chunk ' || c.id FROM chunk AS c"
	 " LEFT JOIN chunk_body AS b ON b.chunk_id = c.id WHERE b.chunk_id IS NULL",
	 "its content is not there"},
	{"keys",
	 "SELECT 'chunk ' || c.id FROM chunk_keys AS k JOIN chunk AS c ON c.id = k.chunk_id"
	 " WHERE NOT json_valid(k.keys) OR json_array_length(k.keys) IS NOT c.n",
	 "its keys are not one for each item"},
	{"I13",
	 "SELECT 'run ' || l.run_id || ', item ' || l.item FROM loose AS l"
	 " LEFT JOIN audit_ AS a ON a.id = l.audit_id AND a.run_id = l.run_id AND a.item = l.item"
	 " WHERE (l.audit_id IS NOT NULL OR l.redo > 0) AND a.id IS NULL",
	 "a person decided on it and nothing says who"},
	{"conservation",
	 "SELECT 'run ' || r.id FROM run_ AS r WHERE r.n_rejected <>"
	 " (SELECT count(*) FROM reject_ AS j WHERE j.run_id = r.id)",
	 "the rejects it counted are not all there"},
	{"conservation",
	 "SELECT 'run ' || f.run_id FROM failure_ AS f GROUP BY f.run_id HAVING sum(f.n) >"
	 " (SELECT coalesce(sum(m.failed), 0) FROM " SQ_ROLLUP " AS m WHERE m.run_id = f.run_id)",
	 "more attempts failed by class than in all"},
	{"run",
	 "SELECT 'run ' || r.id FROM run_ AS r LEFT JOIN run_text AS t ON t.run_id = r.id"
	 " WHERE t.run_id IS NULL",
	 "its job is not there"},
	{"I12", "SELECT job || ' ' || due_key FROM run_ GROUP BY job, due_key HAVING count(*) > 1",
	 "two runs of a job have one slot"},
	{"batch",
	 "SELECT 'instance ' || i.inc FROM instance_ AS i"
	 " LEFT JOIN instance_batch AS b ON b.inc = i.inc WHERE b.inc IS NULL",
	 "the number of its last batch is not there"},
};

static int sq_ask(struct sq_check *c, const struct sq_question *question)
{
	struct arena a = {0};
	sqlite3_stmt *st = sq_query(c->q, question->sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(c->q, st)) == 1)
		sq_finding(c, question->invariant, sq_column_text(&a, st, 0), question->what);
	arena_done(&a);
	return rc;
}

/* SQLite's integrity_check says "ok" or what is wrong, a row each. */
static int sq_integrity(struct sq_check *c)
{
	static const char sql[] = "PRAGMA integrity_check(100)";
	struct arena a = {0};
	sqlite3_stmt *st = sq_query(c->q, sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(c->q, st)) == 1) {
		const char *said = sq_column_text(&a, st, 0);
		if (strcmp(said, "ok") != 0)
			sq_finding(c, "storage", c->q->path, said);
	}
	arena_done(&a);
	return rc;
}

static int sq_foreign_keys(struct sq_check *c)
{
	static const char sql[] = "PRAGMA foreign_key_check";
	char where[96];
	sqlite3_stmt *st = sq_query(c->q, sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(c->q, st)) == 1) {
		(void)snprintf(where, sizeof(where), "%s, row %lld", sqlite3_column_text(st, 0),
			       sqlite3_column_int64(st, 1)); /* may be cut */
		sq_finding(c, "storage", where, "it refers to a row that is not there");
	}
	return rc;
}

static int sq_bodies(struct sq_check *c)
{
	static const char sql[] = "SELECT chunk_id, hash, body FROM chunk_body";
	char where[64];
	sqlite3_stmt *st = sq_query(c->q, sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(c->q, st)) == 1) {
		uint8_t hash[XXH128_BYTES];
		hash_xxh128(sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2), hash);
		if (sqlite3_column_bytes(st, 1) == XXH128_BYTES &&
		    memcmp(sqlite3_column_blob(st, 1), hash, XXH128_BYTES) == 0)
			continue;
		(void)snprintf(where, sizeof(where), "chunk %lld",
			       sqlite3_column_int64(st, 0)); /* fits */
		sq_finding(c, "body", where, "its content is not what was loaded");
	}
	return rc;
}

static int sq_histograms(struct sq_check *c)
{
	static const char sql[] = "SELECT run_id, endpoint || ' ' || phase, histogram FROM latency";
	char where[96];
	struct histogram h = {0};
	struct err err = ERR_INIT;
	sqlite3_stmt *st = sq_query(c->q, sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(c->q, st)) == 1) {
		const void *bytes = sqlite3_column_blob(st, 2);
		if (histogram_get(bytes, (size_t)sqlite3_column_bytes(st, 2), &h, &err) == 0)
			continue;
		(void)snprintf(where, sizeof(where), "run %lld, %s", sqlite3_column_int64(st, 0),
			       sqlite3_column_text(st, 1)); /* may be cut */
		sq_finding(c, "latency", where, err.text);
	}
	return rc;
}

/* What cannot be read or asked at all is damage as well, and is told as such. */
static int sq_damage(struct sq_check *c, int rc)
{
	int primary = c->q->rc & 0xff;

	if (rc == 0 || (primary != SQLITE_CORRUPT && primary != SQLITE_ERROR))
		return rc;
	sq_finding(c, "storage", c->q->path, c->q->text);
	return 0;
}

int sq_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		     struct err *err)
{
	struct sq_check c = {sq_of(ledger), fn, arg, 0};
	int rc = sq_exec(c.q, "BEGIN"); /* one snapshot for all of it */

	if (rc == 0)
		rc = sq_damage(&c, sq_integrity(&c));
	if (rc == 0)
		rc = sq_damage(&c, sq_foreign_keys(&c));
	if (rc == 0)
		rc = sq_damage(&c, sq_bodies(&c));
	if (rc == 0)
		rc = sq_damage(&c, sq_histograms(&c));
	for (size_t i = 0; i < ARRAY_LEN(questions) && rc == 0; i++)
		rc = sq_damage(&c, sq_ask(&c, &questions[i]));
	if (rc < 0)
		rc = sq_err(c.q, err);
	sq_rollback(c.q); /* nothing was written */
	*ret_findings = c.findings;
	return rc;
}
