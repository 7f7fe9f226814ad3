/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do: retry, resolve, skip, stop, abandon. What nobody holds is changed at once; for
 * what an instance holds a request is left. Who, why and when stand in audit_, in the same
 * transaction (I13).
 *
 * `redo` rises for none of these verbs: a retry of what is in doubt or dead has the key that the
 * other side may know already. Only "do it once more" of something done would need a new key.
 */
#include <assert.h>
#include <string.h>

#include "ledger/sqlite/sqlite.h"

/* An item and where it is. */
struct sq_item {
	enum run_state run_state;
	bool was_open;
	int64_t chunk_id;
	int64_t first_item;
	uint32_t n;
	enum chunk_state chunk_state;
	int32_t step;
	bool tell;
	bool is_done;
	bool is_loose;
	enum loose_state loose_state;
	const char *key; /* of a loose row */
	int64_t quiet_until_ms;
};

/* 1 found, 0 not. */
static int sq_item_find(struct sq *q, struct arena *a, const struct sq_act *act,
			struct sq_item *ret_item)
{
	static const char sql[] =
		"SELECT r.state, r.was_open, c.id, c.first_item, c.n, c.state, c.tell, c.done,"
		" l.state,"
		" l.key, l.quiet_until, c.step FROM run_ AS r"
		" JOIN chunk AS c ON c.run_id = r.id AND c.first_item ="
		"  (SELECT max(first_item) FROM chunk WHERE run_id = ?1 AND first_item <= ?2)"
		" LEFT JOIN loose AS l ON l.run_id = ?1 AND l.item = ?2"
		" WHERE r.id = ?1 AND ?2 < c.first_item + c.n";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(act->run_id), SQ_INT(act->item)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	*ret_item = (struct sq_item){
		.run_state = (enum run_state)sqlite3_column_int(st, 0),
		.was_open = sqlite3_column_int(st, 1) != 0,
		.chunk_id = sqlite3_column_int64(st, 2),
		.first_item = sqlite3_column_int64(st, 3),
		.n = (uint32_t)sqlite3_column_int(st, 4),
		.chunk_state = (enum chunk_state)sqlite3_column_int(st, 5),
		.tell = sqlite3_column_int(st, 6) != 0,
		.is_loose = sqlite3_column_type(st, 8) != SQLITE_NULL,
		.key = sq_column_text_or_null(a, st, 9),
		.quiet_until_ms = sqlite3_column_int64(st, 10),
		.step = sqlite3_column_int(st, 11),
	};
	if (ret_item->is_loose)
		ret_item->loose_state = (enum loose_state)sqlite3_column_int(st, 8);
	const uint8_t *done = sq_column_bits(a, st, 7, ret_item->n);
	ret_item->is_done = bits_get(done, (size_t)(act->item - ret_item->first_item));
	sq_end(st);
	return 1;
}

/* `was` and `became` are loose states, 0: waiting in its chunk, -1: nothing of an item. */
static int sq_audit(struct sq *q, const struct sq_act *act, int was, int became, int64_t *ret_id)
{
	static const char sql[] =
		"INSERT INTO audit_(at, who, why, verb, run_id, item, was, became)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	struct sq_value item = SQ_INT(act->item);
	struct sq_value before = SQ_INT(was);
	struct sq_value after = SQ_INT(became);

	if (act->item < 0)
		item.type = SQ_TYPE_NULL;
	if (was < 0)
		before.type = SQ_TYPE_NULL;
	if (became < 0)
		after.type = SQ_TYPE_NULL;
	if (sq_change(q, sql,
		      SQ_ARGS(SQ_INT(act->now_ms), SQ_TEXT(act->who == NULL ? "" : act->who),
			      SQ_TEXT(act->why == NULL ? "" : act->why),
			      SQ_TEXT(person_verb_name(act->verb)), SQ_INT(act->run_id), item,
			      before, after)) < 0)
		return SQ_FAILED;
	*ret_id = sqlite3_last_insert_rowid(q->db);
	return 0;
}

/* A step that is over has something to do again: an item to try, or somebody to tell (I15, E). The
 * run goes back to it; where it is at an earlier one already, it comes to it again. */
static int sq_run_reopen(struct sq *q, int64_t run_id, int32_t step, bool has_work)
{
	static const char run[] =
		"UPDATE run_ SET state = 2, reason = '', ended_at = NULL, step = min(step, ?3)"
		" WHERE id = ?1 AND (state = 4 OR (state = 6 AND (was_open OR step > ?3) AND ?2)"
		" OR (state IN (1, 2) AND step > ?3))";
	static const char steps[] =
		"UPDATE run_step SET state = 2 WHERE run_id = ?1 AND step = ?2 AND state = 4"
		" AND EXISTS (SELECT 1 FROM run_ WHERE id = ?1 AND state IN (1, 2))";
	int rc = sq_change(q, run, SQ_ARGS(SQ_INT(run_id), SQ_INT(has_work ? 1 : 0), SQ_INT(step)));

	return rc < 0 ? rc : sq_change(q, steps, SQ_ARGS(SQ_INT(run_id), SQ_INT(step)));
}

