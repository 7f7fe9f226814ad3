/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views that people and their tools read: run, item, attempt, reject, instance, audit, minute,
 * breaker, quota.
 *
 * Promise: plain SQL, without any function of ours, so that every sqlite3 shell can read them.
 * Their
 *          names and columns are part of the interface (docs/ledger.md); they are made anew by
 *          every upgrade, so that they may change with the program while the tables stay.
 * Form:    what SQL repeats is written once: ledger/macro.h.
 * Note:    `item` has an arm for each state of bulk items, with the state as a constant: a query
 *          for dead items opens no chunk.
 */
#include <assert.h>

#include "base/buf.h"
#include "ledger/macro.h"
#include "ledger/sqlite/sqlite.h"

enum { VIEW_BYTES_MAX = 64 * 1024 };

static const struct ledger_macro macros[] = {
	/* 2026-11-23T14:51:14.123Z */
	{"iso", "strftime('%Y-%m-%dT%H:%M:%fZ', $1 / 1000.0, 'unixepoch')"},
	/* bit i.i of a bitmap: the hexadecimal digit that has it, shifted */
	{"bit", "((instr('0123456789ABCDEF', substr(hex(substr($1, i.i / 8 + 1, 1)), i.i % 8 / 4 +"
		" 1,"
		" 1)) - 1) >> (3 - i.i % 4) & 1)"},
	{"loose_state",
	 "CASE $1 WHEN 1 THEN 'retry' WHEN 2 THEN 'running' WHEN 3 THEN 'in_doubt' WHEN 4 THEN"
	 " 'dead'"
	 " WHEN 5 THEN 'done' WHEN 6 THEN 'skipped' WHEN 7 THEN 'in_doubt' WHEN 8 THEN 'in_doubt'"
	 " END"},
	/* sums over the chunks of run r that are ready or held; by index, without closed chunks */
	{"ready", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.run_id = r.id AND c.state ="
		  " 0), 0)"},
	{"held", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.state = 1 AND c.owner > 0"
		 " AND c.run_id = r.id), 0)"},
	{"loose", "(SELECT count(*) FROM loose AS l WHERE l.run_id = r.id AND l.state IN ($1))"},
	/* An instance that was killed counts until somebody noticed: SQL cannot see locks. */
	{"live", "(SELECT count(*) FROM run_instance AS ri JOIN instance_ AS n ON n.inc = ri.inc"
		 " WHERE ri.run_id = r.id AND n.state IN ($1))"},
	/* the name of a step; null where the job has none */
	{"step", "(SELECT nullif(s.name, '') FROM run_step AS s WHERE s.run_id = $1"
		 " AND s.step = $2)"},
	/* sums over open chunks, and loose rows, of step s */
	{"step_ready", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.run_id = s.run_id AND"
		       " c.step = s.step AND c.state = 0), 0)"},
	{"step_held", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.state = 1 AND c.owner > 0"
		      " AND c.run_id = s.run_id AND c.step = s.step), 0)"},
	{"step_loose", "(SELECT count(*) FROM loose AS l WHERE l.run_id = s.run_id AND l.step ="
		       " s.step AND l.state IN ($1))"},
	/* items in their chunks: state, attempts, instance */
	{"bulk", "SELECT r.name AS run, c.run_id, c.first_item + i.i AS item,"
		 " json_extract(k.keys, '$[' || i.i || ']') AS key, '$1' AS state, $2 AS attempts,"
		 " 0 AS crashes, NULL AS person, NULL AS error, NULL AS error_class,"
		 " NULL AS fingerprint, NULL AS first_started, NULL AS next_try, $3 AS instance,"
		 " c.id AS chunk_id, NULL AS doubt, (SELECT nullif(s.name, '')"
		 " FROM run_step AS s WHERE s.run_id = c.run_id AND s.step = c.step) AS step"
		 " FROM run_ AS r JOIN chunk AS c ON c.run_id = r.id"
		 " LEFT JOIN chunk_keys AS k ON k.chunk_id = c.id"
		 " CROSS JOIN number AS i ON i.i < c.n"},
	{NULL, NULL},
};

