/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: the reader's chunks and rejects into the ledger, each with the cursor behind it, so
 *          that a
 * load, too, goes on exactly where it stopped. Nothing is claimed before the whole is loaded and
 * the guards (rejects, surge, emptiness) were asked.
 */
#include "engine/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/limits.h"
#include "engine/session_inside.h"
#include "ledger/rules.h"
#include "ledger/txn.h"

#define LOADER_POLL_US US_PER_S
#define READER_WAIT_US US_PER_S
#define READER_WAIT_MAX_US (30 * US_PER_S)
enum { READER_DEATHS_MAX = 5 };

/* The machine has no process for us: it may have one soon, but nobody waits for it all night. */
static void load_on_no_reader(struct run *r, const struct err *err)
{
	int64_t now = r->ops->boot_us(r->world);

	if (r->reader_refusals == 0)
		r->reader_refused_at = now;
	if (now - r->reader_refused_at >= r->job->window.stalled_after_us) {
		run_stop(r, EXIT_LATER, false,
			 "no reader could be started for too long (window.stalled_after): %s",
			 err->text);
		return;
	}
	int64_t wait = READER_WAIT_US << r->reader_refusals;
	if (wait < READER_WAIT_MAX_US)
		r->reader_refusals++;
	else
		wait = READER_WAIT_MAX_US;
	r->reader_not_before = run_earliest(now + wait,
					    r->reader_refused_at + r->job->window.stalled_after_us);
	run_say(r, SAY_WARNING, "no reader can be started: %s", err->text);
}

static void load_start_reader(struct run *r)
{
	struct err err = ERR_INIT;

	r->hello.cursor = r->cursor;
	r->hello.cursor_len = r->cursor_len;
	struct lane *lane = lanes_start(&r->lanes, LANE_READER, &err);
	r->hello.cursor = NULL; /* the next process is told nothing of it, and it moves on */
	r->hello.cursor_len = 0;
	if (lane == NULL) {
		load_on_no_reader(r, &err);
		return;
	}
	r->reader = lane->number;
	r->reader_refusals = 0;
	r->reader_asks = r->hello.ask_keys;
	r->reader_heard_at = r->ops->boot_us(r->world);
}

/* Silent, though everything it asked was answered, and not waiting for anything that it has named:
 * an NFS read, a driver. It may not hold up the night. */
static bool load_is_reader_stuck(const struct run *r)
{
	return r->reader != 0 && r->waits[0] == '\0' && commit_is_idle(r->commit) &&
	       r->ops->boot_us(r->world) - r->reader_heard_at >= r->job->window.stalled_after_us;
}

/* A job without a source is one item, named by its slot. */
static void load_one_item(struct run *r)
{
	struct arena *a = commit_arena(r->commit);
	struct buf keys = BUF_INIT(4096);
	struct json_writer w;

	jw_init(&w, &keys);
	jw_array(&w);
	jw_text(&w, r->row.slot);
	jw_array_end(&w);
	struct ledger_new_chunk *chunk = arena_new(a, struct ledger_new_chunk);
	*chunk = (struct ledger_new_chunk){
		.n = 1, .body = "", .keys = arena_text(a, keys.data, keys.len)};
	buf_done(&keys);
	struct lop_load_put *put = &commit_add(r->commit, LOP_LOAD_PUT, NULL, NULL)->u.load_put;
	*put = (struct lop_load_put){.run_id = r->id,
				     .step = r->step,
				     .epoch = r->loader_epoch,
				     .chunks = chunk,
				     .n_chunks = 1,
				     .cursor = arena_dup(a, "1", 1),
				     .cursor_len = 1,
				     .add_read = 1};
	r->n_items++;
	r->n_read++;
}

/* cursor_from: last_run: the reader begins behind what that one had read. Marked, since it is no
 * place of this load. */
static void load_on_from(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_cursor_find *find = &op->u.cursor_find;

	r->finds_cursor = false;
	if (r->phase != RUN_LOADING_NOW || find->ret_cursor == NULL || r->cursor_len > 0)
		return;
	char *cursor = xcalloc(find->ret_cursor_len + 1, 1);
	cursor[0] = (char)FRAME_CURSOR_BEHIND;
	memcpy(cursor + 1, find->ret_cursor, find->ret_cursor_len);
	free(r->cursor);
	r->cursor = cursor;
	r->cursor_len = find->ret_cursor_len + 1;
}

