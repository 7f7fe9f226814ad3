/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP work against a server on the same loop, which does with each request what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "core/outcome.h"
#include "loop/loop.h"
#include "unit/work/probe.h"

enum { CONNECTIONS = 16, TEXT_BYTES = 1 << 16, TICKET = 7 };

enum deed { ANSWER, CLOSE, SILENCE, ENDLESS_HEADERS, ENDLESS_BODY };

struct server;
struct connection {
	struct server *server;
	struct loop_watch *watch;
	int fd;
	struct buf request;
};
struct server {
	int fd;
	int port;
	struct loop_watch *watch;
	struct connection connections[CONNECTIONS];
	size_t n;
	const enum deed *deeds; /* one for each request */
	int n_requests;
	const char *answer;
	struct probe *probe;
	int begun_at_first_byte; /* of the last request */
	bool stops_when_asked;	 /* the loop, at a whole request */
};

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* As much as goes out; the other side ends it. */
static void say_for_ever(struct connection *c, const char *head, const char *piece)
{
	say(c->fd, head);
	while (send(c->fd, piece, strlen(piece), MSG_NOSIGNAL) > 0)
		;
}

static void connection_act(struct connection *c)
{
	struct server *s = c->server;
	static const char header[] = "X-A: 0123456789012345678901234567890123456789\r\n";

	switch (s->deeds[s->n_requests++]) {
	case ANSWER:
		say(c->fd, s->answer);
		break;
	case CLOSE:
		loop_watch_close(TAKE(c->watch));
		break;
	case SILENCE:
		break;
	case ENDLESS_HEADERS:
		say_for_ever(c, "HTTP/1.1 200 OK\r\n", header);
		break;
	case ENDLESS_BODY:
		say_for_ever(c, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
			     "0123456789");
		break;
	}
	if (s->stops_when_asked)
		loop_stop(s->probe->loop);
}

static void connection_on_data(void *arg, int fd, int events)
{
	struct connection *c = arg;
	char space[4096];
	ssize_t n = recv(fd, space, sizeof(space), 0);

	(void)events;
	if (n <= 0) {
		loop_watch_close(TAKE(c->watch));
		return;
	}
	if (c->request.len == 0)
		c->server->begun_at_first_byte = (int)c->server->probe->slots[TICKET].begun;
	buf_put(&c->request, space, (size_t)n);
	if (strstr(buf_str(&c->request), "<end>") == NULL)
		return;
	connection_act(c);
	buf_reset(&c->request);
}

static void server_on_connection(void *arg, int fd, int events)
{
	struct server *s = arg;
	struct connection *c = &s->connections[s->n];

	(void)events;
	assert_true(s->n < CONNECTIONS);
	c->server = s;
	c->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(c->fd >= 0);
	buf_init(&c->request, TEXT_BYTES);
	c->watch = loop_watch_new(s->probe->loop, c->fd, LOOP_READ, connection_on_data, c);
	s->n++;
}

static void server_listen(struct server *s)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*s = (struct server){.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &len), 0);
	s->port = ntohs(address.sin_port);
}

/* A job that sends to the server, and what the server does with its requests. */
static void open_both(struct server *s, struct probe *p, const enum deed *deeds, const char *more)
{
	char work[1024] = "";

	server_listen(s);
	(void)snprintf(work, sizeof(work),
		       "  http:\n    url: http://127.0.0.1:%d/${id}\n    body: \"<end>\"\n%s",
		       s->port, more);
	probe_open(p, work, NULL);
	s->probe = p;
	s->deeds = deeds;
	assert_int_equal(listen(s->fd, CONNECTIONS), 0);
	s->watch = loop_watch_new(p->loop, s->fd, LOOP_READ, server_on_connection, s);
}

static void close_both(struct server *s, struct probe *p)
{
	work_free(TAKE(p->work));
	for (size_t i = 0; i < s->n; i++) {
		if (s->connections[i].watch != NULL)
			loop_watch_close(s->connections[i].watch);
		buf_done(&s->connections[i].request);
	}
	loop_watch_close(s->watch);
	probe_close(p);
}

/* One attempt, to its outcome. */
static void attempt(struct probe *p)
{
	p->slots[TICKET].begun = 0;
	probe_start(p, TICKET);
	probe_wait(p, p->n_done + 1);
}

static void an_answer_2xx_is_done_and_the_connection_is_used_again(void **state)
{
	const enum deed deeds[] = {ANSWER, ANSWER, ANSWER};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "");
	for (int i = 0; i < 3; i++) {
		attempt(&p);
		assert_int_equal(p.outcome, OUTCOME_DONE);
		assert_int_equal(s.begun_at_first_byte, 1);
		assert_true(p.began_at > 0);
	}
	assert_int_equal(s.n, 1);
	close_both(&s, &p);
}