static const char run_view[] =
	"CREATE VIEW run AS SELECT r.id AS run_id, r.name AS run, r.job, r.slot, r.date, r.n AS"
	" number,"
	" CASE r.state"
	"  WHEN 1 THEN CASE WHEN @live(1, 2) = 0 THEN 'stopped' WHEN"
	"   (SELECT s.cursor FROM run_step AS s WHERE s.run_id = r.id"
	" AND s.step = r.step) IS NULL THEN"
	" 'starting'"
	"   ELSE 'loading' END"
	"  WHEN 2 THEN CASE WHEN @live(1, 2) = 0 THEN 'stopped' WHEN @live(1) = 0 THEN 'stopping'"
	"   ELSE 'running' END"
	"  WHEN 3 THEN 'paused'"
	"  WHEN 4 THEN CASE WHEN r.n_rejected > 0 OR @loose(3, 4, 7, 8) > 0 THEN"
	" 'done_with_failures'"
	"   ELSE 'done' END"
	"  WHEN 5 THEN 'abandoned' WHEN 6 THEN 'failed' WHEN 7 THEN 'missed' END AS state,"
	" r.reason, @iso(r.started_at) AS started, @iso(r.ended_at) AS ended, r.n_items AS items,"
	" @ready(c.n - c.n_done) + @held(c.n - c.n_done - c.n_running) AS waiting,"
	" @held(c.n_running) + @loose(2) AS running,"
	" r.n_items - @ready(c.n - c.n_done) - @held(c.n - c.n_done)"
	"  - @loose(1, 2, 3, 4, 6, 7, 8) AS done,"
	" @loose(6) AS skipped, @loose(1) AS retry, @loose(3, 7, 8) AS in_doubt, @loose(4) AS dead,"
	" r.n_read AS read, r.n_filtered AS filtered, r.n_rejected AS rejected,"
	" r.n_held_back AS held_back, @live(1, 2) AS instances, r.params, t.job_path,"
	" t.source_path,"
	" @step(r.id; r.step) AS step"
	" FROM run_ AS r JOIN run_text AS t ON t.run_id = r.id";

static const char step_view[] =
	"CREATE VIEW step AS SELECT r.name AS run, s.run_id, s.step AS number,"
	" nullif(s.name, '') AS step,"
	" CASE s.state WHEN 1 THEN CASE WHEN s.cursor IS NULL THEN 'waiting' ELSE 'loading' END"
	"  WHEN 2 THEN 'open' WHEN 4 THEN CASE WHEN s.n_rejected > 0 OR @step_loose(3, 4, 7, 8) > 0"
	"   THEN 'done_with_failures' ELSE 'done' END END AS state, s.first_item,"
	" s.n_items AS items,"
	" @step_ready(c.n - c.n_done) + @step_held(c.n - c.n_done - c.n_running) AS waiting,"
	" @step_held(c.n_running) + @step_loose(2) AS running,"
	" s.n_items - @step_ready(c.n - c.n_done) - @step_held(c.n - c.n_done)"
	"  - @step_loose(1, 2, 3, 4, 6, 7, 8) AS done,"
	" @step_loose(6) AS skipped, @step_loose(1) AS retry, @step_loose(3, 7, 8) AS in_doubt,"
	" @step_loose(4) AS dead, s.n_read AS read, s.n_filtered AS filtered,"
	" s.n_rejected AS rejected, s.n_held_back AS held_back"
	" FROM run_step AS s JOIN run_ AS r ON r.id = s.run_id";

static const char item_view[] =
	"CREATE VIEW item AS"
	" @bulk(waiting; 0; NULL) WHERE c.state = 0 AND c.n_done < c.n AND NOT @bit(c.done)"
	" UNION ALL"
	" @bulk(waiting; 0; c.owner) WHERE c.state = 1 AND c.owner > 0"
	"  AND c.n_done + c.n_running < c.n AND NOT @bit(c.done) AND NOT @bit(c.started)"
	" UNION ALL"
	" @bulk(running; 0; c.owner) WHERE c.state = 1 AND c.owner > 0 AND c.n_running > 0"
	"  AND @bit(c.started) AND NOT @bit(c.done)"
	" UNION ALL"
	" @bulk(done; 1; NULL) WHERE c.n_done > 0 AND (c.n_done = c.n OR @bit(c.done)) AND NOT"
	" EXISTS"
	"  (SELECT 1 FROM loose AS l WHERE l.run_id = c.run_id AND l.item = c.first_item + i.i)"
	" UNION ALL"
	" SELECT r.name, l.run_id, l.item, l.key, @loose_state(l.state), l.attempt, l.crashes,"
	" l.person,"
	"  nullif(l.err, ''), nullif(l.err_class, ''), nullif(l.fingerprint, ''),"
	"  @iso(l.first_started), CASE WHEN l.state IN (1, 3) THEN @iso(l.not_before) END, l.owner,"
	"  l.chunk_id, CASE l.state WHEN 3 THEN 'waiting' WHEN 7 THEN 'verifying'"
	"  WHEN 8 THEN 'asked' END, @step(l.run_id; l.step)"
	" FROM run_ AS r JOIN loose AS l ON l.run_id = r.id";

