/* SPDX-License-Identifier: Apache-2.0 */
/* How an attempt ended, in a word for programs and a line for people. */
#include "work/exec_attempt.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "core/timing.h"
#include "job/job.h"
#include "script/body_test.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "work/answer.h"
#include "work/classify.h"
#include "work/exec_mask.h"

enum {
	CLASS_BYTES = 16, /* exit-255, signal-64 */
	ERR_LINE_BYTES = 1024,
};

/* Words for an attempt that ended by a signal or by us. */
static void put_ending(const struct exec_attempt *a, struct buf *line)
{
	if (a->cancelled) {
		buf_puts(line, "ended on request, before it was done");
	} else if (a->timed_out) {
		buf_puts(line, "not done within ");
		text_put_span(line, a->exec->context->job->work.timeout_us);
	} else if (WIFSIGNALED(a->status)) {
		const char *name = sigabbrev_np(WTERMSIG(a->status));
		buf_printf(line, "ended by signal %d (%s)", WTERMSIG(a->status),
			   name == NULL ? "unknown" : name);
	} else {
		buf_puts(line, "ended, and nobody knows how");
	}
}

/* By its exit status, and by the tests of what it printed. */
static enum outcome judge_exit(const struct exec_attempt *a, char *class, struct err *why)
{
	int status = WEXITSTATUS(a->status);
	struct body_answer answer = {.status = status, .item = &a->what.item};
	enum outcome outcome = classify_probe(status);

	if (!a->exec->context->asks) {
		outcome = classify_exit(&a->exec->context->job->work, status);
		answer.body = exec_output_text(&a->output, &answer.len);
		outcome = answer_judge(a->exec->tests, &answer, outcome, why);
	}
	if (why->code != 0)
		(void)snprintf(class, CLASS_BYTES, ANSWER_CLASS); /* fits */
	else if (outcome != OUTCOME_DONE)
		(void)snprintf(class, CLASS_BYTES, "exit-%d", status); /* fits */
	return outcome;
}

/* What the outcome of a program is that was started. `class` has CLASS_BYTES. `ret_why` is filled
 * when a test of its output decided. */
static enum outcome attempt_judge(const struct exec_attempt *a, char *class, struct err *ret_why)
{
	const char *word = "lost";
	enum outcome outcome = OUTCOME_UNKNOWN;

	if (a->cancelled || a->timed_out) {
		word = a->cancelled ? "cancelled" : "timeout";
	} else if (a->phase == PHASE_EXITED && WIFSIGNALED(a->status)) {
		(void)snprintf(class, CLASS_BYTES, "signal-%d", WTERMSIG(a->status)); /* fits */
		return FAULT("work.signal") ? OUTCOME_RETRY : outcome;
	} else if (a->phase == PHASE_EXITED && WIFEXITED(a->status)) {
		return judge_exit(a, class, ret_why);
	}
	(void)snprintf(class, CLASS_BYTES, "%s", word); /* fits */
	return outcome;
}

static void put_err_line(const struct exec_attempt *a, const struct buf *output, struct buf *line)
{
	if (a->phase != PHASE_EXITED || a->cancelled || a->timed_out || !WIFEXITED(a->status)) {
		put_ending(a, line);
		return;
	}
	exec_output_put_last_line(buf_str(output), output->len, line);
	if (line->len == 0)
		buf_printf(line, "exit status %d", WEXITSTATUS(a->status));
}

/* Tells the outcome; the attempt is gone before it is told. */
static void tell(struct exec_attempt *a, struct frame_outcome *outcome)
{
	const struct work_context *context = a->exec->context;

	outcome->ticket = a->what.ticket;
	exec_attempt_free(a);
	context->done(context->arg, outcome);
}

void exec_attempt_tell(struct exec_attempt *a)
{
	const struct item *item = a->what.item.item;
	AUTO(buf) struct buf output = BUF_INIT(FRAME_BYTES_MAX / 2);
	AUTO(buf) struct buf line = BUF_INIT(ERR_LINE_BYTES);
	char class[CLASS_BYTES] = "";

	exec_attempt_kill(a, SIGKILL); /* what it left behind */
	exec_output_put(&a->output, a->exec->mask, item, &output);
	struct err why = ERR_INIT;
	enum outcome outcome = attempt_judge(a, class, &why);
	int64_t took_us = a->phase == PHASE_EXITED ? a->took_us
						   : clock_monotonic_us() - a->began_us;
	if (why.code != 0)
		exec_mask_put_err(a->exec->mask, item, &why, &line);
	else if (outcome != OUTCOME_DONE)
		put_err_line(a, &output, &line);
	tell(a, &(struct frame_outcome){
			.outcome = (uint8_t)outcome,
			.cancelled = a->cancelled,
			.began_at = a->began_at,
			.took_us = took_us,
			.err_class = class,
			.err = buf_str(&line),
			.output = output.data,
			.output_len = output.len,
			.output_cut = exec_output_is_cut(&a->output),
			.timings_us = {[TIMING_START] = a->start_us,
				       [TIMING_RUN] = timing_us(a->start_us, took_us)},
		});
}

/* Told by the timer, never from within exec_start. */
void exec_attempt_tell_failure(struct exec_attempt *a)
{
	AUTO(buf) struct buf line = BUF_INIT(ERR_LINE_BYTES);
	const char *class = a->class;

	/* Safety: that it could not be asked is no answer. */
	if (a->exec->context->asks && a->outcome != OUTCOME_NOT_BEGUN)
		a->outcome = OUTCOME_UNKNOWN;
	/* The words of a template's failure may show a value. */
	exec_mask_put_err(a->exec->mask, a->what.item.item, &a->err, &line);
	tell(a, &(struct frame_outcome){
			.outcome = (uint8_t)a->outcome,
			.cancelled = a->cancelled,
			.err_class = class,
			.err = buf_str(&line),
		});
}
