/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do: retry, resolve, skip, stop, abandon. What nobody holds is changed at once; for
 * what an instance holds a request is left. Who, why and when stand in audit_, in the same
 * transaction (I13).
 *
 * `redo` rises for none of these verbs: a retry of what is in doubt or dead has the key that the
 * other side may know already. Only "do it once more" of something done would need a new key.
 */
#include "ledger/postgres/person.h"

/* An item and where it is. */
struct pl_item {
	enum run_state run_state;
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

int pl_act_lock(struct pl *q, int64_t run_id, const int64_t *items, size_t n)
{
	static const char chunks[] =
		"SELECT id FROM chunk WHERE id = ANY (ARRAY(SELECT (SELECT c.id FROM chunk AS c"
		" WHERE c.run_id = $1 AND c.first_item <= i.item"
		" ORDER BY c.first_item DESC LIMIT 1)"
		" FROM unnest($2) AS i(item))) ORDER BY id FOR UPDATE";
	static const char loose[] = "SELECT item FROM loose WHERE run_id = $1 AND item = ANY ($2)"
				    " ORDER BY item FOR UPDATE";
	enum run_state state = RUN_LOADING;
	int32_t step = 0;

	if (pl_send(q, chunks, PL_ARGS(PL_INT(run_id), PL_INTS(items, (int64_t)n))) < 0 ||
	    pl_send(q, loose, PL_ARGS(PL_INT(run_id), PL_INTS(items, (int64_t)n))) < 0)
		return PL_FAILED;
	return pl_run_lock(q, run_id, &state, &step);
}

/* 1 found, 0 not. */
static int pl_item_find(struct pl *q, struct arena *a, const struct pl_act *act,
			struct pl_item *ret_item)
{
	static const char sql[] =
		"SELECT r.state, c.id, c.first_item, c.n, c.state, c.tell,"
		" get_bit(c.done, ($2 - c.first_item)::int), l.state, l.key, l.quiet_until, c.step"
		" FROM run_ AS r"
		" JOIN chunk AS c ON c.run_id = r.id AND c.first_item ="
		"  (SELECT max(first_item) FROM chunk WHERE run_id = $1 AND first_item <= $2)"
		"  AND $2 < c.first_item + c.n"
		" LEFT JOIN loose AS l ON l.run_id = $1 AND l.item = $2"
		" WHERE r.id = $1";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(act->run_id), PL_INT(act->item)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	*ret_item = (struct pl_item){
		.run_state = (enum run_state)pl_int(rows, 0, 0),
		.chunk_id = pl_int(rows, 0, 1),
		.first_item = pl_int(rows, 0, 2),
		.n = (uint32_t)pl_int(rows, 0, 3),
		.chunk_state = (enum chunk_state)pl_int(rows, 0, 4),
		.tell = pl_int(rows, 0, 5) != 0,
		.is_done = pl_int(rows, 0, 6) != 0,
		.is_loose = PQgetisnull(rows, 0, 7) == 0,
		.key = pl_text_or_null(a, rows, 0, 8),
		.quiet_until_ms = pl_int(rows, 0, 9),
		.step = (int32_t)pl_int(rows, 0, 10),
	};
	if (ret_item->is_loose)
		ret_item->loose_state = (enum loose_state)pl_int(rows, 0, 7);
	return 1;
}

/* `was` and `became` are loose states, 0: waiting in its chunk, -1: nothing of an item. */
static int pl_audit(struct pl *q, const struct pl_act *act, int was, int became, int64_t *ret_id)
{
	static const char sql[] =
		"INSERT INTO audit_(at, who, why, verb, run_id, item, was, became)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
	struct pl_value item = PL_INT(act->item);
	struct pl_value before = PL_INT(was);
	struct pl_value after = PL_INT(became);

	item.is_null = act->item < 0;
	before.is_null = was < 0;
	after.is_null = became < 0;
	return pl_number(q, sql,
			 PL_ARGS(PL_INT(act->now_ms), PL_TEXT(pl_or_empty(act->who)),
				 PL_TEXT(pl_or_empty(act->why)),
				 PL_TEXT(person_verb_name(act->verb)), PL_INT(act->run_id), item,
				 before, after),
			 ret_id) == 1
		       ? 0
		       : PL_FAILED;
}

/* A step that is over has something to do again: an item to try, or somebody to tell (I15, E). The
 * run goes back to it; where it is at an earlier one already, it comes to it again. */
static int pl_run_reopen(struct pl *q, int64_t run_id, int32_t step, bool has_work)
{
	static const char run[] = "UPDATE run_ SET state = 2, reason = '', ended_at = NULL,"
				  " step = least(step, $3) WHERE id = $1 AND (state = 4"
				  " OR (state = 6 AND (was_open <> 0 OR step > $3) AND $2 <> 0)"
				  " OR (state IN (1, 2) AND step > $3))";
	static const char steps[] =
		"UPDATE run_step SET state = 2 WHERE run_id = $1 AND step = $2 AND state = 4"
		" AND EXISTS (SELECT 1 FROM run_ WHERE id = $1 AND state IN (1, 2))";

	if (pl_send(q, run, PL_ARGS(PL_INT(run_id), PL_INT(has_work ? 1 : 0), PL_INT(step))) < 0)
		return PL_FAILED;
	return pl_send(q, steps, PL_ARGS(PL_INT(run_id), PL_INT(step)));
}

static int pl_untell(struct pl *q, const struct pl_act *act, const struct pl_item *item)
{
	static const char sql[] =
		"UPDATE chunk SET told = set_bit(told, ($2 - first_item)::int, 0) WHERE id = $1";

	return pl_send(q, sql, PL_ARGS(PL_INT(item->chunk_id), PL_INT(act->item)));
}

static int pl_act_on_loose(struct pl *q, const struct pl_act *act, const struct pl_item *item,
			   enum loose_state becomes)
{
	static const char sql[] =
		"UPDATE loose SET state = $3, updated = $4, audit_id = $5, owner = NULL,"
		" token = NULL, nos = 0, unclear = 0, epoch = epoch + (state = 7)::int,"
		" not_before = CASE WHEN $3 = 1 THEN greatest(quiet_until, $4) ELSE not_before END,"
		" first_started = CASE WHEN $7 = 1 THEN NULL ELSE first_started END,"
		" request = CASE WHEN $3 = 1 THEN 0 ELSE request END,"
		" attempt = CASE WHEN $6 = 1 THEN 0 ELSE attempt END,"
		" crashes = CASE WHEN $6 = 1 THEN 0 ELSE crashes END"
		" WHERE run_id = $1 AND item = $2";
	int64_t audit_id = 0;
	int afresh = act->verb == PERSON_RETRY ? 1 : 0; /* it gets all its attempts again */
	/* Somebody has looked: nothing is unclear any more. */
	int is_clear = act->verb == PERSON_RESOLVE_RETRY ? 1 : 0;

