/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views that people and their tools read: run, item, attempt, reject, instance, audit, minute,
 * failure, breaker, note, quota, endpoint. Names, columns and values are those of sqlite/views.c.
 *
 * They are made anew by every upgrade. Texts compare byte by byte (COLLATE "C"), as in SQLite, so
 * that pages of a list follow each other the same way whatever the database's language is.
 *
 * What SQL repeats is written once: as a macro (ledger/macro.h) where indexes are to be used, else
 * as a function of the schema.
 */
#include "ledger/postgres/postgres.h"

/* 2026-11-23T14:51:14.123Z; null where a time is beyond what has a date. */
static const char iso[] =
	"CREATE OR REPLACE FUNCTION iso(ms bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$"
	" SELECT CASE WHEN ms BETWEEN -62135596800000 AND 253402300799999 THEN"
	" to_char(timestamp 'epoch' + ms * interval '1 millisecond',"
	"  'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') END COLLATE \"C\" $$";

static const char loose_state[] =
	"CREATE OR REPLACE FUNCTION loose_state(state bigint) RETURNS text LANGUAGE sql IMMUTABLE"
	" AS $$ SELECT CASE state WHEN 1 THEN 'retry' WHEN 2 THEN 'running' WHEN 3 THEN 'in_doubt'"
	" WHEN 4 THEN 'dead' WHEN 5 THEN 'done' WHEN 6 THEN 'skipped' WHEN 7 THEN 'in_doubt'"
	" WHEN 8 THEN 'in_doubt' END $$";

/* What programs say is bytes, and a text of PostgreSQL is not: what is no UTF-8 is escaped. */
static const char readable[] =
	"CREATE OR REPLACE FUNCTION readable(said bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
	" $$ BEGIN RETURN convert_from(said, 'UTF8'); EXCEPTION WHEN OTHERS THEN"
	" RETURN encode(said, 'escape'); END $$";

/* How many texts a JSON array has; -1 when it is none. */
static const char json_count[] =
	"CREATE OR REPLACE FUNCTION json_count(keys text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE"
	" AS $$ BEGIN RETURN json_array_length(keys::json); EXCEPTION WHEN OTHERS THEN RETURN -1;"
	" END $$";

/* SQLite has it, and so queries that run on both use it. */
static const char joined[] =
	"CREATE OR REPLACE FUNCTION joined(so_far text, more text) RETURNS text LANGUAGE sql"
	" IMMUTABLE AS $$ SELECT CASE WHEN so_far IS NULL THEN more WHEN more IS NULL THEN so_far"
	" ELSE so_far || ',' || more END $$";
/* What amcheck says of the tables and B-trees of the schema, one row each: a place, and what is
 * wrong there. A row without a place: it says nothing, and why. (What cannot be read is an error of
 * its own, of which the next place is independent.) */
static const char storage_findings[] =
	"CREATE OR REPLACE FUNCTION storage_findings(OUT place text, OUT what text)"
	" RETURNS SETOF record LANGUAGE plpgsql AS $$ DECLARE home text; c record; BEGIN"
	" SELECT n.nspname INTO home FROM pg_extension AS e"
	"  JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck';"
	" IF home IS NULL THEN what := 'the database has no extension amcheck';"
	"  RETURN NEXT; RETURN; END IF;"
	" IF NOT (SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc AS p"
	"  JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = home AND"
	"  (p.proname = 'verify_heapam' OR (p.proname = 'bt_index_check' AND p.pronargs = 2))) THEN"
	"  what := 'this role may not execute verify_heapam and bt_index_check of amcheck';"
	"  RETURN NEXT; RETURN; END IF;"
	" FOR c IN SELECT r.oid::regclass AS name, r.relkind FROM pg_class AS r"
	"  LEFT JOIN pg_am AS a ON a.oid = r.relam WHERE r.relnamespace = 'stint'::regnamespace AND"
	"  (r.relkind = 'r' OR (r.relkind = 'i' AND a.amname = 'btree')) ORDER BY r.relname LOOP"
	"  BEGIN place := c.name;"
	"   IF c.relkind = 'i' THEN EXECUTE"
	"    format('SELECT %I.bt_index_check(%L, true)', home, c.name);"
	"   ELSE RETURN QUERY EXECUTE format('SELECT %L || '', block '' || blkno, msg"
	"    FROM %I.verify_heapam(%L)', c.name, home, c.name); END IF;"
	"  EXCEPTION WHEN data_corrupted OR index_corrupted OR io_error OR internal_error THEN"
	"   what := SQLERRM; RETURN NEXT; END; END LOOP; END $$";

