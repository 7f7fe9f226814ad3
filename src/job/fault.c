/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fault.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

/* What a person still reads as one line; also keeps a report within an err's text. */
enum { FAULT_TEXT_MAX = 400, PRINTABLE_MAX = 4 * FAULT_TEXT_MAX /* \xNN for each byte */ };

static bool faults_has(const struct faults *f, struct mark at, const char *text)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].at.line == at.line && f->list[i].at.column == at.column &&
		    strcmp(f->list[i].text, text) == 0)
			return true;
	return false;
}

void faults_add(struct faults *f, struct mark at, const char *fmt, ...)
{
	char raw[FAULT_TEXT_MAX];
	AUTO(buf) struct buf printable = BUF_INIT(PRINTABLE_MAX);
	va_list ap;

	assert(f != NULL && fmt != NULL);
	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap); /* cut when too long: still true */
	va_end(ap);
	text_put_printable(&printable, raw, strlen(raw), 0); /* names come from the file */
	const char *text = buf_str(&printable);
	if (faults_has(f, at, text))
		return;
	if (f->n == FAULTS_MAX) {
		f->n_more++;
		return;
	}
	f->list[f->n++] = (struct fault){.at = at, .text = xstrdup(text)};
}

void faults_done(struct faults *f)
{
	assert(f != NULL);
	for (size_t i = 0; i < f->n; i++)
		free(f->list[i].text);
	*f = (struct faults){0};
}

static bool fault_is_before(const struct fault *a, const struct fault *b)
{
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line;
	return a->at.column < b->at.column;
}

/* By place; those at one place stay as they were found. */
static void faults_sort(struct faults *f)
{
	for (size_t i = 1; i < f->n; i++)
		for (size_t k = i; k > 0 && fault_is_before(&f->list[k], &f->list[k - 1]); k--) {
			struct fault swap = f->list[k];
			f->list[k] = f->list[k - 1];
			f->list[k - 1] = swap;
		}
}

static void fault_format(const struct fault *fault, const char *path, char *out, size_t size)
{
	if (fault->at.line == 0)
		(void)snprintf(out, size, "%s: %s", path, fault->text);
	else
		(void)snprintf(out, size, "%s:%d:%d: %s", path, fault->at.line, fault->at.column,
			       fault->text);
}

int faults_report(struct faults *f, const char *path, job_report_fn report, void *arg,
		  struct err *err)
{
	char line[PRINTABLE_MAX + 1024]; /* a path may be long */
	size_t all = f->n + f->n_more;

	assert(path != NULL && err != NULL);
	if (f->n == 0)
		return 0;
	faults_sort(f);
	if (report == NULL) {
		fault_format(&f->list[0], path, line, sizeof(line));
		return ERR(err, ERR_CONFIG, "%s", line);
	}
	for (size_t i = 0; i < f->n; i++) {
		fault_format(&f->list[i], path, line, sizeof(line));
		report(arg, line);
	}
	if (f->n_more > 0) {
		(void)snprintf(line, sizeof(line), "%s: and %zu more", path, f->n_more);
		report(arg, line);
	}
	return ERR(err, ERR_CONFIG, "%s: %zu fault%s in the job file", path, all,
		   all == 1 ? "" : "s");
}
