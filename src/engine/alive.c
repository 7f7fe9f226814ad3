/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives: our own beats, and the death of others: noticing it, burying, reaping.
 *
 * Where the kernel's locks tell (SQLite), the ledger's list says who is gone. Where instances beat,
 * they are watched (core/watch.h), and a reap names the beat that was seen standing still.
 */
#include "engine/session_inside.h"

#include <stdio.h>
#include <string.h>

#include "engine/run.h"
#include "job/job.h"

#define LOOK_FOR_DEAD_US (5 * US_PER_S)

/* ---- the dead ---- */

static struct burial *burial_find(struct session *s, int64_t inc)
{
	for (size_t i = 0; i < s->n_burials; i++)
		if (s->burials[i].inc == inc)
			return &s->burials[i];
	return NULL;
}

static void session_on_reaped(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct lop_reap *reap = &op->u.reap;
	struct burial *burial = burial_find(s, reap->dead);

	if (burial != NULL)
		*burial = s->burials[--s->n_burials];
	if (!reap->ret_done)
		return;
	session_say(s, reap->ret_doubtful > 0 ? SAY_WARNING : SAY_DETAIL,
		    "instance %lld died at work; %lld items that it had begun are in doubt",
		    (long long)reap->dead, (long long)reap->ret_doubtful);
}

static void session_reap(struct session *s, const struct burial *burial, bool proven)
{
	struct ledger_op *op = commit_add(&s->commit, LOP_REAP, session_on_reaped, s);

	op->u.reap = (struct lop_reap){.dead = burial->inc,
				       .quarantine_us = proven ? 0 : burial->quarantine_us,
				       .beat = burial->beat,
				       .is_hung = burial->is_hung};
}

void session_on_buried(struct session *s, int64_t inc, bool proven)
{
	const struct burial *burial = burial_find(s, inc);

	if (s->phase == SESSION_ENDED || burial == NULL)
		return;
	session_reap(s, burial, proven);
	commit_flush(&s->commit);
}

static bool is_of_this_host(const struct session *s, const struct ledger_instance_row *row)
{
	return strcmp(row->host, s->spec.host) == 0 && strcmp(row->boot_id, s->spec.boot_id) == 0;
}

static void session_bury(struct session *s, const struct ledger_instance_row *row, bool is_hung)
{
	struct burial *burial = &s->burials[s->n_burials++];

	/* It may have been at another job, or at another version of this one. */
	*burial = (struct burial){.inc = row->inc,
				  .beat = row->beat,
				  .is_hung = is_hung,
				  .quarantine_us = row->quarantine_us > s->quarantine_us
							   ? row->quarantine_us
							   : s->quarantine_us};
	/* Nobody can see from here what its lanes do on another host. */
	if (s->spec.has_beats && !is_of_this_host(s, row))
		session_reap(s, burial, false);
	else
		s->ops->bury(s->world, row->inc, row->nonce, row->lanes, row->n_lanes);
}

/* Is it dead, by the list or by what was watched? */
static bool session_judge(struct session *s, const struct ledger_instance_row *row,
			  bool *ret_is_hung)
{
	*ret_is_hung = false;
	if (!s->spec.has_beats)
		return row->is_gone;
	enum watch_verdict verdict = watch_see(&s->watch, row->inc, row->beat, row->is_lock_free);
	s->n_suspects += verdict == WATCH_SUSPECT;
	*ret_is_hung = verdict == WATCH_HUNG;
	return verdict == WATCH_GONE || verdict == WATCH_HUNG;
}

static void session_on_list(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct lop_instance_list *list = &op->u.instance_list;
	int64_t now = s->ops->boot_us(s->world);

	s->list_out = false;
	s->look_at = now + (s->spec.has_beats ? WATCH_LOOK_US : LOOK_FOR_DEAD_US);
	s->n_suspects = 0;
	watch_begin(&s->watch, s->list_asked_at, now);
	for (size_t i = 0; i < list->ret_n; i++) {
		const struct ledger_instance_row *row = &list->ret_rows[i];
		bool is_hung = false;
		if (session_judge(s, row, &is_hung) && s->n_burials < BURIALS_MAX &&
		    burial_find(s, row->inc) == NULL)
			session_bury(s, row, is_hung);
	}
	watch_end(&s->watch);
	/* Who is being buried may come back until his reap is durable, and write it all again. */
	if (s->n_suspects == 0 && s->n_burials == 0)
		s->pulse.awaits_others = false;
	if (s->phase == SESSION_BEGINNING)
		s->phase = SESSION_BURYING;
}