static const char group_concat[] =
	"DO $$ BEGIN IF to_regprocedure('stint.group_concat(text)') IS NULL THEN"
	" CREATE AGGREGATE stint.group_concat(text) (SFUNC = stint.joined, STYPE = text);"
	" END IF; END $$";

const struct ledger_macro pl_macros[] = {
	/* sums over the chunks of run r that are ready or held; by index, without closed chunks */
	{"ready", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.run_id = r.id AND c.state = 0),"
		  " 0)::bigint"},
	{"held", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.state = 1 AND c.owner > 0"
		 " AND c.run_id = r.id), 0)::bigint"},
	{"loose", "(SELECT count(*) FROM loose AS l WHERE l.run_id = r.id AND l.state IN ($1))"},
	/* An instance that was killed counts until somebody noticed. */
	{"live", "(SELECT count(*) FROM run_instance AS ri JOIN instance_ AS n ON n.inc = ri.inc"
		 " WHERE ri.run_id = r.id AND n.state IN ($1))"},
	/* the name of a step; null where the job has none */
	{"step", "(SELECT nullif(s.name, '') FROM run_step AS s WHERE s.run_id = $1"
		 " AND s.step = $2)"},
	/* sums over open chunks, and loose rows, of step s */
	{"step_ready", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.run_id = s.run_id AND"
		       " c.step = s.step AND c.state = 0), 0)::bigint"},
	{"step_held", "coalesce((SELECT sum($1) FROM chunk AS c WHERE c.state = 1 AND c.owner > 0"
		      " AND c.run_id = s.run_id AND c.step = s.step), 0)::bigint"},
	{"step_loose", "(SELECT count(*) FROM loose AS l WHERE l.run_id = s.run_id AND l.step ="
		       " s.step AND l.state IN ($1))"},
	/* of loads that are under way */
	{"sum", "coalesce(sum($1), 0)::bigint AS $1"},
	{"loaded", "coalesce(l.$1, s.$1) AS $1"},
	{"bit", "(get_bit($1, i.i::int) = 1)"},
	/* items in their chunks: state, attempts, instance */
	{"bulk", "SELECT r.name AS run, c.run_id, c.first_item + i.i AS item,"
		 " i.key COLLATE \"C\" AS key, '$1'::text AS state, $2::bigint AS attempts,"
		 " 0::bigint AS crashes, NULL::text COLLATE \"C\" AS person, NULL::text AS error,"
		 " NULL::text AS error_class, NULL::text COLLATE \"C\" AS fingerprint,"
		 " NULL::text AS first_started, NULL::text AS next_try, $3::bigint AS instance,"
		 " c.id AS chunk_id, NULL::text AS doubt, (SELECT nullif(s.name, '')"
		 " FROM run_step AS s WHERE s.run_id = c.run_id AND s.step = c.step) AS step"
		 " FROM run_ AS r JOIN chunk AS c ON c.run_id = r.id"
		 " LEFT JOIN chunk_keys AS k ON k.chunk_id = c.id CROSS JOIN LATERAL ROWS FROM"
		 " (generate_series(0, c.n - 1), json_array_elements_text(k.keys::json))"
		 " AS i(i, key)"},
	{NULL, NULL},
};

/* run_ and run_step with what a load that is under way has counted so far: for the ledger itself.
 */
static const char run_now_view[] =
	"CREATE VIEW run_now AS SELECT r.id, r.job, r.due_key, r.name, r.slot, r.date, r.params,"
	" r.n, r.first_n, r.state, r.was_open, r.reason, r.started_at, r.ended_at, r.step,"
	" r.n_items + l.n_items AS n_items, r.n_read + l.n_read AS n_read,"
	" r.n_filtered + l.n_filtered AS n_filtered, r.n_rejected + l.n_rejected AS n_rejected,"
	" r.n_held_back + l.n_held_back AS n_held_back FROM run_ AS r CROSS JOIN LATERAL"
	" (SELECT @sum(n_items), @sum(n_read), @sum(n_filtered), @sum(n_rejected),"
	" @sum(n_held_back) FROM load_at WHERE run_id = r.id) AS l";

