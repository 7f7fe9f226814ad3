/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verify asks of the storage itself: the hashes of bodies, and what a walk does not show (who
 * decided, rejects). That its files are whole is for the server's extension amcheck to say, where
 * the database has it; what cannot be read shows here all the same, since all of it is read.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "core/histogram.h"
#include "ledger/postgres/postgres.h"

enum { BODIES_PAGE = 16, HISTOGRAMS_PAGE = 200 };

struct pl_check {
	struct pl *q;
	ledger_finding_fn fn;
	void *arg;
	int64_t findings;
};

static void pl_finding(struct pl_check *c, const char *invariant, const char *where,
		       const char *what)
{
	c->fn(c->arg, invariant, where, what);
	c->findings++;
}

/* A question whose every row is a finding: where, as a text. */
struct pl_question {
	const char *invariant;
	const char *sql;
	const char *what;
};

static const struct pl_question questions[] = {
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
	 " WHERE json_count(k.keys) <> c.n",
	 "its keys are not one for each item"},
	{"I13",
	 "SELECT 'run ' || l.run_id || ', item ' || l.item FROM loose AS l"
	 " LEFT JOIN audit_ AS a ON a.id = l.audit_id AND a.run_id = l.run_id AND a.item = l.item"
	 " WHERE (l.audit_id IS NOT NULL OR l.redo > 0) AND a.id IS NULL",
	 "a person decided on it and nothing says who"},
	{"conservation",
	 "SELECT 'run ' || r.id FROM run_now AS r WHERE r.n_rejected <>"
	 " (SELECT count(*) FROM reject_ AS j WHERE j.run_id = r.id)",
	 "the rejects it counted are not all there"},
	{"conservation",
	 "SELECT 'run ' || f.run_id FROM failure_ AS f GROUP BY f.run_id HAVING sum(f.n) >"
	 " (SELECT coalesce(sum(m.failed), 0) FROM rollup AS m WHERE m.run_id = f.run_id)",
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

static int pl_ask(struct pl_check *c, const struct pl_question *question)
{
	struct arena a = {0};
	AUTO(pl_rows) PGresult *rows = pl_query(c->q, question->sql, PL_NO_ARGS);

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++)
		pl_finding(c, question->invariant, pl_text(&a, rows, i, 0), question->what);
	arena_done(&a);
	return 0;
}

static int pl_bodies(struct pl_check *c)
{
	static const char sql[] = "SELECT chunk_id, hash, body FROM chunk_body WHERE chunk_id > $1"
				  " ORDER BY chunk_id LIMIT $2";
	char where[64];
	int64_t id = -1;

	for (int n = BODIES_PAGE; n == BODIES_PAGE;) {
		AUTO(pl_rows)
		PGresult *rows = pl_query(c->q, sql, PL_ARGS(PL_INT(id), PL_INT(BODIES_PAGE)));
		if (rows == NULL)
			return PL_FAILED;
		n = PQntuples(rows);
		for (int i = 0; i < n; i++) {
			uint8_t hash[XXH128_BYTES];
			id = pl_int(rows, i, 0);
			hash_xxh128(PQgetvalue(rows, i, 2), (size_t)PQgetlength(rows, i, 2), hash);
			if (PQgetlength(rows, i, 1) == XXH128_BYTES &&
			    memcmp(PQgetvalue(rows, i, 1), hash, XXH128_BYTES) == 0)
				continue;
			(void)snprintf(where, sizeof(where), "chunk %lld",
				       (long long)id); /* fits */
			pl_finding(c, "body", where, "its content is not what was loaded");
		}
	}
	return 0;
}

static int pl_histograms(struct pl_check *c)
{
	static const char sql[] = "SELECT run_id, endpoint || ' ' || phase, histogram FROM latency"
				  " ORDER BY run_id, endpoint, phase, inc OFFSET $1 LIMIT $2";
	char where[96];
	struct histogram h = {0};
	struct err err = ERR_INIT;
	int64_t seen = 0;

	for (int n = HISTOGRAMS_PAGE; n == HISTOGRAMS_PAGE;) {
		AUTO(pl_rows)
		PGresult *rows = pl_query(c->q, sql,
					  PL_ARGS(PL_INT(seen), PL_INT(HISTOGRAMS_PAGE)));
		if (rows == NULL)
			return PL_FAILED;
		n = PQntuples(rows);
		seen += n;
		for (int i = 0; i < n; i++) {
			if (histogram_get(PQgetvalue(rows, i, 2), (size_t)PQgetlength(rows, i, 2),
					  &h, &err) == 0)
				continue;
			(void)snprintf(where, sizeof(where), "run %lld, %.*s",
				       (long long)pl_int(rows, i, 0), PQgetlength(rows, i, 1),
				       PQgetvalue(rows, i, 1)); /* may be cut */
			pl_finding(c, "latency", where, err.text);
		}
	}
	return 0;
}

static int pl_amcheck(struct pl_check *c)
{
	static const char sql[] = "SELECT coalesce(place, ''), what FROM storage_findings()";
	struct arena a = {0};
	AUTO(pl_rows) PGresult *rows = pl_query(c->q, sql, PL_NO_ARGS);

	if (rows == NULL)
		return PL_FAILED;
	c->q->base.not_checked[0] = '\0';
	for (int i = 0; i < PQntuples(rows); i++) {
		const char *place = pl_text(&a, rows, i, 0);
		const char *what = pl_text(&a, rows, i, 1);
		if (place[0] != '\0')
			pl_finding(c, "storage", place, what);
		else
			(void)snprintf(c->q->base.not_checked, sizeof(c->q->base.not_checked), "%s",
				       what); /* fits */
	}
	arena_done(&a);
	return 0;
}

/* What the server cannot read is damage, and told as such; the transaction is over with it. */
static int pl_damage(struct pl_check *c, int rc)
{
	if (rc == 0 || pg_class_of(c->q->sqlstate) != PG_SERVER)
		return rc;
	pl_finding(c, "storage", c->q->shown, c->q->text);
	return rc;
}

int pl_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		     struct err *err)
{
	struct pl_check c = {pl_of(ledger), fn, arg, 0};
	int rc = pl_begin(c.q, false, err);

	if (rc < 0)
		return rc;
	rc = pl_amcheck(&c);
	if (rc == 0)
		rc = pl_bodies(&c);
	if (rc == 0)
		rc = pl_histograms(&c);
	for (size_t i = 0; i < ARRAY_LEN(questions) && rc == 0; i++)
		rc = pl_ask(&c, &questions[i]);
	bool is_damage = rc < 0 && pl_damage(&c, rc) < 0 && c.findings > 0 &&
			 pg_class_of(c.q->sqlstate) == PG_SERVER;
	rc = pl_end(c.q, rc, err);
	*ret_findings = c.findings;
	return is_damage ? 0 : rc;
}
