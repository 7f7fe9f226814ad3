/* SPDX-License-Identifier: Apache-2.0 */
#include "work/stream_answer.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

enum {
	DOC_BYTES_MAX = 64 * STREAM_ANSWER_MAX, /* a value takes 64 bytes, the shortest are two */
	ID_DIGITS_MAX = 19,			/* all of them fit */
};

/* What a worker may say; it knows nothing of the others. */
static const enum outcome sayable[] = {OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_DEAD, OUTCOME_UNKNOWN};

struct json_doc *stream_answer_doc(void)
{
	return json_doc_new(DOC_BYTES_MAX);
}

/* Ids are decimal numbers as we write them: no sign, no leading zero. 0 when it is none. */
static uint64_t parse_id(const char *text, size_t len)
{
	uint64_t id = 0;

	if (len == 0 || len > ID_DIGITS_MAX || text[0] == '0')
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		id = id * 10 + (uint64_t)(text[i] - '0');
	}
	return id;
}

static enum outcome find_outcome(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(sayable); i++) {
		const char *name = outcome_name(sayable[i]);
		if (strlen(name) == len && memcmp(name, text, len) == 0)
			return sayable[i];
	}
	return OUTCOME_COUNT_;
}

/* ---- the common case ---- */

static bool skip(const char **at, const char *end, const char *text)
{
	size_t len = strlen(text);

	while (*at < end && **at == ' ')
		++*at;
	if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* A string without escapes, its quotes included. */
static bool take_plain(const char **at, const char *end, const char **ret_text, size_t *ret_len)
{
	if (!skip(at, end, "\""))
		return false;
	*ret_text = *at;
	while (*at < end && **at != '"' && **at != '\\' && (unsigned char)**at >= ' ')
		++*at;
	*ret_len = (size_t)(*at - *ret_text);
	return skip(at, end, "\"");
}

/* {"id":"…","outcome":"…"} and nothing else, which nearly all answers are: without a tree. False
 * when it is anything else; the parser then says what. */
static bool parse_common(const char *line, size_t len, struct stream_answer *a)
{
	const char *at = line;
	const char *end = line + len;
	const char *id = NULL;
	const char *outcome = NULL;
	size_t id_len = 0;
	size_t outcome_len = 0;

	if (!skip(&at, end, "{") || !skip(&at, end, "\"id\"") || !skip(&at, end, ":") ||
	    !take_plain(&at, end, &id, &id_len) || !skip(&at, end, ",") ||
	    !skip(&at, end, "\"outcome\"") || !skip(&at, end, ":") ||
	    !take_plain(&at, end, &outcome, &outcome_len) || !skip(&at, end, "}") || at != end)
		return false;
	a->id = parse_id(id, id_len);
	a->outcome = find_outcome(outcome, outcome_len);
	return a->id != 0 && a->outcome != OUTCOME_COUNT_;
}

/* ---- any answer ---- */

/* The member's text; "" when it is absent or null. */
static int take_text(const struct json *root, const char *name, const char **ret_text,
		     size_t *ret_len, struct err *err)
{
	const struct json *value = json_find(root, name, strlen(name));

	*ret_text = "";
	*ret_len = 0;
	if (value == NULL || value->type == JSON_NULL)
		return 0;
	if (value->type != JSON_STRING)
		return ERR(err, ERR_DATA, "its \"%s\" is no string", name);
	*ret_text = value->text;
	*ret_len = value->text_len;
	return 0;
}

static int take_id(const struct json *root, struct stream_answer *a, struct err *err)
{
	const char *text = "";
	size_t len = 0;
	int rc = take_text(root, "id", &text, &len, err);

	if (rc < 0)
		return rc;
	if (len == 0)
		return ERR(err, ERR_DATA, "it has no \"id\"");
	a->id = parse_id(text, len);
	if (a->id == 0)
		return ERR(err, ERR_DATA, "its \"id\" was never given to it");
	return 0;
}

static int take_outcome(const struct json *root, struct stream_answer *a, struct err *err)
{
	const char *text = "";
	size_t len = 0;
	int rc = take_text(root, "outcome", &text, &len, err);

	if (rc < 0)
		return rc;
	if (len == 0)
		return ERR(err, ERR_DATA, "it has no \"outcome\"");
	a->outcome = find_outcome(text, len);
	if (a->outcome == OUTCOME_COUNT_)
		return ERR(err, ERR_DATA,
			   "its \"outcome\" is none of done, retry, dead and unknown");
	return 0;
}

int stream_answer_parse(struct json_doc *doc, const char *line, size_t len,
			struct stream_answer *ret_answer, struct err *err)
{
	const struct json *root = NULL;

	assert(doc != NULL && (line != NULL || len == 0) && ret_answer != NULL);
	struct stream_answer *a = ret_answer;
	*a = (struct stream_answer){.outcome = OUTCOME_COUNT_, .error = ""};
	if (parse_common(line, len, a))
		return 0;
	*a = (struct stream_answer){.outcome = OUTCOME_COUNT_, .error = ""};
	if (json_parse_into(doc, line, len, &root, err) < 0)
		return ERR(err, ERR_DATA, "it is no JSON");
	if (root->type != JSON_OBJECT)
		return ERR(err, ERR_DATA, "it is no object");
	int rc = take_id(root, a, err);
	if (rc == 0)
		rc = take_outcome(root, a, err);
	if (rc == 0)
		rc = take_text(root, "error", &a->error, &a->error_len, err);
	const struct json *keep = json_find(root, "keep", sizeof("keep") - 1);
	if (rc == 0 && keep != NULL && keep->type != JSON_OBJECT && keep->type != JSON_NULL)
		return ERR(err, ERR_DATA, "its \"keep\" is no object");
	if (rc == 0 && keep != NULL && keep->type == JSON_OBJECT && keep->n > 0)
		a->keep = keep;
	return rc;
}