	if (pl_audit(q, act, (int)item->loose_state, (int)becomes, &audit_id) < 0 ||
	    pl_send(q, sql,
		    PL_ARGS(PL_INT(act->run_id), PL_INT(act->item), PL_INT(becomes),
			    PL_INT(act->now_ms), PL_INT(audit_id), PL_INT(afresh),
			    PL_INT(is_clear))) < 0)
		return PL_FAILED;
	if (becomes == LOOSE_DONE && item->key != NULL &&
	    pl_seen_put(q, &(struct pl_seen){act->run_id, item->step, item->key}, act->now_ms) < 0)
		return PL_FAILED;
	if (item->tell && pl_untell(q, act, item) < 0)
		return PL_FAILED;
	if ((becomes == LOOSE_RETRY || item->tell) &&
	    pl_run_reopen(q, act->run_id, item->step, becomes == LOOSE_RETRY) < 0)
		return PL_FAILED;
	return pl_endings_reopen(q, act->run_id, item->step);
}

/* The keys of a chunk as JSON, NULL where there are none. */
static int pl_chunk_keys(struct pl *q, struct arena *a, int64_t chunk_id, const char **ret_keys)
{
	static const char sql[] = "SELECT keys FROM chunk_keys WHERE chunk_id = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(chunk_id)));

	if (rows == NULL)
		return PL_FAILED;
	*ret_keys = PQntuples(rows) == 1 ? pl_text_or_null(a, rows, 0, 0) : NULL;
	return 0;
}

/* A waiting item leaves its chunk, which nobody holds. */
static int pl_act_on_waiting(struct pl *q, struct arena *a, const struct pl_act *act,
			     const struct pl_item *item)
{
	static const char sql[] =
		"UPDATE chunk SET done = set_bit(done, ($2 - first_item)::int, 1) WHERE id = $1";
	size_t place = (size_t)(act->item - item->first_item);
	const char *keys = NULL;
	struct pl_leaver leaver = {
		.run_id = act->run_id,
		.item = act->item,
		.chunk_id = item->chunk_id,
		.state = LOOSE_WAIVED,
		.not_before_ms = act->now_ms,
		.now_ms = act->now_ms,
	};

	if (pl_chunk_keys(q, a, item->chunk_id, &keys) < 0 ||
	    pl_audit(q, act, 0, LOOSE_WAIVED, &leaver.audit_id) < 0)
		return PL_FAILED;
	leaver.key = rule_keys(a, keys, item->n)[place];
	if (pl_loose_add(q, &leaver) < 0 ||
	    pl_send(q, sql, PL_ARGS(PL_INT(item->chunk_id), PL_INT(act->item))) < 0)
		return PL_FAILED;
	return pl_chunk_free(q, item->chunk_id); /* closes it when nothing is left */
}

int pl_act(struct pl *q, struct arena *a, const struct pl_act *act)
{
	struct pl_item item = {0};
	enum loose_state becomes = LOOSE_RETRY;
	enum rule_person_effect effect = RULE_REFUSE;
	int64_t audit_id = 0;
	int rc = pl_item_find(q, a, act, &item);

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
		rc = pl_audit(q, act, item.is_loose ? (int)item.loose_state : 0, -1, &audit_id);
	else if (item.is_loose)
		rc = pl_act_on_loose(q, act, &item, becomes);
	else
		rc = pl_act_on_waiting(q, a, act, &item);
	return rc < 0 ? PL_FAILED : (int)effect;
}

static int pl_person_item(struct pl *q, struct lop_person *p, int64_t item)
{
	const struct pl_act act = {p->verb, p->run_id,	     item,	p->who,
				   p->why,  rule_ms(p->now), p->dry_run};
	const struct ledger_request_row request = {.verb = REQUEST_SKIP,
						   .run_id = p->run_id,
						   .item = item,
						   .who = p->who,
						   .why = p->why};
	struct arena a = {0};
	int rc = pl_act(q, &a, &act);

	arena_done(&a);
	p->ret_refused += rc == RULE_REFUSE ? 1 : 0;
	p->ret_changed += rc == RULE_CHANGE ? 1 : 0;
	p->ret_requested += rc == RULE_REQUEST ? 1 : 0;
	if (rc < 0)
		return PL_FAILED;
	if (rc != RULE_REQUEST || p->dry_run)
		return 0;
	return pl_request_add(q, &request, 0, rule_ms(p->now));
}

static int pl_person_items(struct pl *q, struct lop_person *p)
{
	if (!p->dry_run && pl_act_lock(q, p->run_id, p->items, p->n) < 0)
		return PL_FAILED;
	for (size_t i = 0; i < p->n; i++)
		if (pl_person_item(q, p, p->items[i]) < 0)
			return PL_FAILED;
	return 0;
}

/* Everybody who is on the run is asked to stop. */
static int pl_person_stop(struct pl *q, struct lop_person *p, enum request_verb verb)
{
	static const char sql[] =
		"SELECT i.inc FROM run_instance AS ri JOIN instance_ AS i ON i.inc = ri.inc"
		" WHERE ri.run_id = $1 AND i.state IN (1, 2) ORDER BY i.inc";
	const struct ledger_request_row request = {
		.verb = verb, .run_id = p->run_id, .item = -1, .who = p->who, .why = p->why};
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(p->run_id)));

	if (rows == NULL)
		return PL_FAILED;
	p->ret_requested = PQntuples(rows);
	for (int i = 0; i < PQntuples(rows) && !p->dry_run; i++)
		if (pl_request_add(q, &request, pl_int(rows, i, 0), rule_ms(p->now)) < 0)
			return PL_FAILED;
	return 0;
}

