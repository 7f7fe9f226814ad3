/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying what is in doubt: the other side is asked whether an item took effect.
 *
 * A row in doubt is claimed when it is due (probing: ours, and fenced as what is held), given to a
 * lane as work of its own, within the concurrency, and settled with what the answer means
 * (core/probe.h). To ask has no effect: it is charged to nobody, and when a lane or an engine dies
 * over it the item is in doubt as it was. A person may decide meanwhile; who is first counts.
 */
#include <stdio.h>
#include <string.h>

#include "core/fingerprint.h"
#include "engine/run.h"

#define NOT_BEGUN_WAIT_US US_PER_S

bool probe_is(const struct loose *loose)
{
	return loose != NULL && loose->row.state == LOOSE_PROBING;
}

/* ---- claiming ---- */

static void probe_on_claimed(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_loose_claim *claim = &op->u.loose_claim;

	for (size_t i = 0; i < claim->ret_n; i++)
		loose_take_row(r, &claim->ret_rows[i]);
	if (claim->ret_n == claim->max)
		run_note_due(r, claim->now);
}

void probe_claim(struct run *r, uint32_t max)
{
	utime now = r->ops->now(r->world);

	if (!r->policy.verifies)
		return;
	/* With a key that the other side still knows it is simply tried again. */
	if (r->policy.effect == DECIDE_KEYED)
		commit_add(r->commit, LOP_DOUBT_RESOLVE, NULL, NULL)->u.doubt_resolve =
			(struct lop_doubt_resolve){.run_id = r->id,
						   .step = r->step,
						   .policy = DOUBT_RETRY,
						   .key_valid_us = r->policy.key_valid_us,
						   .now = now,
						   .only_retries = true};
	commit_add(r->commit, LOP_LOOSE_CLAIM, probe_on_claimed, r)->u.loose_claim =
		(struct lop_loose_claim){
			.run_id = r->id, .step = r->step, .now = now, .max = max, .to_probe = true};
}

/* ---- settling ---- */

static void probe_on_settled(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_loose_settle *settle = &op->u.loose_settle;

	if (settle->ret_late)
		run_say(r, SAY_INFO,
			"item %lld:%lld was decided by a person while it was verified; what that "
			"said is not used",
			(long long)r->id, (long long)settle->row.item);
}

static void probe_write(struct run *r, const struct loose *loose, const struct probe_decision *d,
			bool is_clear)
{
	struct arena *a = commit_arena(r->commit);
	const struct ledger_loose_row *was = &loose->row;
	struct lop_loose_settle *settle =
		&commit_add(r->commit, LOP_LOOSE_SETTLE, probe_on_settled, r)->u.loose_settle;
	char print[FINGERPRINT_CHARS + 1];

	settle->row = (struct ledger_loose_row){.run_id = r->id,
						.item = was->item,
						.chunk_id = was->chunk_id,
						.key = arena_str(a, was->key),
						.person = arena_str(a, was->person),
						.state = settle_loose_state(d->fate),
						.attempt = was->attempt,
						.crashes = was->crashes,
						.redo = was->redo,
						.epoch = was->epoch,
						.first_started = is_clear ? 0 : was->first_started,
						.not_before = d->due,
						.quiet_until = was->quiet_until,
						.nos = d->nos,
						.unclear = d->unclear,
						.err_class = arena_str(a, was->err_class),
						.err = arena_str(a, was->err),
						.fingerprint = arena_str(a, was->fingerprint)};
	settle->is_probe = true;
	settle->remember_key = d->fate == FATE_DONE && run_remembers_keys(r);
	if (d->fate == FATE_DONE)
		settle->row.err_class = settle->row.err = settle->row.fingerprint = "";
	if (!is_clear)
		return;
	/* Safety: who may have killed its lane is worked alone next time, and found out. */
	bool is_suspect = strcmp(was->err_class, SETTLE_CRASH) == 0;
	settle->row.err_class = is_suspect ? SETTLE_CRASH : "not-done";
	settle->row.err = d->fate == FATE_DEAD ? "verified: it did not take effect, and no attempt "
						 "at it is left"
					       : "verified: it did not take effect";
	fingerprint(settle->row.err_class, settle->row.err, print);
	settle->row.fingerprint = arena_str(a, print);
}