static int sq_untell(struct sq *q, struct arena *a, const struct sq_act *act,
		     const struct sq_item *item)
{
	static const char read[] = "SELECT told FROM chunk WHERE id = ?1";
	static const char write[] =
		"UPDATE chunk SET told = ?2, n_told = stint_popcount(?2) WHERE id = ?1";
	sqlite3_stmt *st = sq_query(q, read, SQ_ARGS(SQ_INT(item->chunk_id)));

	if (sq_next(q, st) != 1)
		return SQ_FAILED;
	uint8_t *told = sq_column_bits(a, st, 0, item->n);
	sq_end(st);
	bits_clear(told, (size_t)(act->item - item->first_item));
	return sq_change(q, write,
			 SQ_ARGS(SQ_INT(item->chunk_id), SQ_BLOB(told, BITS_BYTES(item->n))));
}

static int sq_act_on_loose(struct sq *q, struct arena *a, const struct sq_act *act,
			   const struct sq_item *item, enum loose_state becomes)
{
	static const char sql[] =
		"UPDATE loose SET state = ?3, updated = ?4, audit_id = ?5, owner = NULL,"
		" token = NULL, nos = 0, unclear = 0, epoch = epoch + (state = 7),"
		" not_before = CASE WHEN ?3 = 1 THEN max(quiet_until, ?4) ELSE not_before END,"
		" first_started = CASE WHEN ?7 THEN NULL ELSE first_started END,"
		" request = CASE WHEN ?3 = 1 THEN 0 ELSE request END,"
		" attempt = CASE WHEN ?6 THEN 0 ELSE attempt END,"
		" crashes = CASE WHEN ?6 THEN 0 ELSE crashes END WHERE run_id = ?1 AND item = ?2";
	int64_t audit_id = 0;
	int afresh = act->verb == PERSON_RETRY ? 1 : 0; /* it gets all its attempts again */
	/* Somebody has looked: nothing is unclear any more. */
	int is_clear = act->verb == PERSON_RESOLVE_RETRY ? 1 : 0;

	if (sq_audit(q, act, (int)item->loose_state, (int)becomes, &audit_id) < 0 ||
	    sq_change(q, sql,
		      SQ_ARGS(SQ_INT(act->run_id), SQ_INT(act->item), SQ_INT(becomes),
			      SQ_INT(act->now_ms), SQ_INT(audit_id), SQ_INT(afresh),
			      SQ_INT(is_clear))) < 0)
		return SQ_FAILED;
	if (becomes == LOOSE_DONE && item->key != NULL &&
	    sq_seen_put(q, &(struct sq_seen){act->run_id, item->step, item->key}, act->now_ms) < 0)
		return SQ_FAILED;
	if (item->tell && sq_untell(q, a, act, item) < 0)
		return SQ_FAILED;
	if ((becomes == LOOSE_RETRY || item->tell) &&
	    sq_run_reopen(q, act->run_id, item->step, becomes == LOOSE_RETRY) < 0)
		return SQ_FAILED;
	return sq_endings_reopen(q, act->run_id, item->step);
}

/* A waiting item leaves its chunk, which nobody holds. */
static int sq_act_on_waiting(struct sq *q, struct arena *a, const struct sq_act *act,
			     const struct sq_item *item)
{
	static const char read[] = "SELECT done FROM chunk WHERE id = ?1";
	static const char write[] =
		"UPDATE chunk SET done = ?2, n_done = stint_popcount(?2) WHERE id = ?1";
	size_t place = (size_t)(act->item - item->first_item);
	const char *keys = NULL;
	struct sq_leaver leaver = {
		.run_id = act->run_id,
		.item = act->item,
		.chunk_id = item->chunk_id,
		.state = LOOSE_WAIVED,
		.not_before_ms = act->now_ms,
		.now_ms = act->now_ms,
	};

	if (sq_get_keys(q, a, item->chunk_id, &keys) < 0 ||
	    sq_audit(q, act, 0, LOOSE_WAIVED, &leaver.audit_id) < 0)
		return SQ_FAILED;
	leaver.key = rule_keys(a, keys, item->n)[place];
	sqlite3_stmt *st = sq_query(q, read, SQ_ARGS(SQ_INT(item->chunk_id)));
	if (sq_next(q, st) != 1)
		return SQ_FAILED;
	uint8_t *done = sq_column_bits(a, st, 0, item->n);
	sq_end(st);
	bits_set(done, place);
	if (sq_loose_add(q, &leaver) < 0 ||
	    sq_change(q, write,
		      SQ_ARGS(SQ_INT(item->chunk_id), SQ_BLOB(done, BITS_BYTES(item->n)))) < 0)
		return SQ_FAILED;
	return sq_chunk_free(q, item->chunk_id); /* closes it when nothing is left */
}

