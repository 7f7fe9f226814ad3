/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/work/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "job/job.h"
#include "loop/loop.h"

static const char HEAD[] = "version: 1\n"
			   "job: test\n"
			   "secrets: {tok: env:PROBE_TOKEN}\n"
			   "source:\n"
			   "  csv: {path: in.csv}\n"
			   "  key: id\n"
			   "  fields:\n"
			   "    id: text\n"
			   "    secret: {type: text, sensitive: true}\n"
			   "    total: \"decimal?\"\n"
			   "    n_1: integer\n"
			   "work:\n";

static void on_done(void *arg, const struct frame_outcome *o)
{
	struct probe *p = arg;

	p->n_done++;
	p->ticket = o->ticket;
	p->outcome = o->outcome;
	p->cancelled = o->cancelled;
	p->output_cut = o->output_cut;
	p->began_at = o->began_at;
	p->took_us = o->took_us;
	p->begun_before = (int)p->slots[o->ticket].begun;
	(void)snprintf(p->err_class, sizeof(p->err_class), "%s", o->err_class);
	(void)snprintf(p->err, sizeof(p->err), "%s", o->err);
	assert_true(o->output_len < sizeof(p->output));
	if (o->output_len > 0)
		memcpy(p->output, o->output, o->output_len);
	p->output[o->output_len] = '\0';
	p->output_len = o->output_len;
	if (p->n_done == p->stop_at)
		loop_stop(p->loop);
}

int probe_try(struct probe *p, const char *work, const char *directory, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(1 << 20);

	memset(p, 0, sizeof(*p));
	buf_puts(&text, HEAD);
	buf_puts(&text, work);
	p->slots = calloc(FRAME_TICKETS_MAX, sizeof(*p->slots));
	p->loop = loop_new();
	int rc = job_parse(buf_str(&text), text.len, "test.yaml",
			   directory == NULL ? "/" : directory, NULL, NULL, &p->job, err);
	if (rc < 0)
		return rc;
	p->run = (struct template_run){.id = 17,
				       .name = "test@2026-03-29",
				       .job = "test",
				       .slot = "2026-03-29",
				       .date = "2026-03-28"};
	probe_set(p, FIELD_ID, "inv-1", 5);
	probe_set(p, FIELD_SECRET, "hunter2", 7);
	probe_set(p, FIELD_TOTAL, "12.50", 5);
	probe_set(p, FIELD_N, "3", 1);
	p->item = (struct item){
		.fields = p->values, .key = "inv-1", .key_len = 5, .source_path = "in.csv"};
	const struct work_context context = {.loop = p->loop,
					     .job = p->job,
					     .run = &p->run,
					     .run_date = p->run.date,
					     .nonce = "c0ffee",
					     .slots = p->slots,
					     .arg = p,
					     .done = on_done};
	return work_open(&context, &p->work, err);
}

void probe_open(struct probe *p, const char *work, const char *directory)
{
	struct err err = ERR_INIT;

	if (probe_try(p, work, directory, &err) != 0)
		fail_msg("%s", err.text);
}

void probe_close(struct probe *p)
{
	work_free(p->work);
	loop_free(p->loop);
	job_free(p->job);
	free(p->slots);
}

void probe_set(struct probe *p, int field, const char *text, size_t len)
{
	p->values[field] = (struct value){.text = text, .len = len, .is_null = text == NULL};
}

void probe_start(struct probe *p, uint32_t ticket)
{
	const struct work_attempt attempt = {
		.ticket = ticket,
		.is_probe = p->is_probe,
		.item = {.item = &p->item, .number = 4, .attempt = 2, .idempotency_key = "ikey"}};

	work_start(p->work, &attempt);
}

void probe_wait(struct probe *p, int n)
{
	p->stop_at = n;
	if (p->n_done < n)
		loop_run(p->loop);
	assert_int_equal(p->n_done, n);
}

void probe_run(struct probe *p, const char *work)
{
	probe_open(p, work, NULL);
	probe_start(p, 7);
	assert_int_equal(p->n_done, 0); /* never from within */
	assert_int_equal(work_in_flight(p->work), 1);
	probe_wait(p, 1);
	assert_int_equal(p->ticket, 7);
	assert_int_equal(work_in_flight(p->work), 0);
}
