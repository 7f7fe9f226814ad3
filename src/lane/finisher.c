/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/finisher.h"

#include <assert.h>

#include "base/err.h"
#include "lane/brief.h"
#include "lane/link.h"
#include "source/source.h"
#include "sys/log.h"

enum { EXIT_ENGINE_GONE = 75 };

/* Besides the conditions of the link. */
enum { FINISHER_STOPPED = 3 };

static int finisher_on_then(struct finisher *finisher, struct link *link, const struct frame *frame,
			    struct err *err)
{
	struct frame_then then = {0};
	struct err why = ERR_INIT;
	int rc = frame_get_then(frame, &then, err);

	if (rc < 0)
		return rc;
	if (finisher_add(finisher, &then, &why) == 0)
		why.text[0] = '\0'; /* that is how the answer says so */
	frame_put_then_done(&link->out,
			    &(struct frame_then_done){.chunk_id = then.chunk_id, .err = why.text});
	return link_send(link, err);
}

/* One frame. FINISHER_STOPPED when that was STOP. */
static int finisher_step(struct finisher *finisher, struct link *link, struct err *err)
{
	struct frame frame = {0};
	int rc = link_read(link, -1, &frame, err);

	if (rc != 0)
		return rc;
	if (frame.type == FRAME_THEN)
		return finisher_on_then(finisher, link, &frame, err);
	if (frame.type != FRAME_STOP)
		return ERR(err, ERR_BUG, "%s is not for a finisher", frame_name(frame.type));
	rc = frame_get_empty(&frame, err);
	return rc < 0 ? rc : FINISHER_STOPPED;
}

int finisher_run(const struct brief *brief, struct link *link)
{
	struct err err = ERR_INIT;
	struct finisher *finisher = finisher_new(brief->job, &brief->run);

	frame_put_empty(&link->out, FRAME_READY);
	int rc = link_send(link, &err);
	while (rc == 0)
		rc = finisher_step(finisher, link, &err);
	finisher_free(finisher);
	if (rc == FINISHER_STOPPED)
		return 0;
	if (rc == LINK_END)
		return EXIT_ENGINE_GONE;
	log_error("finisher: %s", err.text);
	return err_exit_status(&err);
}