/* The scratch arena would grow with the number of items: each has its own. */
int sq_act(struct sq *q, struct arena *a, const struct sq_act *act)
{
	struct sq_item item = {0};
	enum loose_state becomes = LOOSE_RETRY;
	enum rule_person_effect effect = RULE_REFUSE;
	int64_t audit_id = 0;
	int rc = sq_item_find(q, a, act, &item);

	if (rc < 0)
		return rc;
	if (rc == 0 || !rule_person_run(item.run_state))
		return RULE_REFUSE;
	if (item.is_loose)
		effect = rule_person_loose(act->verb, item.loose_state,
					   rule_in_quarantine(item.quiet_until_ms, act->now_ms),
					   &becomes);
	else
		effect = rule_person_bulk(act->verb, item.chunk_state, item.is_done);
	if (act->dry_run || effect == RULE_REFUSE)
		return (int)effect;
	if (effect == RULE_REQUEST)
		rc = sq_audit(q, act, item.is_loose ? (int)item.loose_state : 0, -1, &audit_id);
	else if (item.is_loose)
		rc = sq_act_on_loose(q, a, act, &item, becomes);
	else
		rc = sq_act_on_waiting(q, a, act, &item);
	return rc < 0 ? SQ_FAILED : (int)effect;
}

static int sq_person_items(struct sq *q, struct lop_person *p)
{
	int rc = 0;

	for (size_t i = 0; i < p->n && rc >= 0; i++) {
		const struct sq_act act = {p->verb, p->run_id,	     p->items[i], p->who,
					   p->why,  rule_ms(p->now), p->dry_run};
		struct arena a = {0};
		rc = sq_act(q, &a, &act);
		arena_done(&a);
		p->ret_refused += rc == RULE_REFUSE ? 1 : 0;
		p->ret_changed += rc == RULE_CHANGE ? 1 : 0;
		p->ret_requested += rc == RULE_REQUEST ? 1 : 0;
		if (rc != RULE_REQUEST || p->dry_run)
			continue;
		const struct ledger_request_row row = {.verb = REQUEST_SKIP,
						       .run_id = p->run_id,
						       .item = p->items[i],
						       .who = p->who,
						       .why = p->why};
		rc = sq_request_add(q, &row, 0, rule_ms(p->now));
	}
	return rc < 0 ? SQ_FAILED : 0;
}

/* Everybody who is on the run is asked to stop. */
static int sq_person_stop(struct sq *q, struct arena *a, struct lop_person *p,
			  enum request_verb verb)
{
	static const char sql[] =
		"SELECT i.inc FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
		" WHERE ri.run_id = ?1 AND i.state IN (1, 2) ORDER BY i.inc";
	struct sq_rows rows = {.arena = a, .size = sizeof(int64_t)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(p->run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		int64_t *inc = sq_rows_add(&rows);
		*inc = sqlite3_column_int64(st, 0);
	}
	p->ret_requested = (int64_t)rows.n;
	const int64_t *found = (const int64_t *)(const void *)rows.at;
	for (size_t i = 0; i < rows.n && rc == 0 && !p->dry_run; i++) {
		const struct ledger_request_row row = {.verb = verb,
						       .run_id = p->run_id,
						       .item = -1,
						       .who = p->who,
						       .why = p->why};
		rc = sq_request_add(q, &row, found[i], rule_ms(p->now));
	}
	return rc;
}

static int sq_person_run(struct sq *q, struct arena *a, struct lop_person *p)
{
	static const char abandon[] = "UPDATE run_ SET state = 5, reason = ?2, ended_at = ?3"
				      " WHERE id = ?1";
	const struct sq_act act = {p->verb, p->run_id, -1, p->who, p->why, rule_ms(p->now), false};
	enum run_state state = RUN_LOADING;
	int64_t audit_id = 0;
	int rc = sq_run_state(q, p->run_id, &state);

	if (rc < 0)
		return rc;
	if (rc == 0 || rule_run_is_over(state)) {
		p->ret_refused = 1;
		return 0;
	}
	rc = sq_person_stop(q, a, p, p->verb == PERSON_STOP ? REQUEST_STOP : REQUEST_STOP_NOW);
	if (rc < 0)
		return rc;
	if (p->verb == PERSON_ABANDON)
		p->ret_changed = 1;
	else
		p->ret_refused = p->ret_requested == 0 ? 1 : 0;
	if (p->dry_run || p->ret_refused > 0)
		return 0;
	if (sq_audit(q, &act, -1, -1, &audit_id) < 0)
		return SQ_FAILED;
	if (p->verb != PERSON_ABANDON)
		return 0;
	if (sq_change(q, abandon,
		      SQ_ARGS(SQ_INT(p->run_id), SQ_TEXT(p->why == NULL ? "" : p->why),
			      SQ_INT(rule_ms(p->now)))) < 0)
		return SQ_FAILED;
	return sq_run_unloaded(q, p->run_id);
}

int sq_person(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_person *p = &op->u.person;

	if (p->verb == PERSON_STOP || p->verb == PERSON_STOP_NOW || p->verb == PERSON_ABANDON)
		return sq_person_run(q, &txn->arena, p);
	return sq_person_items(q, p);
}
