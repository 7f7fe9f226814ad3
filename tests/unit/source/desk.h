/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of loading need: a folder of their own, a job, and everything that a load brings, each
 * item and each reject as one line of text. Items are read back from the bodies of the chunks, as
 * lanes do.
 */
#ifndef STINT_TESTS_UNIT_SOURCE_DESK_H
#define STINT_TESTS_UNIT_SOURCE_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "frame/frame.h"
#include "job/job.h"
#include "job/template.h"
#include "source/source.h"

enum { DESK_LINES_MAX = 20000, DESK_CHUNKS_MAX = 4096 };

struct desk_chunk {
	char *body;
	size_t len;
	uint32_t n;
};

struct desk {
	char dir[64];
	struct job *job;
	struct template_run run;
	struct source_options options;
	/* what a load brought */
	char *items[DESK_LINES_MAX]; /* "KEY @PATH:LINE a=1 b=null" */
	size_t n_items;
	char *rejects[DESK_LINES_MAX]; /* "PATH:LINE:COLUMN byte OFFSET: REASON [RAW]" */
	size_t n_rejects;
	struct desk_chunk chunks[DESK_CHUNKS_MAX];
	size_t n_chunks;
	int64_t read;
	int64_t held_back;
	bool tell;
	char *cursor; /* of the last batch */
	size_t cursor_len;
	int rc; /* what ended it: SOURCE_END, another condition or a failure */
	struct err err;
	/* what the ledger knows: keys held back, each between commas */
	const char *open_keys;
	const char *seen_keys;
	const char *known_run; /* had the content before */
	uint8_t digest[32];
	int n_waits;
	char waits[400]; /* the last thing waited for */
	bool is_stopped; /* waits say: stop */
	void (*on_wait)(struct desk *d);
	bool skip_items; /* do not read the bodies */
};

/* Begins with an empty folder; what was there before is forgotten. One desk in a program. */
struct desk *desk_open(void);
void desk_close(struct desk *d);
/* A path within the folder; valid until the fourth call from now. */
const char *desk_path(const struct desk *d, const char *name);
void desk_write(struct desk *d, const char *name, const char *text);
void desk_write_bytes(struct desk *d, const char *name, const void *data, size_t len);
void desk_append(struct desk *d, const char *name, const char *text);
char *desk_read(struct desk *d, const char *name, size_t *ret_len);
bool desk_has(const struct desk *d, const char *name);
/* The job whose file has these lines under `source:` (two blanks in front), then `more`. */
void desk_job(struct desk *d, const char *source, const char *more);
/* Loads until the end, or until `max_batches` (0: all). */
void desk_load(struct desk *d);
void desk_load_some(struct desk *d, int max_batches);
/* Forgets what was loaded, keeps the cursor. */
void desk_forget(struct desk *d);
/* Goes on behind the last batch. */
void desk_resume(struct desk *d);
/* Tells a finisher about all chunks, with every item good, and ends the list. */
int desk_finish(struct desk *d, struct err *err);

/* Shorthands that show what there is when it is not what it should be. */
void desk_expect_items(const struct desk *d, size_t n, const char *const *lines);
void desk_expect_rejects(const struct desk *d, size_t n, const char *const *lines);
void desk_expect_end(const struct desk *d);
void desk_expect_failure(const struct desk *d, int code, const char *text);

#define EXPECT_ITEMS(d, ...)                                                                       \
	desk_expect_items((d), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),             \
			  (const char *[]){__VA_ARGS__})
#define EXPECT_REJECTS(d, ...)                                                                     \
	desk_expect_rejects((d), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),           \
			    (const char *[]){__VA_ARGS__})

#endif