static const char attempt_view[] =
	"CREATE VIEW attempt AS SELECT r.name AS run, a.run_id, a.item,"
	" coalesce((SELECT l.key FROM loose AS l WHERE l.run_id = a.run_id AND l.item = a.item),"
	"  (SELECT json_extract(k.keys, '$[' || (a.item - c.first_item) || ']')"
	"   FROM chunk AS c JOIN chunk_keys AS k ON k.chunk_id = c.id WHERE c.run_id = a.run_id"
	"   AND c.first_item <= a.item ORDER BY c.first_item DESC LIMIT 1)) AS key,"
	" a.attempt AS number, @iso(a.at) AS at, a.inc AS instance, a.ms,"
	" CASE a.outcome WHEN 1 THEN 'done' WHEN 2 THEN"
	"   CASE a.is_probe WHEN 1 THEN 'not_done' ELSE 'retry' END WHEN 3 THEN 'dead'"
	"  WHEN 4 THEN 'all_alike' WHEN 5 THEN 'unknown' WHEN 6 THEN 'not_begun' END AS outcome,"
	" nullif(a.err_class, '') AS error_class, nullif(a.err, '') AS error,"
	" nullif(a.fingerprint, '') AS fingerprint, CAST(a.output AS TEXT) AS output, a.output_cut,"
	" CASE a.is_probe WHEN 1 THEN 'verify' ELSE 'attempt' END AS kind, a.keep,"
	" (SELECT nullif(s.name, '') FROM run_step AS s WHERE s.run_id = a.run_id"
	"  AND s.first_item <= a.item ORDER BY s.first_item DESC, s.step DESC LIMIT 1) AS step"
	" FROM attempt_ AS a JOIN run_ AS r ON r.id = a.run_id";

static const char reject_view[] =
	"CREATE VIEW reject AS SELECT r.name AS run, j.run_id, j.path, j.line, j.column_ AS"
	" \"column\","
	" j.offset, j.reason, j.key, CAST(j.raw AS TEXT) AS raw, j.is_cut AS raw_cut,"
	" hex(j.raw) AS raw_hex, @step(j.run_id; j.step) AS step"
	" FROM reject_ AS j JOIN run_ AS r ON r.id = j.run_id";

static const char instance_view[] =
	"CREATE VIEW instance AS SELECT n.inc AS instance, n.name, n.host, n.pid,"
	" CASE n.state WHEN 1 THEN 'live' WHEN 2 THEN 'stopping' WHEN 3 THEN 'ended'"
	"  WHEN 4 THEN 'reaped' END AS state,"
	" @iso(n.started_at) AS started, @iso(n.ended_at) AS ended, n.reaped_by,"
	" NULL AS heard," /* the kernel knows who lives */
	" (SELECT group_concat(r.name, ' ') FROM run_instance AS ri JOIN run_ AS r ON r.id ="
	" ri.run_id"
	"  WHERE ri.inc = n.inc) AS runs,"
	" (SELECT count(*) FROM chunk AS c WHERE c.state = 1 AND c.owner = n.inc) AS chunks,"
	" (SELECT count(*) FROM lane AS p WHERE p.inc = n.inc) AS lanes"
	" FROM instance_ AS n";

static const char audit_view[] =
	"CREATE VIEW audit AS SELECT @iso(a.at) AS at, a.who, a.why, a.verb, r.name AS run,"
	" a.run_id,"
	" a.item, CASE WHEN a.was = 0 THEN 'waiting' ELSE @loose_state(a.was) END AS was,"
	" @loose_state(a.became) AS became"
	" FROM audit_ AS a JOIN run_ AS r ON r.id = a.run_id";

static const char minute_view[] =
	"CREATE VIEW minute AS SELECT r.name AS run, m.run_id, @iso(m.minute) AS minute,"
	" m.inc AS instance, m.done, m.failed, m.us / 1000 AS ms, m.again, m.worked_us / 1000 AS"
	" worked_ms"
	" FROM " SQ_ROLLUP " AS m JOIN run_ AS r ON r.id = m.run_id";

