/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's end of the engine's socket, while calls fail in it. The engine is played here, too; its
 * calls do not fail. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "frame/frame.h"
#include "inject/inject.h"
#include "lane/link.h"

enum {
	FRAMES = 30,
	SMALL_BYTES = 900,
	LARGE_BYTES = 700 * 1024, /* more than the socket takes, and than is read at once */
	WHOLE_BYTES = 8 * 1024 * 1024,
	WAIT_US = 5000
};

static char body[LARGE_BYTES];

struct exchange {
	int engine_fd;
	struct buf to_lane;
	struct buf from_lane;
	struct link link;
	uint32_t n_read;
};

static void nothing(void)
{
}

static size_t body_bytes(uint32_t i)
{
	return i % 10 == 9 ? LARGE_BYTES - i : SMALL_BYTES + i;
}

static void begin(struct exchange *x)
{
	int pair[2];
	struct err err = ERR_INIT;

	calls_pause();
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 % 251);
	buf_init(&x->to_lane, WHOLE_BYTES);
	buf_init(&x->from_lane, WHOLE_BYTES);
	for (uint32_t i = 0; i < FRAMES; i++)
		frame_put_chunk(&x->to_lane, &(struct frame_chunk){.handle = i,
								   .first_item = 10 * i,
								   .n = 10,
								   .body = body,
								   .body_len = body_bytes(i)});
	if (x->to_lane.failed || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	calls_go_on();
	x->engine_fd = pair[0];
	if (link_init(&x->link, pair[1], &err) < 0)
		inject_fail(&err);
}

/* The engine sends what the socket takes. */
static void engine_send(struct exchange *x)
{
	ssize_t n = 0;

	calls_pause();
	if (x->to_lane.len > 0)
		n = send(x->engine_fd, x->to_lane.data, x->to_lane.len,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		buf_consume(&x->to_lane, (size_t)n);
	calls_go_on();
}

/* It takes what is there. */
static void engine_receive(struct exchange *x)
{
	static char part[64 * 1024];
	ssize_t n = 0;

	calls_pause();
	while ((n = recv(x->engine_fd, part, sizeof(part), MSG_DONTWAIT)) > 0)
		buf_put(&x->from_lane, part, (size_t)n);
	calls_go_on();
}

/* What the lane got; it answers with as much. */
static void take(struct exchange *x, const struct frame *frame)
{
	struct frame_chunk chunk = {0};
	struct err err = ERR_INIT;

	if (frame_get_chunk(frame, &chunk, &err) != 0)
		inject_wrong("what came is no chunk: %s", err.text);
	inject_say("chunk %u: %d, %zu bytes, %llx\n", chunk.handle, (int)chunk.first_item,
		   chunk.body_len, (unsigned long long)hash_xxh64(chunk.body, chunk.body_len));
	frame_put_outcome(&x->link.out, &(struct frame_outcome){.ticket = chunk.handle,
								.outcome = 1,
								.key = "KEY",
								.output = chunk.body,
								.output_len = chunk.body_len});
	x->n_read++;
}

static void check_end(int rc, const struct err *err)
{
	if (rc == LINK_END)
		inject_wrong("the engine is said to be gone");
	if (rc == ERR_BUG)
		inject_wrong("the engine is said to send nonsense: %s", err->text);
	if (rc < 0)
		inject_fail(err);
}

/* What the engine got must be whole frames, all of them. */
static void say_answers(struct exchange *x)
{
	size_t at = 0;
	struct frame frame;
	struct err err = ERR_INIT;
	struct arena arena = {0};

	calls_pause();
	while (at < x->from_lane.len) {
		struct frame_outcome outcome = {0};
		size_t used = 0;
		if (frame_split(x->from_lane.data + at, x->from_lane.len - at, &frame, &used,
				&err) != 0 ||
		    frame_get_outcome(&frame, &arena, &outcome, &err) != 0)
			inject_wrong("after %zu bytes it sent no frame: %s", at, err.text);
		inject_say("outcome %u: %llx\n", outcome.ticket,
			   (unsigned long long)hash_xxh64(outcome.output, outcome.output_len));
		calls_pause();
		at += used;
	}
	arena_done(&arena);
	buf_done(&x->to_lane);
	buf_done(&x->from_lane);
	calls_go_on();
}

/* As the worker does it, from a loop. */
static void work_from_a_loop(void)
{
	struct exchange x = {0};
	struct frame frame;
	struct err err = ERR_INIT;
	int rc = 0;

	begin(&x);
	while (x.n_read < FRAMES || rc == LINK_WAIT) {
		engine_send(&x);
		check_end(link_fill(&x.link, &err), &err);
		while ((rc = link_next(&x.link, &frame, &err)) == 0)
			take(&x, &frame);
		check_end(rc, &err);
		rc = link_flush(&x.link, &err);
		check_end(rc, &err);
		engine_receive(&x);
	}
	engine_receive(&x);
	link_done(&x.link);
	say_answers(&x);
}

/* As reader and finisher do it, who wait for what comes. */
static void wait_for_each(void)
{
	struct exchange x = {0};
	struct frame frame;
	struct err err = ERR_INIT;

	begin(&x);
	while (x.n_read < FRAMES) {
		engine_send(&x);
		int rc = link_read(&x.link, WAIT_US, &frame, &err);
		check_end(rc, &err);
		if (rc == LINK_WAIT)
			continue;
		take(&x, &frame);
		/* What is larger than the socket takes would wait for the engine, that is for us.
		 */
		rc = body_bytes(x.n_read - 1) < LARGE_BYTES / 2 ? link_send(&x.link, &err)
								: LINK_WAIT;
		while (rc == LINK_WAIT) {
			rc = link_flush(&x.link, &err);
			engine_receive(&x);
		}
		check_end(rc, &err);
		engine_receive(&x);
	}
	link_done(&x.link);
	say_answers(&x);
}

int main(void)
{
	static const unsigned calls = INJECT(CALL_MEMORY) | INJECT(CALL_READ) | INJECT(CALL_WRITE);
	const struct inject_scenario scenarios[] = {
		{"link, from a loop", calls, nothing, work_from_a_loop, NULL, true},
		{"link, waiting", calls, nothing, wait_for_each, NULL, true},
	};

	return inject_main(scenarios, ARRAY_LEN(scenarios));
}
