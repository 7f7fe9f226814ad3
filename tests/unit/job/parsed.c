/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit/job/parsed.h"

static const char name[] = "job.yaml";

static void collect(void *arg, const char *message)
{
	struct parsed *p = arg;

	assert_memory_equal(message, name, sizeof(name) - 1);
	assert_true(p->n < PARSED_FAULTS_MAX);
	p->faults[p->n++] = xstrdup(message + sizeof(name));
}

struct parsed parsed_of_bytes(const char *text, size_t len)
{
	struct parsed p = {0};

	p.rc = job_parse(text, len, name, "/srv/jobs", collect, &p, &p.job, &p.err);
	assert_true((p.rc == 0) == (p.n == 0));
	assert_true((p.rc == 0) == (p.job != NULL));
	return p;
}

struct parsed parsed_of(const char *text)
{
	return parsed_of_bytes(text, strlen(text));
}

void parsed_done(struct parsed *p)
{
	job_free(p->job);
	for (size_t i = 0; i < p->n; i++)
		free(p->faults[i]);
	*p = (struct parsed){0};
}

void parsed_auto(struct parsed *p)
{
	parsed_done(p);
}

bool parsed_has(const struct parsed *p, const char *fault)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->faults[i], fault) == 0)
			return true;
	return false;
}

static void show(const struct parsed *p, const char *text)
{
	print_message("faults of:\n%s\n", text);
	for (size_t i = 0; i < p->n; i++)
		print_message("  %s\n", p->faults[i]);
}

struct job *job_of(const char *text)
{
	struct parsed p = parsed_of(text);

	if (p.rc != 0)
		show(&p, text);
	assert_int_equal(p.rc, 0);
	return p.job;
}

void assert_fault(const char *text, const char *fault)
{
	AUTO(parsed) struct parsed p = parsed_of(text);

	assert_int_equal(p.rc, ERR_CONFIG);
	if (!parsed_has(&p, fault)) {
		show(&p, text);
		fail_msg("not found: %s", fault);
	}
}

void assert_only_fault(const char *text, const char *fault)
{
	AUTO(parsed) struct parsed p = parsed_of(text);

	if (p.n != 1)
		show(&p, text);
	assert_int_equal(p.n, 1);
	assert_string_equal(p.faults[0], fault);
}
