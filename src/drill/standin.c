/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/standin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "drill/attempt.h"
#include "job/job.h"
#include "sys/file.h"

enum { WORDS_MIN = 5, LINE_BYTES_MAX = 64 * 1024 * 1024, DOC_BYTES_MAX = 2 * LINE_BYTES_MAX };

void standin_stage(const char *stage, const struct job *step, char *out, size_t size)
{
	if (step->step_name == NULL)
		(void)snprintf(out, size, "%s", stage);
	else
		(void)snprintf(out, size, "%s/step-%d", stage, step->step);
}

/* ---- a program for each item ---- */

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? "-" : value;
}

static int work_one(const struct attempt_role *role)
{
	const struct attempt_item item = {.idempotency_key = environment("STINT_IDEMPOTENCY_KEY"),
					  .key = environment("STINT_KEY"),
					  .attempt = environment("STINT_ATTEMPT")};
	int turn = 0;

	return attempt_play(role, &item, &turn);
}

/* ---- a worker for one after the other ---- */

/* What of each answer is kept, and as what. */
struct keeping {
	char *const *names;
	bool as_numbers;
};

/* What is made up is the number of the attempt: another one for each item. */
static void put_answer(struct buf *out, const struct json *id, bool is_done,
		       const struct keeping *keeping, int turn)
{
	struct json_writer w = {0};
	char made_up[16];

	(void)snprintf(made_up, sizeof(made_up), "%d", turn);
	jw_init(&w, out);
	jw_object(&w);
	jw_name(&w, "id");
	jw_string(&w, id->text, id->text_len);
	jw_member_text(&w, "outcome", is_done ? "done" : "retry");
	if (!is_done)
		jw_member_text(&w, "error", "refused");
	if (is_done) {
		jw_name(&w, "keep");
		jw_object(&w);
		for (char *const *name = keeping->names; *name != NULL; name++) {
			if (keeping->as_numbers)
				jw_member_int(&w, *name, turn);
			else
				jw_member_text(&w, *name, made_up);
		}
		jw_object_end(&w);
	}
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(out, '\n');
}

static const struct json *member(const struct json *root, const char *name)
{
	return json_find(root, name, strlen(name));
}

static bool work_line(const struct attempt_role *role, const struct buf *line,
		      const struct keeping *keeping)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	AUTO(buf) struct buf attempt = BUF_INIT(LINE_BYTES_MAX);
	AUTO(buf) struct buf answer = BUF_INIT(LINE_BYTES_MAX);
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	int turn = 0;

	if (json_parse(line->data, line->len, DOC_BYTES_MAX, &doc, &root, &err) < 0)
		return false;
	const struct json *id = member(root, "id");
	const struct json *key = member(root, "key");
	const struct json *number = member(root, "attempt");
	const struct json *idempotency_key = member(root, "idempotency_key");
	if (id == NULL || key == NULL || number == NULL || idempotency_key == NULL)
		return false;
	json_put(&attempt, number);
	const struct attempt_item item = {.idempotency_key = idempotency_key->text,
					  .key = key->text,
					  .attempt = buf_str(&attempt)};
	int status = attempt_play(role, &item, &turn);
	put_answer(&answer, id, status == ATTEMPT_DONE, keeping, turn);
	return !answer.failed && fd_write_all(STDOUT_FILENO, answer.data, answer.len) == 0;
}

/* Byte by byte: a line that was not begun stays in the pipe, where it is known to be unread. */
static bool read_line(struct buf *line)
{
	char c = '\0';

	buf_reset(line);
	while (read(STDIN_FILENO, &c, 1) == 1) {
		if (c == '\n')
			return !line->failed;
		buf_putc(line, c);
	}
	return false;
}

static int work_lines(const struct attempt_role *role, const struct keeping *keeping)
{
	AUTO(buf) struct buf line = BUF_INIT(LINE_BYTES_MAX);

	while (read_line(&line))
		if (!work_line(role, &line, keeping))
			return ATTEMPT_FAILED;
	return ATTEMPT_DONE;
}

int standin_main(int argc, char **argv)
{
	if (argc < WORDS_MIN)
		return ATTEMPT_FAILED;
	struct attempt_role role = {.stage = argv[2],
				    .scene = scene_from_name(argv[3]),
				    .first = strtol(argv[4], NULL, 10)};
	char **more = argv + WORDS_MIN;

	if (strcmp(argv[3], STANDIN_VERIFY) == 0)
		return attempt_verify(role.stage, environment("STINT_IDEMPOTENCY_KEY"));
	if (role.scene == SCENE_COUNT_)
		return ATTEMPT_FAILED;
	if (*more != NULL && strcmp(*more, STANDIN_MARKS) == 0) {
		role.has_marks = true;
		more++;
	}
	if (*more == NULL)
		return work_one(&role);
	return work_lines(
		&role, &(struct keeping){.names = more + 1,
					 .as_numbers = strcmp(*more, STANDIN_KEEP_NUMBERS) == 0});
}