static int pl_person_run(struct pl *q, struct lop_person *p)
{
	static const char abandon[] = "UPDATE run_ SET state = 5, reason = $2, ended_at = $3"
				      " WHERE id = $1";
	const struct pl_act act = {p->verb, p->run_id, -1, p->who, p->why, rule_ms(p->now), false};
	enum run_state state = RUN_LOADING;
	int32_t step = 0;
	int64_t audit_id = 0;
	int rc = p->dry_run ? pl_run_state(q, p->run_id, &state)
			    : pl_run_lock(q, p->run_id, &state, &step);

	if (rc < 0)
		return rc;
	if (rc == 0 || rule_run_is_over(state)) {
		p->ret_refused = 1;
		return 0;
	}
	rc = pl_person_stop(q, p, p->verb == PERSON_STOP ? REQUEST_STOP : REQUEST_STOP_NOW);
	if (rc < 0)
		return rc;
	if (p->verb == PERSON_ABANDON)
		p->ret_changed = 1;
	else
		p->ret_refused = p->ret_requested == 0 ? 1 : 0;
	if (p->dry_run || p->ret_refused > 0)
		return 0;
	if (pl_audit(q, &act, -1, -1, &audit_id) < 0)
		return PL_FAILED;
	if (p->verb != PERSON_ABANDON)
		return 0;
	if (pl_send(q, abandon,
		    PL_ARGS(PL_INT(p->run_id), PL_TEXT(pl_or_empty(p->why)),
			    PL_INT(rule_ms(p->now)))) < 0)
		return PL_FAILED;
	return pl_run_unloaded(q, p->run_id);
}

int pl_person(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_person *p = &op->u.person;

	(void)txn;
	if (p->verb == PERSON_STOP || p->verb == PERSON_STOP_NOW || p->verb == PERSON_ABANDON)
		return pl_person_run(q, p);
	return pl_person_items(q, p);
}
