/* SPDX-License-Identifier: Apache-2.0 */
#include "job/database_url.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "job/secret.h"
#include "job/template.h"
#include "job/template_parts.h"

static bool is_reference(const char *url)
{
	static const char *const kinds[] = {"env:", "file:", "credential:"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncmp(url, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static void put_encoded(struct buf *out, const char *text, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\0' && strchr(plain, text[i]) != NULL)
			buf_putc(out, text[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)text[i]);
	}
}

static int put_parts(const struct template *t, bool is_encoded, const struct template_run *run,
		     struct buf *out, struct err *err)
{
	AUTO(buf) struct buf value = BUF_INIT(DATABASE_URL_MAX);
	int rc = 0;

	(void)buf_reserve(&value, DATABASE_URL_MAX); /* or growing would leave copies */
	for (size_t i = 0; rc == 0 && i < t->n; i++) {
		const struct part *part = &t->parts[i];
		if (part->kind == PART_LITERAL) {
			buf_put(out, part->text, part->len);
			continue;
		}
		buf_reset(&value);
		rc = template_put_part(t, i, run, NULL, &value, err);
		if (rc == 0 && is_encoded)
			put_encoded(out, buf_str(&value), value.len);
		else if (rc == 0)
			buf_put(out, buf_str(&value), value.len);
	}
	if (value.data != NULL)
		explicit_bzero(value.data, value.cap);
	return rc;
}

int database_url_put(const struct job *job, const char *url, const struct template_run *run,
		     struct buf *out, struct err *err)
{
	static char name[] = "of the database's url";
	AUTO(template) struct template *t = NULL;
	char reference[512];

	assert(job != NULL && url != NULL && out != NULL && err != NULL);
	if (is_reference(url)) {
		if (strlen(url) >= sizeof(reference))
			return ERR(err, ERR_CONFIG, "the url of the database is too long");
		memcpy(reference, url, strlen(url) + 1);
		const struct job_secret secret = {.name = name, .reference = reference};
		return secret_read(job, &secret, out, err);
	}
	int rc = template_parse_for(TEMPLATE_FOR_WORKER, url, strlen(url), job, &t, err);
	if (rc == 0)
		rc = put_parts(t, strncmp(url, "postgres", 8) == 0, run, out, err);
	return rc < 0 ? rc : buf_check(out, "the url of a database", err);
}