static const char step_now_view[] =
	"CREATE VIEW step_now AS SELECT s.run_id, s.step, s.name, s.effect, s.doubt, s.key_valid,"
	" s.state, s.first_item, s.loader, s.loader_epoch, @loaded(n_items), @loaded(n_read),"
	" @loaded(n_filtered), @loaded(n_rejected), @loaded(n_held_back), @loaded(cursor)"
	" FROM run_step AS s LEFT JOIN LATERAL (SELECT a.n_items, a.n_read, a.n_filtered,"
	" a.n_rejected, a.n_held_back, a.cursor FROM load_at AS a"
	" WHERE a.run_id = s.run_id AND a.step = s.step ORDER BY a.n DESC LIMIT 1) AS l ON true";

static const char run_view[] =
	"CREATE VIEW run AS SELECT r.id AS run_id, r.name AS run, r.job, r.slot, r.date,"
	" r.n AS number, CASE r.state"
	"  WHEN 1 THEN CASE WHEN @live(1, 2) = 0 THEN 'stopped' WHEN"
	"   (SELECT s.cursor FROM step_now AS s WHERE s.run_id = r.id AND s.step = r.step) IS NULL"
	"   THEN 'starting' ELSE 'loading' END"
	"  WHEN 2 THEN CASE WHEN @live(1, 2) = 0 THEN 'stopped' WHEN @live(1) = 0 THEN 'stopping'"
	"   ELSE 'running' END"
	"  WHEN 3 THEN 'paused'"
	"  WHEN 4 THEN CASE WHEN r.n_rejected > 0 OR @loose(3, 4, 7, 8) > 0 THEN"
	"   'done_with_failures' ELSE 'done' END"
	"  WHEN 5 THEN 'abandoned' WHEN 6 THEN 'failed' WHEN 7 THEN 'missed' END AS state,"
	" r.reason, iso(r.started_at) AS started, iso(r.ended_at) AS ended, r.n_items AS items,"
	" @ready(c.n - c.n_done) + @held(c.n - c.n_done - c.n_running) AS waiting,"
	" @held(c.n_running) + @loose(2) AS running,"
	" r.n_items - @ready(c.n - c.n_done) - @held(c.n - c.n_done)"
	"  - @loose(1, 2, 3, 4, 6, 7, 8) AS done,"
	" @loose(6) AS skipped, @loose(1) AS retry, @loose(3, 7, 8) AS in_doubt, @loose(4) AS dead,"
	" r.n_read AS read, r.n_filtered AS filtered, r.n_rejected AS rejected,"
	" r.n_held_back AS held_back, @live(1, 2) AS instances, r.params, t.job_path,"
	" t.source_path, @step(r.id; r.step) AS step"
	" FROM run_now AS r JOIN run_text AS t ON t.run_id = r.id";

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
	" FROM step_now AS s JOIN run_ AS r ON r.id = s.run_id";

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
	" @bulk(done; 1; NULL) WHERE c.n_done > 0 AND @bit(c.done) AND NOT EXISTS"
	"  (SELECT 1 FROM loose AS l WHERE l.run_id = c.run_id AND l.item = c.first_item + i.i)"
	" UNION ALL"
	" SELECT r.name, l.run_id, l.item, l.key COLLATE \"C\", loose_state(l.state), l.attempt,"
	"  l.crashes, l.person COLLATE \"C\", nullif(l.err, ''), nullif(l.err_class, ''),"
	"  nullif(l.fingerprint, '') COLLATE \"C\", iso(l.first_started),"
	"  CASE WHEN l.state IN (1, 3) THEN iso(l.not_before) END, l.owner, l.chunk_id,"
	"  CASE l.state WHEN 3 THEN 'waiting' WHEN 7 THEN 'verifying' WHEN 8 THEN 'asked' END,"
	"  @step(l.run_id; l.step)"
	" FROM run_ AS r JOIN loose AS l ON l.run_id = r.id";