/* "SLOT/DIGEST/N": the part that runs with the same identifying parameters share. */
static const char *due_part(struct arena *a, const char *due_key)
{
	const char *end = strrchr(due_key, '/');
	const char *begin = end;

	while (begin != NULL && begin > due_key && (begin == end || *begin != '/'))
		begin--;
	return end == NULL ? "" : arena_text(a, begin, (size_t)(end - begin) + 1);
}

static void load_find_cursor(struct run *r)
{
	struct arena *a = commit_arena(r->commit);

	if (!job_is_from_database(r->job) || r->cursor_len > 0 ||
	    r->job->source.database.cursor_from != JOB_FROM_LAST_RUN)
		return;
	r->finds_cursor = true;
	struct lop_cursor_find *find =
		&commit_add(r->commit, LOP_CURSOR_FIND, load_on_from, r)->u.cursor_find;
	*find = (struct lop_cursor_find){.job = arena_str(a, r->row.job),
					 .run_id = r->id,
					 .due_part = due_part(a, r->row.due_key)};
}

static void load_on_taken(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_load_take *take = &op->u.load_take;

	if (r->phase != RUN_LOADER_WANTED)
		return;
	r->load_poll_at = r->ops->boot_us(r->world) + LOADER_POLL_US;
	if (!take->ret_taken) {
		(void)snprintf(r->waits, sizeof(r->waits), "instance %lld to load",
			       (long long)take->ret_loader);
		return;
	}
	r->waits[0] = '\0';
	r->loader_epoch = take->ret_epoch;
	free(r->cursor);
	r->cursor_len = take->ret_cursor_len;
	r->cursor = r->cursor_len > 0 ? xmemdup(take->ret_cursor, r->cursor_len) : NULL;
	r->phase = RUN_LOADING_NOW;
	load_find_cursor(r);
	if (r->job->source.kind != SOURCE_NONE)
		return;
	if (r->cursor_len == 0)
		load_one_item(r);
	r->load_ended = true;
	r->load_end = LOAD_OK;
}

static void load_on_state(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	if (r->phase != RUN_LOADER_WANTED)
		return;
	enum run_state state = op->u.run_counts.ret_state;
	if (op->u.run_counts.ret_step != r->step && !rule_run_is_over(state)) {
		run_leave_step(r);
	} else if (state == RUN_OPEN) {
		r->counts = op->u.run_counts.ret_counts;
		const struct ledger_counts *n = &r->counts;
		r->n_items = n->waiting + n->running + n->done + n->skipped + n->retry +
			     n->in_doubt + n->dead;
		r->next_due = n->next_due;
		r->waits[0] = '\0';
		r->phase = RUN_WORKING;
	} else if (state != RUN_LOADING) {
		run_stop(r, EXIT_FAILED, false, "the run has ended elsewhere");
	}
}

void load_want(struct run *r)
{
	if (r->ops->boot_us(r->world) < r->load_poll_at)
		return;
	r->load_poll_at = INT64_MAX; /* until the answer is there */
	struct ledger_op *state = commit_add(r->commit, LOP_RUN_COUNTS, load_on_state, r);
	state->u.run_counts = (struct lop_run_counts){.run_id = r->id, .step = r->step};
	struct ledger_op *take = commit_add(r->commit, LOP_LOAD_TAKE, load_on_taken, r);
	take->u.load_take.run_id = r->id;
	take->u.load_take.step = r->step;
	r->looks_for_dead = true;
}

/* ---- what the reader says ---- */

/* The reader that an answer is for; NULL when it has died. Its successor is not up before its own
 * row is durable, and that is later than whatever the dead one had asked for. */
struct lane *load_asker(struct run *r)
{
	struct lane *reader = lanes_find(&r->lanes, r->reader);

	return reader != NULL && reader->state == LANE_UP ? reader : NULL;
}

/* While nothing is open in earlier runs a reader need not ask about each chunk and wait for the
 * answer. Each commit of a chunk looks again, so that what opens meanwhile is missed for no more
 * chunks than the reader is ahead by. */
