/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pulse_thread.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/writer.h"
#include "sys/log.h"

struct pulse_thread {
	struct writer *writer;
	struct ledger_pulse *pulse; /* the thread's while a beat is under way */
	pulse_done_fn done;
	void *arg;
	bool is_out;
	/* the beat under way */
	int64_t inc;
	uint8_t nonce[LEDGER_NONCE_BYTES];
	enum ledger_status status;
	struct err err;
};

static void pulse_apply(void *arg, void *task)
{
	struct pulse_thread *t = arg;
	const struct err none = ERR_INIT;

	assert(task == t);
	t->err = none;
	t->status = ledger_pulse_beat(t->pulse, t->inc, t->nonce, &t->err);
}

static void pulse_applied(void *arg, void *task, bool applied)
{
	struct pulse_thread *t = arg;

	assert(task == t);
	t->is_out = false;
	if (!applied)
		return;
	if (t->status != LEDGER_APPLIED)
		log_debug("a beat: %s", t->err.text);
	t->done(t->arg, t->status);
}

int pulse_thread_new(struct loop *loop, struct ledger *ledger, pulse_done_fn done, void *arg,
		     struct pulse_thread **ret_thread, struct err *err)
{
	struct pulse_thread *t = xnew(struct pulse_thread);

	t->done = done;
	t->arg = arg;
	int rc = writer_new(loop, pulse_apply, pulse_applied, t, &t->writer, err);
	if (rc < 0) {
		free(t);
		return rc;
	}
	t->pulse = ledger_pulse_new(ledger);
	*ret_thread = t;
	return 0;
}

void pulse_thread_beat(struct pulse_thread *t, int64_t inc, const uint8_t nonce[LEDGER_NONCE_BYTES])
{
	assert(t != NULL && !t->is_out);
	t->is_out = true;
	t->inc = inc;
	memcpy(t->nonce, nonce, sizeof(t->nonce));
	writer_submit(t->writer, t);
}

void pulse_thread_free(struct pulse_thread *t)
{
	if (t == NULL)
		return;
	writer_free(t->writer);
	ledger_pulse_free(t->pulse);
	free(t);
}