/* Decided so, and no longer in our hand. */
static void probe_decided(struct run *r, struct loose *loose, const struct probe_decision *d,
			  bool is_clear)
{
	probe_write(r, loose, d, is_clear);
	loose_free(r, loose);
	r->mine.asked--; /* it is counted as in doubt, and counted anew */
	settle_count(r, &(struct decision){.fate = d->fate, .due = d->due});
}

/* In doubt as it was. */
static void probe_back(struct run *r, struct loose *loose, utime due)
{
	const struct probe_decision d = {.fate = FATE_DOUBT,
					 .nos = loose->row.nos,
					 .unclear = loose->row.unclear,
					 .due = due};

	probe_write(r, loose, &d, false);
	loose_free(r, loose);
	run_note_due(r, due);
}

void probe_unsent(struct run *r, struct loose *loose)
{
	probe_back(r, loose, loose->row.not_before);
}

static void probe_put_attempt(struct run *r, const struct ticket *t, const struct frame_outcome *f)
{
	struct arena *a = commit_arena(r->commit);
	struct lop_attempt_put *put =
		&commit_add(r->commit, LOP_ATTEMPT_PUT, NULL, NULL)->u.attempt_put;
	enum outcome outcome = (enum outcome)f->outcome;
	char print[FINGERPRINT_CHARS + 1] = "";

	if (outcome != OUTCOME_DONE && outcome != OUTCOME_RETRY) {
		outcome = OUTCOME_UNKNOWN;
		fingerprint(f->err_class, f->err, print);
	}
	*put = (struct lop_attempt_put){.at = f->began_at != 0 ? f->began_at : t->sent_wall,
					.run_id = r->id,
					.item = t->loose->row.item,
					.attempt = t->attempt,
					.outcome = outcome,
					.took_us = f->took_us,
					.err_class = arena_str(a, f->err_class),
					.err = arena_str(a, f->err),
					.fingerprint = arena_str(a, print),
					.output = arena_dup(a, f->output, f->output_len),
					.output_len = f->output_len,
					.output_cut = f->output_cut,
					.is_probe = true};
}

static enum probe_answer answer_of(const struct frame_outcome *f)
{
	if (f->outcome == OUTCOME_DONE)
		return PROBE_YES;
	return f->outcome == OUTCOME_RETRY ? PROBE_NO : PROBE_UNCLEAR;
}

static void probe_answered(struct run *r, const struct ticket *t, enum probe_answer answer,
			   utime began_at)
{
	const struct ledger_loose_row *row = &t->loose->row;
	const struct probe_asked asked = {.answer = answer,
					  .asked_at = began_at != 0 ? began_at : t->sent_wall,
					  .quiet_until = row->quiet_until,
					  .nos = row->nos,
					  .unclear = row->unclear,
					  .used = row->attempt,
					  .crashes = row->crashes,
					  .now = r->ops->now(r->world),
					  .random = r->ops->random(r->world)};
	struct probe_decision d = probe_decide(&r->policy, &asked);

	probe_decided(r, t->loose, &d,
		      answer == PROBE_NO && (d.fate == FATE_RETRY || d.fate == FATE_DEAD));
}

void probe_on_outcome(struct run *r, struct ticket *t, const struct frame_outcome *f)
{
	utime now = r->ops->now(r->world);

	(void)protect_count(r, BREAKER_NOTHING, false,
			    ""); /* of the items' own way it says nothing */
	if (f->outcome == OUTCOME_NOT_BEGUN) {
		probe_back(r, t->loose, f->cancelled ? now : now + NOT_BEGUN_WAIT_US);
	} else if (f->cancelled && t->was_cancelled) {
		probe_back(r, t->loose, now);
	} else {
		probe_put_attempt(r, t, f);
		probe_answered(r, t, answer_of(f), f->began_at);
	}
	ticket_free(r, t);
}

void probe_lost(struct run *r, struct ticket *t, bool begun)
{
	if (!begun || t->was_cancelled) {
		probe_back(r, t->loose, r->ops->now(r->world));
	} else {
		probe_put_attempt(
			r, t,
			&(struct frame_outcome){.outcome = OUTCOME_UNKNOWN,
						.err_class = SETTLE_CRASH,
						.err = "the process that asked for it died"});
		probe_answered(r, t, PROBE_UNCLEAR, 0);
	}
	ticket_free(r, t);
}

void probe_skip(struct run *r, struct loose *loose)
{
	const struct probe_decision d = {.fate = FATE_SKIPPED, .due = r->ops->now(r->world)};

	probe_decided(r, loose, &d, false);
}
