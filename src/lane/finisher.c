/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/finisher.h"

#include <assert.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "lane/assemble.h"
#include "lane/brief.h"
#include "lane/link.h"
#include "source/source.h"
#include "sys/log.h"
#include "target/target.h"
#include "work/exec_mask.h"

enum { EXIT_ENGINE_GONE = 75, WORDS_MAX = 8192 };

/* Besides the conditions of the link. */
enum { FINISHER_STOPPED = 3 };

/* What is done at the end of a run. */
struct ends {
	struct target_place place;
	struct assembly *assembly; /* the file that is written, or NULL */
	struct target *target;	   /* the database whose end there is, or NULL */
	struct finisher *finisher; /* the source's */
	struct exec_mask *mask;	   /* of the secrets, for what a database says */
	struct buf words;	   /* what became of the target */
	bool has_ended;		   /* the target */
};

static int ends_open(struct ends *ends, const struct brief *brief, struct err *err)
{
	int rc = assembly_new(brief, &ends->assembly, err);

	ends->place = (struct target_place){
		.job = brief->job, .run = &brief->run, .ledger_uuid = brief->hello.ledger_uuid};
	buf_init(&ends->words, WORDS_MAX);
	ends->finisher = finisher_new(brief->job, &brief->run);
	ends->mask = exec_mask_new(brief->job);
	if (rc < 0 || !job_has_target(brief->job) || !job_has_end(brief->job))
		return rc;
	return target_open(&ends->place, &ends->target, err);
}

static void ends_close(struct ends *ends)
{
	finisher_free(ends->finisher);
	exec_mask_free(ends->mask);
	assembly_free(ends->assembly);
	target_free(ends->target);
	buf_done(&ends->words);
}

/* Safety: it may be done twice, by us or by another, since its mark says that it was. */
static int ends_work(struct ends *ends, const struct frame_then *then, struct err *err)
{
	if (ends->assembly != NULL)
		return assembly_add(ends->assembly, then, err);
	if (ends->target == NULL)
		return ERR(err, ERR_BUG, "this job's work has no end");
	if (ends->has_ended)
		return 0;
	int rc = target_end(ends->target, &ends->words, err);
	ends->has_ended = rc == 0;
	return rc;
}

/* on_finish. Safety: each has a mark of its own, so those that were executed before one that
 * failed are not executed again. */
static int ends_run(const struct ends *ends, struct err *err)
{
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ends->place.job->n_finishes; i++) {
		struct target *target = NULL;
		struct target_place place = ends->place;
		struct job job;
		job_finish(ends->place.job, i, &job);
		place.job = &job;
		rc = target_open(&place, &target, err);
		if (rc == 0)
			rc = target_end(target, &words, err);
		target_free(target);
	}
	if (rc != 0)
		err_add(err, "on_finish: ");
	return rc;
}

static int ends_add(struct ends *ends, const struct frame_then *then, struct err *err)
{
	switch (then->ending) {
	case 0:
		return finisher_add(ends->finisher, then, err);
	case FRAME_ENDING_WORK:
		return ends_work(ends, then, err);
	case FRAME_ENDING_RUN:
		return ends_run(ends, err);
	default:
		return ERR(err, ERR_BUG, "this job has no such end (%d)", then->ending);
	}
}

/* The same would happen again: somebody has to mend the place, the statement, the job. */
static bool is_lasting(int code)
{
	switch (code) {
	case ERR_NOINPUT:
	case ERR_PERM:
	case ERR_CONFIG:
	case ERR_DATA:
	case ERR_TOO_BIG:
	case ERR_BUG:
		return true;
	default: /* full, unreachable, an error of the disk: it may pass */
		return false;
	}
}

static int finisher_on_then(struct ends *ends, struct link *link, const struct frame *frame,
			    struct err *err)
{
	AUTO(buf) struct buf why_not = BUF_INIT(WORDS_MAX);
	struct frame_then then = {0};
	struct err why = ERR_INIT;
	int rc = frame_get_then(frame, &then, err);

	if (rc < 0)
		return rc;
	bool is_end = then.ending == FRAME_ENDING_WORK;
	rc = ends_add(ends, &then, &why);
	if (rc != 0) /* no text: it went well */
		exec_mask_put_err(ends->mask, NULL, &why, &why_not);
	const char *says = then.ending == FRAME_ENDING_RUN ? "on_finish was executed"
			   : !is_end			   ? ""
			   : ends->target != NULL	   ? buf_str(&ends->words)
							   : assembly_words(ends->assembly);
	frame_put_then_done(
		&link->out,
		&(struct frame_then_done){.ending = then.ending,
					  .chunk_id = then.chunk_id,
					  .err = buf_str(&why_not),
					  .is_lasting = is_lasting(rc),
					  .says = says,
					  .result = is_end ? assembly_result(ends->assembly) : ""});
	return link_send(link, err);
}

/* One frame. FINISHER_STOPPED when that was STOP. */
static int finisher_step(struct ends *ends, struct link *link, struct err *err)
{
	struct frame frame = {0};
	int rc = link_read(link, -1, &frame, err);

	if (rc != 0)
		return rc;
	if (frame.type == FRAME_THEN)
		return finisher_on_then(ends, link, &frame, err);
	if (frame.type != FRAME_STOP)
		return ERR(err, ERR_BUG, "%s is not for a finisher", frame_name(frame.type));
	rc = frame_get_empty(&frame, err);
	if (rc < 0)
		return rc;
	assembly_clean(ends->assembly);
	return FINISHER_STOPPED;
}

int finisher_run(const struct brief *brief, struct link *link)
{
	struct err err = ERR_INIT;
	struct ends ends = {0};
	int rc = ends_open(&ends, brief, &err);

	frame_put_empty(&link->out, FRAME_READY);
	if (rc == 0)
		rc = link_send(link, &err);
	while (rc == 0)
		rc = finisher_step(&ends, link, &err);
	ends_close(&ends);
	if (rc == FINISHER_STOPPED)
		return 0;
	if (rc == LINK_END)
		return EXIT_ENGINE_GONE;
	log_error("finisher: %s", err.text);
	return err_exit_status(&err);
}