static void load_on_free(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct lane *reader = lanes_find(&r->lanes, r->reader);
	bool asks = !op->u.keys_find.ret_none_open;

	if (reader == NULL || reader->state != LANE_UP || asks == r->reader_asks ||
	    run_remembers_keys(r))
		return;
	r->reader_asks = asks;
	frame_put_u32(&reader->out, FRAME_ASK_KEYS, asks ? 1 : 0);
}

static void load_look_for_keys(struct run *r)
{
	if (!r->hello.ask_keys || run_remembers_keys(r))
		return;
	struct lop_keys_find *find =
		&commit_add(r->commit, LOP_KEYS_FIND, load_on_free, r)->u.keys_find;
	*find = (struct lop_keys_find){.job = arena_str(commit_arena(r->commit), r->row.job),
				       .run_id = r->id,
				       .step = r->step};
}

static void load_on_put(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct lane *reader = load_asker(r);

	(void)op;
	/* Safety: credit only for what is durable, so that a cursor never runs ahead of its items.
	 */
	if (reader != NULL)
		frame_put_u32(&reader->out, FRAME_CREDIT, 1);
}

static void load_copy_rejects(struct arena *a, const struct frame_loaded *f,
			      struct lop_load_put *put)
{
	struct ledger_reject *rejects = arena_alloc(a, f->n_rejects * sizeof(*rejects));

	for (uint32_t i = 0; i < f->n_rejects; i++) {
		const struct frame_reject *from = &f->rejects[i];
		rejects[i] = (struct ledger_reject){
			.path = arena_str(a, from->path),
			.line = from->line,
			.column = from->column,
			.offset = from->offset,
			.reason = arena_str(a, from->reason),
			.raw = arena_dup(a, from->raw, from->raw_len),
			.raw_len = from->raw_len,
			.is_cut = from->is_cut,
			.key = from->key[0] == '\0' ? NULL : arena_str(a, from->key),
		};
	}
	put->rejects = rejects;
	put->n_rejects = f->n_rejects;
}

static void load_put(struct run *r, const struct frame_loaded *f)
{
	struct arena *a = commit_arena(r->commit);

	load_look_for_keys(r); /* told before the credit for this chunk */
	struct lop_load_put *put = &commit_add(r->commit, LOP_LOAD_PUT, load_on_put, r)->u.load_put;

	*put = (struct lop_load_put){.run_id = r->id,
				     .step = r->step,
				     .epoch = r->loader_epoch,
				     .cursor = arena_dup(a, f->cursor, f->cursor_len),
				     .cursor_len = f->cursor_len,
				     .add_read = f->read,
				     .add_filtered = f->filtered,
				     .add_held_back = f->held_back,
				     .sums = f->run_sums[0] == '\0' ? NULL
								    : arena_str(a, f->run_sums)};
	if (f->n > 0) {
		struct ledger_new_chunk *chunk = arena_new(a, struct ledger_new_chunk);
		*chunk = (struct ledger_new_chunk){
			.n = f->n,
			.body = arena_dup(a, f->body, f->body_len),
			.body_len = f->body_len,
			.keys = f->keys[0] == '\0' ? NULL : arena_str(a, f->keys),
			.tell = f->tell,
			.sums = f->sums[0] == '\0' ? NULL : arena_str(a, f->sums),
		};
		put->chunks = chunk;
		put->n_chunks = 1;
	}
	intake_take(r, &f->taken, put);
	load_copy_rejects(a, f, put);
	free(r->cursor);
	r->cursor_len = f->cursor_len;
	r->cursor = xmemdup(f->cursor, f->cursor_len);
	r->n_items += f->n;
	r->n_read += f->read;
	r->n_filtered += f->filtered;
	r->n_held_back += f->held_back;
	r->n_rejected += f->n_rejects;
	r->waits[0] = '\0';
	meter_add(&r->meter, r->ops->boot_us(r->world), f->n);
}

static void load_on_keys(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct lane *reader = load_asker(r);

	if (reader == NULL)
		return;
	frame_put_keys_answer(&reader->out,
			      &(struct frame_keys_answer){.n = (uint32_t)op->u.keys_find.n,
							  .open = op->u.keys_find.ret_open,
							  .seen = op->u.keys_find.ret_seen});
}