static const char attempt_view[] =
	"CREATE VIEW attempt AS SELECT r.name AS run, a.run_id, a.item,"
	" coalesce((SELECT l.key FROM loose AS l WHERE l.run_id = a.run_id AND l.item = a.item),"
	"  (SELECT k.keys::json ->> (a.item - c.first_item)::int"
	"   FROM chunk AS c JOIN chunk_keys AS k ON k.chunk_id = c.id WHERE c.run_id = a.run_id"
	"   AND c.first_item <= a.item ORDER BY c.first_item DESC LIMIT 1)) AS key,"
	" a.attempt AS number, iso(a.at) AS at, a.inc AS instance, a.ms,"
	" CASE a.outcome WHEN 1 THEN 'done' WHEN 2 THEN"
	"   CASE a.is_probe WHEN 1 THEN 'not_done' ELSE 'retry' END WHEN 3 THEN 'dead'"
	"  WHEN 4 THEN 'all_alike' WHEN 5 THEN 'unknown' WHEN 6 THEN 'not_begun' END AS outcome,"
	" nullif(a.err_class, '') AS error_class, nullif(a.err, '') AS error,"
	" nullif(a.fingerprint, '') COLLATE \"C\" AS fingerprint, readable(a.output) AS output,"
	" a.output_cut, CASE a.is_probe WHEN 1 THEN 'verify' ELSE 'attempt' END AS kind, a.keep,"
	" (SELECT nullif(s.name, '') FROM run_step AS s WHERE s.run_id = a.run_id"
	"  AND s.first_item <= a.item ORDER BY s.first_item DESC, s.step DESC LIMIT 1) AS step"
	" FROM attempt_ AS a JOIN run_ AS r ON r.id = a.run_id";

static const char reject_view[] =
	"CREATE VIEW reject AS SELECT r.name AS run, j.run_id, j.path COLLATE \"C\" AS path,"
	" j.line, j.column_ AS \"column\", j.\"offset\", j.reason, j.key, readable(j.raw) AS raw,"
	" j.is_cut AS raw_cut, upper(encode(j.raw, 'hex')) COLLATE \"C\" AS raw_hex,"
	" @step(j.run_id; j.step) AS step FROM reject_ AS j JOIN run_ AS r ON r.id = j.run_id";

static const char instance_view[] =
	"CREATE VIEW instance AS SELECT n.inc AS instance, n.name, n.host, n.pid,"
	" CASE n.state WHEN 1 THEN 'live' WHEN 2 THEN 'stopping' WHEN 3 THEN 'ended'"
	"  WHEN 4 THEN 'reaped' END AS state,"
	" iso(n.started_at) AS started, iso(n.ended_at) AS ended, n.reaped_by,"
	" iso(n.beat_at) AS heard,"
	" (SELECT string_agg(r.name, ' ' ORDER BY r.id) FROM run_instance AS ri"
	"  JOIN run_ AS r ON r.id = ri.run_id WHERE ri.inc = n.inc) AS runs,"
	" (SELECT count(*) FROM chunk AS c WHERE c.state = 1 AND c.owner = n.inc) AS chunks,"
	" (SELECT count(*) FROM lane AS p WHERE p.inc = n.inc) AS lanes"
	" FROM instance_ AS n";

static const char audit_view[] =
	"CREATE VIEW audit AS SELECT iso(a.at) AS at, a.who, a.why, a.verb, r.name AS run,"
	" a.run_id, a.item, CASE WHEN a.was = 0 THEN 'waiting' ELSE loose_state(a.was) END AS was,"
	" loose_state(a.became) AS became"
	" FROM audit_ AS a JOIN run_ AS r ON r.id = a.run_id";

static const char minute_view[] =
	"CREATE VIEW minute AS SELECT r.name AS run, m.run_id, iso(m.minute) AS minute,"
	" m.inc AS instance, m.done, m.failed, m.us / 1000 AS ms, m.again,"
	" m.worked_us / 1000 AS worked_ms"
	" FROM rollup AS m JOIN run_ AS r ON r.id = m.run_id";