static void a_request_is_not_sent_again_when_a_used_connection_dies(void **state)
{
	const enum deed deeds[] = {ANSWER, CLOSE, ANSWER};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "");
	attempt(&p);
	attempt(&p);
	assert_int_equal(p.outcome, OUTCOME_UNKNOWN);
	assert_string_equal(p.err_class, "no-answer");
	assert_int_equal(s.n_requests, 2);
	/* A new connection is made for the next. */
	attempt(&p);
	assert_int_equal(p.outcome, OUTCOME_DONE);
	assert_int_equal(s.n_requests, 3);
	close_both(&s, &p);
}

static void a_refused_connection_is_certainly_not_sent(void **state)
{
	struct server s;
	struct probe p;
	char work[256] = "";

	server_listen(&s); /* bound, and nobody listens */
	(void)snprintf(work, sizeof(work), "  http: {url: \"http://127.0.0.1:%d/\"}\n", s.port);
	probe_open(&p, work, NULL);
	attempt(&p);
	assert_int_equal(p.outcome, OUTCOME_RETRY);
	assert_string_equal(p.err_class, "connect");
	assert_int_equal(p.begun_before, 0);
	probe_close(&p);
	assert_int_equal(close(s.fd), 0);
}

static void a_cancelled_attempt_is_unknown_once_it_was_sent(void **state)
{
	const enum deed deeds[] = {SILENCE, SILENCE};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "");
	probe_start(&p, TICKET);
	work_cancel(p.work, TICKET); /* nothing has happened yet */
	assert_int_equal(p.n_done, 0);
	probe_wait(&p, 1);
	assert_int_equal(p.outcome, OUTCOME_NOT_BEGUN);
	assert_true(p.cancelled);
	assert_int_equal(p.begun_before, 0);
	s.stops_when_asked = true;
	probe_start(&p, TICKET);
	loop_run(p.loop); /* until it has arrived */
	s.stops_when_asked = false;
	work_cancel(p.work, UINT32_MAX);
	probe_wait(&p, 2);
	assert_int_equal(p.outcome, OUTCOME_UNKNOWN);
	assert_true(p.cancelled);
	assert_string_equal(p.err_class, "cancelled");
	assert_int_equal(p.begun_before, 1);
	close_both(&s, &p);
}

static void silence_ends_with_the_time_limit_and_is_unknown(void **state)
{
	const enum deed deeds[] = {SILENCE};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "  timeout: 300ms\n");
	attempt(&p);
	/* On a machine that stood still it may have been over before anything was sent. */
	assert_int_equal(p.outcome, p.begun_before != 0 ? OUTCOME_UNKNOWN : OUTCOME_RETRY);
	assert_string_equal(p.err_class, "timeout");
	close_both(&s, &p);
}

static void headers_without_end_are_cut_off(void **state)
{
	const enum deed deeds[] = {ENDLESS_HEADERS};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "");
	s.stops_when_asked = false;
	attempt(&p);
	assert_int_equal(p.outcome, OUTCOME_UNKNOWN);
	close_both(&s, &p);
}

static void an_answer_is_read_to_its_limit_and_judged_by_its_status(void **state)
{
	const enum deed deeds[] = {ENDLESS_BODY};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "    max_answer: 1K\n");
	attempt(&p);
	assert_int_equal(p.outcome, OUTCOME_DONE);
	close_both(&s, &p);
}

static void what_is_said_of_an_answer_hides_what_nobody_may_see(void **state)
{
	const enum deed deeds[] = {ANSWER};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "");
	s.answer = "HTTP/1.1 422 No\r\nContent-Length: 20\r\n\r\nyou said hunter2, no";
	attempt(&p);
	assert_int_equal(p.outcome, OUTCOME_DEAD);
	assert_string_equal(p.err_class, "http-422");
	assert_string_equal(p.err, "answered 422 No: you said ***, no");
	assert_string_equal(p.output, "HTTP/1.1 422 No\nyou said ***, no");
	close_both(&s, &p);
}

static void all_is_let_go_of_while_requests_are_under_way(void **state)
{
	const enum deed deeds[] = {ANSWER, SILENCE, SILENCE};
	struct server s;
	struct probe p;

	open_both(&s, &p, deeds, "");
	attempt(&p);
	s.stops_when_asked = true;
	probe_start(&p, TICKET);
	probe_start(&p, TICKET + 1);
	loop_run(p.loop);
	assert_int_equal(work_in_flight(p.work), 2);
	close_both(&s, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_2xx_is_done_and_the_connection_is_used_again),
		cmocka_unit_test(a_request_is_not_sent_again_when_a_used_connection_dies),
		cmocka_unit_test(a_refused_connection_is_certainly_not_sent),
		cmocka_unit_test(a_cancelled_attempt_is_unknown_once_it_was_sent),
		cmocka_unit_test(silence_ends_with_the_time_limit_and_is_unknown),
		cmocka_unit_test(headers_without_end_are_cut_off),
		cmocka_unit_test(an_answer_is_read_to_its_limit_and_judged_by_its_status),
		cmocka_unit_test(what_is_said_of_an_answer_hides_what_nobody_may_see),
		cmocka_unit_test(all_is_let_go_of_while_requests_are_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