static void load_ask_keys(struct run *r, const struct frame_keys *f)
{
	struct arena *a = commit_arena(r->commit);
	const struct job_source *source = &r->job->source;
	const char **keys = arena_alloc(a, f->n * sizeof(*keys));

	for (uint32_t i = 0; i < f->n; i++)
		keys[i] = arena_str(a, f->keys[i]);
	struct lop_keys_find *find =
		&commit_add(r->commit, LOP_KEYS_FIND, load_on_keys, r)->u.keys_find;
	*find = (struct lop_keys_find){.job = arena_str(a, r->row.job),
				       .run_id = r->id,
				       .step = r->step,
				       .keys = keys,
				       .n = f->n,
				       .seen = run_remembers_keys(r),
				       .seen_since = source->unique == JOB_UNIQUE_WITHIN
							     ? r->ops->now(r->world) -
								       source->unique_within_us
							     : 0};
}

static void load_on_content(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct lane *reader = load_asker(r);
	const char *other = op->u.content_find.ret_run;

	if (reader != NULL)
		frame_put_content_answer(&reader->out, &(struct frame_content_answer){
							       .run = other == NULL ? "" : other});
}

static void load_ask_content(struct run *r, const struct frame_content *f)
{
	struct arena *a = commit_arena(r->commit);
	struct lop_content_find *find =
		&commit_add(r->commit, LOP_CONTENT_FIND, load_on_content, r)->u.content_find;

	*find = (struct lop_content_find){.job = arena_str(a, r->row.job),
					  .run_id = r->id,
					  .path = arena_str(a, f->path),
					  .digest = arena_dup(a, f->digest, sizeof(f->digest)),
					  .digest_len = sizeof(f->digest)};
}

static void load_on_end(struct run *r, const struct frame_load_end *f)
{
	r->load_ended = true;
	r->load_end = f->end;
	switch ((enum load_end)f->end) {
	case LOAD_OK:
		return;
	case LOAD_EMPTY_MISSING_OK:
		run_say(r, SAY_INFO, "%s", f->text);
		return;
	case LOAD_MISSING:
		run_stop(r, EXIT_NO_SOURCE, true, "%s", f->text);
		return;
	case LOAD_BAD_CONFIG:
		run_stop(r, EXIT_CONFIG, true, "%s", f->text);
		return;
	case LOAD_ELSEWHERE:
		run_leave_to_others(r, f->text);
		return;
	case LOAD_FAILED:
		break;
	}
	run_stop(r, EXIT_FAILED, true, "%s", f->text);
}

/* Decodes by type; an undecodable frame kills the reader, whose death is then handled as any. */
static int load_take_frame(struct run *r, const struct frame *frame, struct arena *a,
			   struct err *err)
{
	struct frame_loaded loaded;
	struct frame_keys keys;
	struct frame_content content;
	struct frame_inbox inbox;
	struct frame_waits waits;
	struct frame_load_end end;
	int rc = 0;

	if (frame->type == FRAME_LOADED) {
		rc = frame_get_loaded(frame, a, &loaded, err);
		if (rc == 0)
			load_put(r, &loaded);
	} else if (frame->type == FRAME_KEYS) {
		rc = frame_get_keys(frame, a, &keys, err);
		if (rc == 0)
			load_ask_keys(r, &keys);
	} else if (frame->type == FRAME_CONTENT) {
		rc = frame_get_content(frame, a, &content, err);
		if (rc == 0)
			load_ask_content(r, &content);
	} else if (frame->type == FRAME_INBOX) {
		rc = frame_get_inbox(frame, &inbox, err);
		if (rc == 0)
			intake_ask(r, &inbox);
	} else if (frame->type == FRAME_WAITS) {
		rc = frame_get_waits(frame, a, &waits, err);
		if (rc == 0) {
			(void)snprintf(r->waits, sizeof(r->waits), "%s", waits.text);
			r->waits_until = waits.until;
		}
	} else if (frame->type == FRAME_ASK_ITEMS) {
		rc = step_take_question(r, frame, err);
	} else if (frame->type == FRAME_LOAD_END) {
		rc = frame_get_load_end(frame, a, &end, err);
		if (rc == 0)
			load_on_end(r, &end);
	}
	return rc;
}

void load_on_frame(struct run *r, struct lane *lane, const struct frame *frame)
{
	struct arena a = {0};
	struct err err = ERR_INIT;

	r->reader_heard_at = r->ops->boot_us(r->world);
	if (r->phase != RUN_LOADING_NOW || r->load_ended)
		return;
	if (load_take_frame(r, frame, &a, &err) < 0) {
		run_say(r, SAY_ERROR, "the reader sent rubbish and is ended: %s", err.text);
		r->ops->lane_kill(r->world, lane->number);
	}
	arena_done(&a);
}