static const char failure_view[] =
	"CREATE VIEW failure AS SELECT r.name AS run, f.run_id,"
	" f.endpoint COLLATE \"C\" AS endpoint, f.err_class AS error_class, f.inc AS instance,"
	" f.n AS attempts, f.us / 1000 AS ms,"
	" f.sample AS error FROM failure_ AS f JOIN run_ AS r ON r.id = f.run_id";

static const char breaker_view[] =
	"CREATE VIEW breaker AS SELECT b.endpoint COLLATE \"C\" AS endpoint,"
	" CASE WHEN b.is_open = 0 THEN 'closed' WHEN b.probe IS NULL THEN 'open'"
	" ELSE 'half_open' END AS state, iso(b.first_open) AS since,"
	" CASE WHEN b.is_open = 1 THEN iso(b.until) END AS next_probe, b.probe AS instance,"
	" b.reason, b.n_opened AS times, iso(b.changed_at) AS changed FROM breaker_ AS b";

static const char ending_view[] =
	"CREATE VIEW ending AS SELECT r.name AS run, e.run_id, @step(e.run_id; e.step) AS step,"
	" CASE e.kind WHEN 1 THEN 'work' ELSE 'run' END AS kind,"
	" CASE WHEN e.is_done = 1 THEN 'done' WHEN e.owner IS NOT NULL THEN 'running'"
	" WHEN e.tries > 0 THEN 'failed' ELSE 'waiting' END AS state, e.owner AS instance,"
	" e.tries AS failures, nullif(e.err, '') AS error,"
	" CASE WHEN e.is_done = 0 AND e.not_before > 0 THEN iso(e.not_before) END AS next_try,"
	" iso(e.updated) AS at, nullif(e.result, '') AS result"
	" FROM ending_ AS e JOIN run_ AS r ON r.id = e.run_id";
static const char note_view[] =
	"CREATE VIEW note AS SELECT r.name AS run, n.run_id, iso(n.at) AS at, n.inc AS instance,"
	" n.kind, n.text, iso(n.until) AS until"
	" FROM note_ AS n JOIN run_ AS r ON r.id = n.run_id";

/* The period is in the quota's own zone, which the ledger does not know. */
static const char quota_view[] =
	"CREATE VIEW quota AS SELECT q.name, left(iso(q.period), 16) AS period, q.used"
	" FROM quota_ AS q";

/* What an instance is on. */
static const char pool_view[] =
	"CREATE VIEW pool AS SELECT h.name COLLATE \"C\" AS name, r.name AS run, h.run_id, h.units,"
	" iso(h.since) AS since FROM pool_hold AS h JOIN run_ AS r ON r.id = h.run_id"
	" WHERE EXISTS (SELECT 1 FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
	" WHERE ri.run_id = h.run_id AND i.state IN (1, 2))";

static const char endpoint_view[] =
	"CREATE VIEW endpoint AS SELECT r.name AS run, e.run_id,"
	" e.endpoint COLLATE \"C\" AS endpoint, e.inc AS instance,"
	" e.at_once, e.lowest, e.highest, e.most, coalesce(b.state, 'closed') AS breaker, b.since,"
	" b.next_probe, b.reason"
	" FROM endpoint_ AS e JOIN run_ AS r ON r.id = e.run_id"
	" LEFT JOIN breaker AS b ON b.endpoint = e.endpoint";

/* What nobody has moved into a run yet. */
static const char inbox_view[] =
	"CREATE VIEW inbox_item AS SELECT i.id, i.job COLLATE \"C\" AS job,"
	" i.key COLLATE \"C\" AS key, i.fields::text AS fields,"
	" iso((extract(epoch FROM i.added_at) * 1000)::bigint) AS added FROM inbox AS i"
	" WHERE NOT EXISTS (SELECT 1 FROM inbox_turn AS t WHERE t.turn = i.id >> 40"
	" AND i.id <= t.moved_to)";

const char *const pl_views[] = {
	iso,	      loose_state,	readable,     json_count,    joined,
	group_concat, storage_findings, run_now_view, step_now_view, run_view,
	item_view,    attempt_view,	reject_view,  instance_view, audit_view,
	minute_view,  failure_view,	breaker_view, note_view,     ending_view,
	quota_view,   endpoint_view,	step_view,    inbox_view,    pool_view,
	NULL,
};