static const char failure_view[] =
	"CREATE VIEW failure AS SELECT r.name AS run, f.run_id, f.endpoint, f.err_class AS"
	" error_class,"
	" f.inc AS instance, f.n AS attempts, f.us / 1000 AS ms, f.sample AS error"
	" FROM failure_ AS f JOIN run_ AS r ON r.id = f.run_id";

static const char breaker_view[] =
	"CREATE VIEW breaker AS SELECT b.endpoint,"
	" CASE WHEN b.is_open = 0 THEN 'closed' WHEN b.probe IS NULL THEN 'open'"
	" ELSE 'half_open' END AS state, @iso(b.first_open) AS since,"
	" CASE WHEN b.is_open = 1 THEN @iso(b.until) END AS next_probe, b.probe AS instance,"
	" b.reason, b.n_opened AS times, @iso(b.changed_at) AS changed FROM breaker_ AS b";

static const char ending_view[] =
	"CREATE VIEW ending AS SELECT r.name AS run, e.run_id, @step(e.run_id; e.step) AS step,"
	" CASE e.kind WHEN 1 THEN 'work' ELSE 'run' END AS kind,"
	" CASE WHEN e.is_done THEN 'done' WHEN e.owner IS NOT NULL THEN 'running'"
	" WHEN e.tries > 0 THEN 'failed' ELSE 'waiting' END AS state, e.owner AS instance,"
	" e.tries AS failures, nullif(e.err, '') AS error,"
	" CASE WHEN e.is_done = 0 AND e.not_before > 0 THEN @iso(e.not_before) END AS next_try,"
	" @iso(e.updated) AS at, nullif(e.result, '') AS result"
	" FROM ending_ AS e JOIN run_ AS r ON r.id = e.run_id";
static const char note_view[] =
	"CREATE VIEW note AS SELECT r.name AS run, n.run_id, @iso(n.at) AS at, n.inc AS instance,"
	" n.kind, n.text, @iso(n.until) AS until"
	" FROM note_ AS n JOIN run_ AS r ON r.id = n.run_id";

/* The period is in the quota's own zone, which the ledger does not know. */
static const char quota_view[] =
	"CREATE VIEW quota AS SELECT q.name,"
	" strftime('%Y-%m-%dT%H:%M', q.period / 1000.0, 'unixepoch') AS period, q.used"
	" FROM quota_ AS q";

/* What an instance is on. */
static const char pool_view[] =
	"CREATE VIEW pool AS SELECT h.name, r.name AS run, h.run_id, h.units,"
	" @iso(h.since) AS since FROM pool_hold AS h JOIN run_ AS r ON r.id = h.run_id"
	" WHERE EXISTS (SELECT 1 FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
	" WHERE ri.run_id = h.run_id AND i.state IN (1, 2))";

static const char endpoint_view[] =
	"CREATE VIEW endpoint AS SELECT r.name AS run, e.run_id, e.endpoint, e.inc AS instance,"
	" e.at_once, e.lowest, e.highest, e.most, coalesce(b.state, 'closed') AS breaker, b.since,"
	" b.next_probe, b.reason"
	" FROM endpoint_ AS e JOIN run_ AS r ON r.id = e.run_id"
	" LEFT JOIN breaker AS b ON b.endpoint = e.endpoint";

/* What nobody has moved into a run yet. */
static const char inbox_view[] = "CREATE VIEW inbox_item AS SELECT i.id, i.job, i.key, i.fields,"
				 " @iso(i.added_at) AS added FROM inbox AS i";

const char *const sq_views[] = {
	run_view,      item_view,    attempt_view, reject_view, instance_view, audit_view,
	minute_view,   failure_view, breaker_view, note_view,	ending_view,   quota_view,
	endpoint_view, step_view,    inbox_view,   pool_view,	NULL,
};

int sq_views_make(struct sq *q, const char *const *views)
{
	int rc = 0;

	for (; *views != NULL && rc == 0; views++) {
		AUTO(buf) struct buf sql = BUF_INIT(VIEW_BYTES_MAX);
		ledger_macros_put(&sql, *views, macros);
		assert(!sql.failed);
		rc = sq_exec(q, buf_str(&sql));
	}
	return rc;
}