void session_look_for_dead(struct session *s)
{
	if (s->list_out)
		return;
	s->list_out = true;
	s->list_asked_at = s->ops->boot_us(s->world);
	(void)commit_add(&s->commit, LOP_INSTANCE_LIST, session_on_list, s);
}

int64_t alive_quarantine_us(const struct job *job)
{
	int64_t most = 0;

	for (size_t i = 0; i < job->n_steps; i++)
		if (run_quarantine_us(job->steps[i]) > most)
			most = run_quarantine_us(job->steps[i]);
	return most;
}

void session_quarantine(struct session *s, int64_t quarantine_us)
{
	if (quarantine_us <= s->quarantine_us)
		return;
	s->quarantine_us = quarantine_us;
	struct ledger_op *op = commit_add(&s->commit, LOP_INSTANCE_QUARANTINE, NULL, NULL);
	op->u.instance_quarantine.quarantine_us = quarantine_us;
}

/* ---- looking, and our own beats ---- */

/* Others are watched for as long as there is something to do; where the list says it, when a run
 * waits for somebody. */
static bool session_wants_to_look(const struct session *s)
{
	if (s->list_out)
		return false;
	if (s->spec.has_beats)
		return s->phase == SESSION_BURYING || s->phase == SESSION_WORKING;
	return s->phase == SESSION_WORKING && s->run != NULL && s->run->looks_for_dead;
}

static void session_check_lease(struct session *s)
{
	bool is_lapsed = !pulse_is_leased(&s->pulse, s->ops->boot_us(s->world));

	if (is_lapsed == s->pulse.was_lapsed)
		return;
	s->pulse.was_lapsed = is_lapsed;
	if (s->run == NULL || (!is_lapsed && !s->pulse.said_lapse))
		return;
	s->pulse.said_lapse = is_lapsed;
	if (is_lapsed)
		session_say(s, SAY_WARNING,
			    "the ledger has not acknowledged for %d s that this instance lives: "
			    "nothing is begun until it does",
			    (int)(BEAT_LEASE_US / US_PER_S));
	else
		session_say(s, SAY_INFO, "the ledger is there again");
}

/* What is said, and stays with the run. */
static void session_note_failover(struct session *s, const char *text)
{
	session_say(s, SAY_WARNING, "%s", text);
	if (s->run != NULL)
		run_note(s->run, "ledger", text, 0);
}

/* Another server has taken over. What this instance had there is there again; of others that is
 * known when they have been seen. */
static void session_check_failover(struct session *s)
{
	char text[SESSION_NAME_MAX];

	if (!s->commit.is_failed_over && s->commit.redone == 0)
		return;
	if (s->commit.redone == 0)
		(void)snprintf(text, sizeof(text),
			       "another server has taken over the ledger"); /* fits */
	else
		(void)snprintf(text, sizeof(text),
			       "another server has taken over the ledger without the last %lld "
			       "commits of this instance: they were written again",
			       (long long)s->commit.redone); /* fits */
	s->commit.is_failed_over = false;
	s->commit.redone = 0;
	session_note_failover(s, text);
	watch_done(&s->watch);
	commit_claim_nothing(&s->commit);
	s->pulse.awaits_others = true;
	s->look_at = s->ops->boot_us(s->world);
}

void alive_begin(struct session *s)
{
	if (s->spec.has_beats)
		pulse_begin(&s->pulse, s->ops->boot_us(s->world));
	session_look_for_dead(s);
}

void alive_turn(struct session *s)
{
	if (s->phase == SESSION_ENDED)
		return;
	pulse_turn(&s->pulse, s->ops, s->world, s->commit.inc, s->commit.nonce);
	session_check_lease(s);
	session_check_failover(s);
	if (pulse_gave_up(&s->pulse, s->ops->boot_us(s->world)))
		session_lose(s, "no beat was acknowledged for 10 minutes");
	else if (session_wants_to_look(s) && s->ops->boot_us(s->world) >= s->look_at)
		session_look_for_dead(s);
}

int64_t alive_deadline(const struct session *s)
{
	int64_t at = pulse_deadline(&s->pulse);

	return session_wants_to_look(s) && s->look_at < at ? s->look_at : at;
}

void session_on_beat(struct session *s, enum ledger_status status)
{
	if (s->phase == SESSION_ENDED)
		return;
	pulse_on_beat(&s->pulse, s->ops, s->world, status);
	/* Its own end may have been committed, and not be known yet. */
	if (status == LEDGER_FENCED && s->phase != SESSION_ENDING)
		session_lose(s, "it was taken for dead, and its work was given to others");
	session_go_on(s);
}
