/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: long-lived workers that are given items as lines and answer in lines, in any order.
 *
 * An item waits, is handed over (its line goes into the worker's pipe), and is answered:
 *
 *   waiting ──▶ queued (its line stands in our buffer) ──▶ held ──▶ told
 *      ▲            │                                       │
 *      └────────────┴── never written, or never read ───────┘
 *
 * The point of no return is the first byte of its line written into the pipe: `begun` is set
 * before that. What was only queued is provably unsent. When a worker has ended, what stands unread
 * in its pipe, and nobody is left who could read it, is provably unsent as well: both go to another
 * worker, uncharged. What was read and not answered is *lost*: nobody knows (frame.h, enum
 * frame_lost).
 *
 * A worker is ended (TERM, after 2 s KILL, its whole process group) when
 *   - its answer is none, is for an item that it does not hold, or is too long: it cannot be
 *     trusted, and nothing more of it is read. An answer that names an item that it holds lays the
 *     blame on that one.
 *   - the time limit of an item is over: the blame is on that one. Its time begins when it was
 *     written, and begins again with each answer to an item that was written before it: one that
 *     works items in turn lets them wait. Once it was overtaken, it does not begin again.
 *   - it closes its output and goes on.
 *   - the engine cancels an item that it holds.
 * What it answers while it ends counts, unless it is not trusted. A new one is started when it is
 * needed, after growing waits when workers end without any answer in between; after
 * STREAM_DEATHS_MAX of such, or when it cannot be started at all, what waits is told to be all
 * alike, which opens the breaker.
 *
 * Memory: a line that is queued has its place in a buffer of STREAM_QUEUE_BYTES (or is longer and
 * alone there); a worker that does not read gets no more. Of answers a line at most; of stderr what
 * keep_output says.
 *
 * Files: stream.c (the work, who gets what), stream_worker.c (a process: lines out, answers in),
 * stream_end.c (its end, and what becomes of what it held), stream_line.c, stream_answer.c.
 */
#ifndef STINT_WORK_STREAM_H
#define STINT_WORK_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "core/outcome.h"
#include "frame/frame.h"
#include "work/exec_output.h"
#include "work/work.h"

struct exec_mask;
struct exec_plan;
struct exec_user;
struct json_doc;
struct stream_answer;
struct stream_line;

enum {
	STREAM_MAGIC = 0x53747265,
	STREAM_WORKER_MAGIC = 0x53745772,
	STREAM_QUEUE_BYTES = 64 * 1024, /* what a pipe holds */
	STREAM_READ_BYTES = 64 * 1024,
	/* The longest line of an item. Records are shorter; what a transform makes of them need not
	 * be, and JSON writes six bytes for one that it has no letter for. */
	STREAM_LINE_MAX = 64 * 1024 * 1024,
	STREAM_CLASS_BYTES = 16,
	STREAM_WORDS_BYTES = 512,
	STREAM_DEATHS_MAX = 5,
};

struct stream_item {
	struct list node; /* of stream->waiting, or of worker->items in the order of their lines */
	struct stream_worker *worker; /* NULL: it waits */
	struct work_attempt what;
	uint64_t id; /* with this worker: a count and the slot */
	uint64_t at; /* where its line begins in all that the worker was given */
	bool is_used;
	bool is_cancelled;
	utime began_at; /* 0: not written yet */
	int64_t began_us;
	int64_t since_us; /* its time limit counts from here, or from the worker's last answer */
};

enum stream_state {
	STREAM_RUNNING,
	STREAM_CLOSING, /* nothing more will come: its input is closed */
	STREAM_MUTE,	/* closed its output or its input; it may be about to exit */
	STREAM_TERM,
	STREAM_KILL,
	STREAM_EXITED /* some of its group may not have gone yet */
};

struct stream_worker {
	uint32_t magic;
	struct list node;
	struct stream *stream;
	enum stream_state state;
	pid_t pid;
	int status; /* as of waitpid; with STREAM_EXITED */
	struct loop_child *child;
	struct loop_timer *timer;
	bool timer_is_set;
	int in_fd, out_fd, err_fd; /* of the watches; -1: closed */
	struct loop_watch *in;	   /* NULL: closed */
	struct loop_watch *out;	   /* NULL: the end was read, or it is not trusted */
	struct loop_watch *err;	   /* NULL: the end was read */
	bool is_blocked;	   /* its pipe is full */

	struct buf queue; /* lines to be written */
	size_t queue_at;
	uint64_t written; /* bytes, in all */
	struct buf line;  /* the beginning of an answer */
	struct exec_output said;

	struct list items;	 /* queued and held */
	struct list *unwritten;	 /* the first that is queued; &items: none is */
	struct list *unanswered; /* the first that was not overtaken; &items: none is */
	uint32_t n_items;
	uint64_t count;	     /* lines given */
	uint64_t overtaken;  /* the highest id that was answered */
	int64_t answered_us; /* its last answer */
	bool has_answered;
	bool is_distrusted;

	/* why we end it; class "": we do not */
	char class[STREAM_CLASS_BYTES];
	char words[STREAM_WORDS_BYTES];
	bool has_culprit;		   /* it is known whose fault it is … */
	const struct stream_item *culprit; /* … this one's; NULL: of none that it still holds */
	const char *mute;		   /* with STREAM_MUTE: what it has closed */
	int turns_left;			   /* to look for readers of its input that live on */
};

struct stream {
	uint32_t magic;
	const struct work_context *context;
	struct exec_plan *plan;
	struct exec_mask *mask;
	struct exec_user *user; /* NULL: as this process */
	struct stream_line *line;
	struct json_doc *doc;
	char *space; /* STREAM_READ_BYTES */
	bool shows;  /* what workers say may be shown: no field is sensitive */
	uint32_t workers_max;
	struct list workers;
	uint32_t n_workers;
	struct list waiting;
	struct stream_item *items; /* by slot, FRAME_TICKETS_MAX */
	struct loop_timer *timer;
	bool turn_is_due;
	int deaths; /* without an answer in between */
	int64_t not_before_us;
	bool is_closing;
};

/* stream.c */
/* Hands out what waits, soon. */
void stream_turn_soon(struct stream *stream);
/* Tells and forgets the item. */
void stream_tell(struct stream *stream, struct stream_item *item, struct frame_outcome *outcome);
/* Tells everything that waits the same. */
void stream_tell_waiting(struct stream *stream, enum outcome outcome, const char *class,
			 const char *words);
/* A worker has gone. */
void stream_on_gone(struct stream *stream);

/* stream_worker.c */
/* 0, or the errno of why not with `*ret_outcome`, class and words of what to say. Gives it to
 * `stream`. */
struct stream_failure {
	enum outcome outcome;
	const char *class;
	struct err err;
};
ST_MUST_CHECK int stream_worker_start(struct stream *stream, struct stream_worker **ret_worker,
				      struct stream_failure *ret_failure);
/* Room for one more line? */
bool stream_worker_has_room(const struct stream_worker *w);
/* Takes the item from those that wait, and queues its line. False: that is too long for any. */
ST_MUST_CHECK bool stream_worker_add(struct stream_worker *w, struct stream_item *item);
/* Writes what the pipe takes. */
void stream_worker_write(struct stream_worker *w);
/* Reads of its answers what is there, up to a bound; true when there may be more. */
bool stream_worker_read(struct stream_worker *w);
/* Keeps what it has said on stderr up to now. */
void stream_worker_listen(struct stream_worker *w);
void stream_worker_free(struct stream_worker *w);

/* stream_end.c */
/* Ends it for that reason; the first one stays. */
void stream_worker_end(struct stream_worker *w, const char *class, const char *fmt, ...)
	ST_PRINTF(3, 4);
/* … and it is known who has caused it. */
void stream_worker_blame(struct stream_worker *w, const struct stream_item *culprit);
/* Nothing more will come: lets it end by itself. */
void stream_worker_close(struct stream_worker *w);
/* It has closed its output, or its input: `what`, a literal. It may be about to exit. */
void stream_worker_is_mute(struct stream_worker *w, const char *what);
void stream_worker_on_exit(void *arg, pid_t pid, int status);
void stream_worker_on_timer(void *arg);
/* Sees to it that the time limits of what it holds are looked at. */
void stream_worker_watch_limits(struct stream_worker *w);
void stream_worker_kill(const struct stream_worker *w, int sig);

#endif
