/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new ledger, as it is after all steps of schema.c: to go through them takes longer than all else
 * that a first run does. A test compares the two; whoever adds a step there writes it here, too.
 */
#include <stddef.h>

#include "ledger/sqlite/sqlite.h"

/* Owners and tokens are null when there is none. Bit 0 of a bitmap is the highest of its first
 * byte. n_done and n_running are kept beside the bitmaps so that plain SQL can add them up. Columns
 * that came later come last, as in a ledger that was upgraded. */
const char *const sq_schema_whole[] = {
	"CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT"
	" ROWID",

	"CREATE TABLE schema_version(version INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL,"
	"  program TEXT NOT NULL) STRICT",

	"CREATE TABLE instance_(inc INTEGER NOT NULL PRIMARY KEY,"
	"  nonce BLOB NOT NULL UNIQUE CHECK (length(nonce) = 16),"
	"  name TEXT NOT NULL, host TEXT NOT NULL, boot_id TEXT NOT NULL, pid INTEGER NOT NULL,"
	"  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4)," /* live stopping ended reaped */
	"  started_at INTEGER NOT NULL, ended_at INTEGER, reaped_by INTEGER,"
	"  quarantine_ms INTEGER NOT NULL DEFAULT 0) STRICT",
	"CREATE INDEX instance_alive ON instance_(inc) WHERE state IN (1, 2)",

	"CREATE TABLE instance_batch(inc INTEGER NOT NULL PRIMARY KEY REFERENCES instance_,"
	"  batch INTEGER NOT NULL, run_id INTEGER REFERENCES run_,"
	"  minute INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,"
	"  failed INTEGER NOT NULL DEFAULT 0, us INTEGER NOT NULL DEFAULT 0,"
	"  failed_us INTEGER NOT NULL DEFAULT 0, again INTEGER NOT NULL DEFAULT 0,"
	"  again_us INTEGER NOT NULL DEFAULT 0, over_quota INTEGER NOT NULL DEFAULT 0,"
	"  worked_us INTEGER NOT NULL DEFAULT 0, items INTEGER NOT NULL DEFAULT 0,"
	"  tries INTEGER NOT NULL DEFAULT 0, tries_squares INTEGER NOT NULL DEFAULT 0,"
	"  tries_us INTEGER NOT NULL DEFAULT 0) STRICT",

	"CREATE TABLE lane(inc INTEGER NOT NULL REFERENCES instance_, pid INTEGER NOT NULL,"
	"  start_time INTEGER NOT NULL, PRIMARY KEY (inc, pid, start_time)) STRICT, WITHOUT ROWID",

	/* never the same id twice: idempotency keys are made of it */
	"CREATE TABLE run_(id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL,"
	"  due_key TEXT NOT NULL, name TEXT NOT NULL, slot TEXT NOT NULL, date TEXT NOT NULL,"
	"  params TEXT NOT NULL, n INTEGER NOT NULL,"
	"  first_n INTEGER NOT NULL,"
	"  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),"
	/* loading open paused finished abandoned failed missed */
	"  was_open INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',"
	"  started_at INTEGER NOT NULL, ended_at INTEGER,"
	"  n_items INTEGER NOT NULL DEFAULT 0, n_read INTEGER NOT NULL DEFAULT 0,"
	"  n_filtered INTEGER NOT NULL DEFAULT 0, n_rejected INTEGER NOT NULL DEFAULT 0,"
	"  n_held_back INTEGER NOT NULL DEFAULT 0,"
	"  made_by INTEGER, made_in INTEGER," /* instance and batch */
	"  step INTEGER NOT NULL DEFAULT 1,"
	"  UNIQUE (job, due_key)) STRICT",
	"CREATE INDEX run_open ON run_(job, id) WHERE state IN (1, 2, 3, 6)",
	"CREATE INDEX run_over ON run_(job, id) WHERE state = 4",

	"CREATE TABLE run_step(run_id INTEGER NOT NULL REFERENCES run_, step INTEGER NOT NULL,"
	"  name TEXT NOT NULL, effect INTEGER NOT NULL CHECK (effect BETWEEN 1 AND 5),"
	"  doubt INTEGER NOT NULL CHECK (doubt BETWEEN 1 AND 3), key_valid INTEGER NOT NULL,"
	"  state INTEGER NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 4))," /* loading open finished */
	"  first_item INTEGER NOT NULL DEFAULT 0, n_items INTEGER NOT NULL DEFAULT 0,"
	"  n_read INTEGER NOT NULL DEFAULT 0, n_filtered INTEGER NOT NULL DEFAULT 0,"
	"  n_rejected INTEGER NOT NULL DEFAULT 0, n_held_back INTEGER NOT NULL DEFAULT 0,"
	"  loader INTEGER, loader_epoch INTEGER NOT NULL DEFAULT 0, cursor BLOB,"
	"  inbox_epoch INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (run_id, step)) STRICT, WITHOUT ROWID",
	"CREATE INDEX run_step_loader ON run_step(loader) WHERE loader IS NOT NULL",

	"CREATE TABLE run_text(run_id INTEGER NOT NULL PRIMARY KEY REFERENCES run_,"
	"  job_text TEXT NOT NULL, job_path TEXT NOT NULL, source_path TEXT NOT NULL) STRICT",

	"CREATE TABLE run_instance(run_id INTEGER NOT NULL REFERENCES run_,"
	"  inc INTEGER NOT NULL REFERENCES instance_, joined_at INTEGER NOT NULL,"
	"  PRIMARY KEY (run_id, inc)) STRICT, WITHOUT ROWID",
	"CREATE INDEX run_instance_inc ON run_instance(inc)",

	"CREATE TABLE chunk(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  run_id INTEGER NOT NULL REFERENCES run_, first_item INTEGER NOT NULL,"
	"  n INTEGER NOT NULL CHECK (n BETWEEN 1 AND 4096),"
	"  state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2))," /* ready held closed */
	"  owner INTEGER, claimed_at INTEGER, epoch INTEGER NOT NULL DEFAULT 0, token INTEGER,"
	"  crashes INTEGER NOT NULL DEFAULT 0, rev INTEGER NOT NULL DEFAULT 0,"
	"  tell INTEGER NOT NULL CHECK (tell IN (0, 1)),"
	"  n_done INTEGER NOT NULL DEFAULT 0, n_running INTEGER NOT NULL DEFAULT 0,"
	"  started BLOB NOT NULL, done BLOB NOT NULL, told BLOB NOT NULL,"
	"  n_told INTEGER NOT NULL, step INTEGER NOT NULL DEFAULT 1,"
	"  CHECK (length(started) = (n + 7) / 8 AND length(done) = (n + 7) / 8"
	"    AND length(told) = (n + 7) / 8),"
	"  CHECK ((state = 1) = (owner IS NOT NULL)), CHECK (state <> 2 OR n_done = n),"
	"  CHECK (state = 1 OR n_running = 0)) STRICT",
	"CREATE UNIQUE INDEX chunk_first ON chunk(run_id, first_item)",
	"CREATE INDEX chunk_ready ON chunk(run_id, step, id, n, n_done) WHERE state = 0",
	"CREATE INDEX chunk_held ON chunk(owner, run_id) WHERE state = 1",
	"CREATE INDEX chunk_untold ON chunk(run_id, step, id) WHERE n_told < n",

	"CREATE TABLE chunk_body(chunk_id INTEGER NOT NULL PRIMARY KEY REFERENCES chunk,"
	"  hash BLOB NOT NULL CHECK (length(hash) = 16), body BLOB NOT NULL) STRICT", /* XXH3-128 */
	"CREATE TABLE chunk_keys(chunk_id INTEGER NOT NULL PRIMARY KEY REFERENCES chunk,"
	"  keys TEXT NOT NULL) STRICT",

	"CREATE TABLE audit_(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL,"
	"  why TEXT NOT NULL, verb TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES run_,"
	"  item INTEGER, was INTEGER, became INTEGER) STRICT",
	"CREATE INDEX audit_run ON audit_(run_id, item)",

	"CREATE TABLE loose(run_id INTEGER NOT NULL REFERENCES run_, item INTEGER NOT NULL,"
	"  chunk_id INTEGER NOT NULL, key TEXT, person TEXT,"
	/* retry held doubt dead done waived probing asked */
	"  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 8),"
	"  attempt INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,"
	"  redo INTEGER NOT NULL DEFAULT 0, first_started INTEGER, not_before INTEGER NOT NULL,"
	"  owner INTEGER, epoch INTEGER NOT NULL DEFAULT 0, token INTEGER,"
	"  err_class TEXT NOT NULL DEFAULT '', err TEXT NOT NULL DEFAULT '',"
	"  fingerprint TEXT NOT NULL DEFAULT '', updated INTEGER NOT NULL,"
	"  audit_id INTEGER REFERENCES audit_," /* what a person decided last */
	/* What is in doubt can be verified: until when something may still act on it (not_before is
	 * when it is looked at next), and what verify has said so far. */
	"  quiet_until INTEGER NOT NULL DEFAULT 0, nos INTEGER NOT NULL DEFAULT 0,"
	"  unclear INTEGER NOT NULL DEFAULT 0, request INTEGER NOT NULL DEFAULT 0,"
	"  tries INTEGER NOT NULL DEFAULT 0, spent_us INTEGER NOT NULL DEFAULT 0,"
	"  step INTEGER NOT NULL DEFAULT 1, was_begun INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (run_id, item),"
	"  CHECK ((state IN (2, 7)) = (owner IS NOT NULL))) STRICT, WITHOUT ROWID",
	"CREATE INDEX loose_state ON loose(run_id, step, state, not_before)",
	"CREATE INDEX loose_owner ON loose(owner) WHERE owner IS NOT NULL",
	"CREATE INDEX loose_open ON loose(key) WHERE key IS NOT NULL AND state IN (1, 2, 3, 7, 8)",

	"CREATE TABLE attempt_(id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
	"  run_id INTEGER NOT NULL REFERENCES run_, item INTEGER NOT NULL,"
	"  attempt INTEGER NOT NULL, inc INTEGER NOT NULL, outcome INTEGER NOT NULL,"
	"  ms INTEGER NOT NULL, err_class TEXT NOT NULL, err TEXT NOT NULL,"
	"  fingerprint TEXT NOT NULL, output_cut INTEGER NOT NULL, output BLOB, keep TEXT,"
	"  is_probe INTEGER NOT NULL DEFAULT 0) STRICT",
	"CREATE INDEX attempt_item ON attempt_(run_id, item)",

	"CREATE TABLE rollup(run_id INTEGER NOT NULL REFERENCES run_, minute INTEGER NOT NULL,"
	"  inc INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL,"
	"  us INTEGER NOT NULL, failed_us INTEGER NOT NULL DEFAULT 0,"
	"  again INTEGER NOT NULL DEFAULT 0, again_us INTEGER NOT NULL DEFAULT 0,"
	"  over_quota INTEGER NOT NULL DEFAULT 0, worked_us INTEGER NOT NULL DEFAULT 0,"
	"  items INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,"
	"  tries_squares INTEGER NOT NULL DEFAULT 0, tries_us INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY (run_id, minute, inc)) STRICT, WITHOUT ROWID",

	"CREATE TABLE reject_(id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run_,"
	"  path TEXT NOT NULL, line INTEGER NOT NULL, column_ INTEGER NOT NULL,"
	"  offset INTEGER NOT NULL, reason TEXT NOT NULL, key TEXT, is_cut INTEGER NOT NULL,"
	"  raw BLOB NOT NULL, step INTEGER NOT NULL DEFAULT 1) STRICT",
	"CREATE INDEX reject_run ON reject_(run_id)",

	/* verb: stop stop-now skip retry resolve; inc: whom it is for, null: whoever holds the
	 * item */
	"CREATE TABLE request(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, verb INTEGER NOT NULL,"
	"  run_id INTEGER NOT NULL REFERENCES run_, item INTEGER, inc INTEGER, who TEXT NOT NULL,"
	"  why TEXT NOT NULL, obeyed_at INTEGER, obeyed_by INTEGER) STRICT",
	"CREATE INDEX request_open ON request(run_id, inc, item) WHERE obeyed_at IS NULL",

	"CREATE TABLE seen_key(job TEXT NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,"
	"  PRIMARY KEY (job, hash)) STRICT, WITHOUT ROWID", /* the first half of a SHA-256 */

	"CREATE TABLE content(job TEXT NOT NULL, digest BLOB NOT NULL,"
	"  run_id INTEGER NOT NULL REFERENCES run_, path TEXT NOT NULL,"
	"  PRIMARY KEY (job, digest, run_id)) STRICT, WITHOUT ROWID",
	"CREATE INDEX content_run ON content(run_id)",

	/* Shared out among instances and jobs: the last slot of a rate (nanoseconds of the boot
	 * clock), and what is used of a quota in the period that began then. Who took last, and
	 * what he was given, so that a batch that is sent again finds it. */
	"CREATE TABLE rate_(name TEXT NOT NULL PRIMARY KEY, boot_id TEXT NOT NULL,"
	"  last_ns INTEGER NOT NULL, taken_by INTEGER NOT NULL, token INTEGER NOT NULL,"
	"  first_ns INTEGER NOT NULL, n INTEGER NOT NULL) STRICT, WITHOUT ROWID",
	"CREATE TABLE quota_(name TEXT NOT NULL PRIMARY KEY, period INTEGER NOT NULL,"
	"  used INTEGER NOT NULL, taken_by INTEGER NOT NULL, token INTEGER NOT NULL,"
	"  n INTEGER NOT NULL) STRICT, WITHOUT ROWID",
	"CREATE TABLE latency(run_id INTEGER NOT NULL REFERENCES run_, endpoint TEXT NOT NULL,"
	"  phase TEXT NOT NULL, inc INTEGER NOT NULL, histogram BLOB NOT NULL,"
	"  PRIMARY KEY (run_id, endpoint, phase, inc)) STRICT",
	"CREATE TABLE failure_(run_id INTEGER NOT NULL REFERENCES run_, endpoint TEXT NOT NULL,"
	"  err_class TEXT NOT NULL, inc INTEGER NOT NULL, n INTEGER NOT NULL,"
	"  us INTEGER NOT NULL, sample TEXT NOT NULL,"
	"  PRIMARY KEY (run_id, endpoint, err_class, inc)) STRICT",
	/* totals: of each item of a chunk, and of the load as a whole, as JSON */
	"CREATE TABLE chunk_sums(chunk_id INTEGER NOT NULL PRIMARY KEY REFERENCES chunk,"
	"  sums TEXT NOT NULL) STRICT",
	"CREATE TABLE run_sums(run_id INTEGER NOT NULL PRIMARY KEY REFERENCES run_,"
	"  sums TEXT NOT NULL) STRICT",
	/* A row for each endpoint whose breaker was ever opened. */
	"CREATE TABLE breaker_(endpoint TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL,"
	"  is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)), first_open INTEGER NOT NULL,"
	"  until INTEGER NOT NULL, open_for INTEGER NOT NULL, probe INTEGER,"
	"  probe_until INTEGER NOT NULL, probe_for INTEGER NOT NULL, n_opened INTEGER NOT NULL,"
	"  reason TEXT NOT NULL, changed_at INTEGER NOT NULL,"
	"  CHECK (probe IS NULL OR is_open = 1)) STRICT, WITHOUT ROWID",
	/* what a run talks to, and how many at once each instance let */
	"CREATE TABLE endpoint_(run_id INTEGER NOT NULL REFERENCES run_, endpoint TEXT NOT NULL,"
	"  inc INTEGER NOT NULL, at_once INTEGER NOT NULL, lowest INTEGER NOT NULL,"
	"  highest INTEGER NOT NULL, most INTEGER NOT NULL,"
	"  PRIMARY KEY (run_id, endpoint, inc)) STRICT, WITHOUT ROWID",
	/* What a person should know of a run while it is on. */
	"CREATE TABLE note_(id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
	"  run_id INTEGER NOT NULL REFERENCES run_, inc INTEGER NOT NULL, kind TEXT NOT NULL,"
	"  text TEXT NOT NULL, until INTEGER) STRICT",
	"CREATE INDEX note_run ON note_(run_id)",
	/* What applications put in, until it is moved into a run. */
	"CREATE TABLE inbox(id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, key TEXT,"
	"  fields TEXT NOT NULL, added_at INTEGER NOT NULL) STRICT",
	"CREATE INDEX inbox_job ON inbox(job, id)",
	/* What is done once at the end of a step (step 0: of the run). */
	"CREATE TABLE ending_(run_id INTEGER NOT NULL REFERENCES run_, step INTEGER NOT NULL,"
	"  kind INTEGER NOT NULL CHECK (kind IN (1, 2))," /* work run */
	"  is_done INTEGER NOT NULL DEFAULT 0 CHECK (is_done IN (0, 1)), owner INTEGER,"
	"  epoch INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
	"  not_before INTEGER NOT NULL DEFAULT 0, err TEXT NOT NULL DEFAULT '',"
	"  result TEXT NOT NULL DEFAULT '', updated INTEGER NOT NULL,"
	"  PRIMARY KEY (run_id, step, kind),"
	"  CHECK (owner IS NULL OR is_done = 0)) STRICT, WITHOUT ROWID",
	"CREATE INDEX ending_owner ON ending_(owner) WHERE owner IS NOT NULL",
	/* What runs have of named pools; a row counts while an instance is on its run. */
	"CREATE TABLE pool_hold(name TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES run_,"
	"  units INTEGER NOT NULL CHECK (units > 0), since INTEGER NOT NULL,"
	"  PRIMARY KEY (name, run_id)) STRICT, WITHOUT ROWID",

	/* for views: the places of a chunk */
	"CREATE TABLE number(i INTEGER NOT NULL PRIMARY KEY) STRICT",
	"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4095)"
	" INSERT INTO number(i) SELECT i FROM n",
	NULL,
};