void load_on_reader_end(struct run *r, int exit_status, int by_signal)
{
	r->reader = 0;
	if (r->load_ended || r->phase != RUN_LOADING_NOW)
		return;
	if (r->job->source.kind == SOURCE_STDIN) {
		run_stop(r, EXIT_FAILED, true,
			 "the reader died while it read the standard input, which is gone");
		return;
	}
	if (++r->reader_deaths >= READER_DEATHS_MAX) {
		run_stop(r, EXIT_FAILED, true, "the reader died %d times, the last time by %s %d",
			 r->reader_deaths, by_signal != 0 ? "signal" : "exit",
			 by_signal != 0 ? by_signal : exit_status);
		return;
	}
	run_say(r, SAY_WARNING, "the reader died (%s %d); it goes on where it was",
		by_signal != 0 ? "signal" : "exit", by_signal != 0 ? by_signal : exit_status);
	r->reader_not_before = r->ops->boot_us(r->world) + r->reader_deaths * READER_WAIT_US;
}

/* ---- the guards, when all is loaded ---- */

static bool load_guards_hold(struct run *r)
{
	const struct job_source *source = &r->job->source;
	char why[LIMITS_WHY_MAX];
	const struct limit max = {.is_set = source->max_rejects.is_set,
				  .is_ratio = source->max_rejects.is_ratio,
				  .count = source->max_rejects.count,
				  .ratio = source->max_rejects.ratio};

	if (limits_too_many_rejects(&max, r->n_rejected, r->n_read, why)) {
		run_stop(r, EXIT_FAILED, true, "%s", why);
		return false;
	}
	size_t n = 0;
	const int64_t *history = session_history(r->session, &n);
	/* What earlier runs had is known of their first steps. */
	if (source->surge > 0 && r->step == 1 &&
	    limits_surge(source->surge, r->n_items, history, n, why)) {
		run_stop(r, EXIT_FAILED, true, "%s", why);
		return false;
	}
	/* Held back is not nothing: it waits in an earlier run. */
	if (r->n_items == 0 && source->kind != SOURCE_NONE && source->when_empty != JOB_EMPTY_OK) {
		if (source->when_empty == JOB_EMPTY_FAIL) {
			run_stop(r, EXIT_FAILED, true, "there is nothing to do (when_empty: fail)");
			return false;
		}
		run_say(r, SAY_WARNING, "there is nothing to do");
	}
	return true;
}

static void load_on_open(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	(void)op;
	if (r->phase != RUN_LOADING_NOW)
		return;
	r->phase = RUN_WORKING;
	r->last_settled_at = r->ops->boot_us(r->world);
	r->meter = (struct meter){0};
}

void load_turn(struct run *r)
{
	if (r->finds_cursor)
		return;
	if (!r->load_ended) {
		if (r->reader == 0 && r->ops->boot_us(r->world) >= r->reader_not_before)
			load_start_reader(r);
		if (load_is_reader_stuck(r)) {
			run_say(r, SAY_WARNING, "the reader says nothing any more and is ended");
			r->reader_heard_at = r->ops->boot_us(r->world); /* time to die */
			r->ops->lane_kill(r->world, r->reader);
		}
		return;
	}
	if (r->load_open_sent || !load_guards_hold(r))
		return;
	r->load_open_sent = true;
	/* In one transaction with the last chunks, or in a later one: never before them. */
	struct ledger_op *op = commit_add(r->commit, LOP_LOAD_OPEN, load_on_open, r);
	op->u.load_open.run_id = r->id;
	op->u.load_open.step = r->step;
	op->u.load_open.epoch = r->loader_epoch;
}

int64_t load_deadline(const struct run *r)
{
	if (r->phase == RUN_LOADER_WANTED)
		return r->load_poll_at;
	if (r->finds_cursor)
		return INT64_MAX;
	if (!r->load_ended && r->reader == 0)
		return r->reader_not_before;
	if (!r->load_ended && r->waits[0] == '\0' && commit_is_idle(r->commit))
		return r->reader_heard_at + r->job->window.stalled_after_us;
	return INT64_MAX;
}
