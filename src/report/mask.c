/* SPDX-License-Identifier: Apache-2.0 */
#include "report/mask.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "job/job.h"
#include "ledger/ledger.h"

enum { DIGEST_SHOWN = 2 }; /* bytes: tells apart, gives nothing away */

/* Whether the field of that name is sensitive; a template with a sensitive field in it is, too. */
static bool is_sensitive(const struct job *job, const char *name)
{
	char placeholder[256] = {0};

	if (name == NULL)
		return false;
	for (size_t i = 0; i < job->source.n_fields; i++) {
		const struct field *field = &job->source.fields[i];
		if (!field->sensitive)
			continue;
		(void)snprintf(placeholder, sizeof(placeholder), "${%s}", field->name);
		if (strcmp(field->name, name) == 0 || strstr(name, placeholder) != NULL)
			return true;
	}
	return false;
}

struct mask mask_of_job(const char *job_text)
{
	AUTO(job) struct job *job = NULL;
	struct err ignored = ERR_INIT;

	assert(job_text != NULL);
	if (job_parse(job_text, strlen(job_text), "the run's job", "/", NULL, NULL, &job,
		      &ignored) < 0)
		return (struct mask){.key = true, .person = true};
	struct mask mask = {0};
	for (size_t i = 0; i < job->n_steps; i++) { /* what one step hides, all do */
		const struct job *step = job->steps[i];
		mask.key = mask.key || is_sensitive(step, step->source.key);
		mask.person = mask.person || is_sensitive(step, step->person);
	}
	return mask;
}

static int on_job_text(void *arg, const struct ledger_row *row)
{
	struct mask *mask = arg;
	const char *text = ledger_row_text(row, 0, NULL);

	*mask = mask_of_job(text == NULL ? "" : text);
	return 1;
}

int mask_of_run(struct ledger *ledger, int64_t run_id, struct mask *ret_mask, struct err *err)
{
	static const char sql[] = "SELECT job_text FROM run_text WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run_id};

	assert(ledger != NULL && ret_mask != NULL && err != NULL);
	*ret_mask = (struct mask){.key = true, .person = true};
	int rc = ledger_select(ledger, sql, &param, 1, on_job_text, ret_mask, err);
	return rc < 0 ? rc : 0;
}

const char *mask_value(bool is_masked, const char *value, struct arena *arena)
{
	uint8_t digest[SHA256_BYTES] = {0};
	char hex[2 * DIGEST_SHOWN + 1] = {0};
	char shown[UTF8_BYTES_MAX + 8 + sizeof(hex)] = {0};

	if (!is_masked || value == NULL || value[0] == '\0')
		return value;
	size_t first = utf8_sequence(value, strlen(value));
	hash_sha256(value, strlen(value), digest);
	hash_hex(digest, DIGEST_SHOWN, hex);
	(void)snprintf(shown, sizeof(shown), "%.*s***-%s", (int)first, value, hex);
	return arena_str(arena, shown);
}
