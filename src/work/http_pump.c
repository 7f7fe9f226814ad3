/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_pump.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "loop/loop.h"

enum { PUMP_MAGIC = 0x50756d70 };

struct pump_socket {
	struct loop_watch *watch; /* NULL: not registered */
	int wanted;		  /* loop_events that libcurl waits for */
	bool is_ours;		  /* opened, and to be closed, by a function of ours */
};

struct http_pump {
	uint32_t magic;
	struct loop *loop;
	struct loop_timer *timer;
	CURLM *multi;
	struct pump_socket *sockets; /* by descriptor */
	size_t n_sockets;
};

/* libcurl fails here for a lack of memory or by a mistake of ours. */
static void expect(CURLMcode code)
{
	if (code != CURLM_OK)
		unreachable("libcurl's multi interface refused");
}

static struct pump_socket *socket_of(struct http_pump *pump, int fd)
{
	size_t n = (size_t)fd + 1;

	assert(fd >= 0);
	if (n > pump->n_sockets) {
		size_t room = 2 * n;
		pump->sockets = xrealloc(pump->sockets, room, sizeof(*pump->sockets));
		for (size_t i = pump->n_sockets; i < room; i++)
			pump->sockets[i] = (struct pump_socket){0};
		pump->n_sockets = room;
	}
	return &pump->sockets[fd];
}

/* ---- what has ended ---- */

static void pump_collect(struct http_pump *pump)
{
	int left = 0;
	CURLMsg *message = curl_multi_info_read(pump->multi, &left);

	while (message != NULL) {
		struct http_transfer *transfer = NULL;
		CURLcode code = message->data.result;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
					&transfer); /* set by http_pump_prepare */
		expect(curl_multi_remove_handle(pump->multi, transfer->easy));
		transfer->done(transfer, code); /* may add others */
		message = curl_multi_info_read(pump->multi, &left);
	}
}

/* ---- what libcurl waits for ---- */

static void pump_on_socket(void *arg, int fd, int events)
{
	struct http_pump *pump = OBJ_CAST(arg, struct http_pump, PUMP_MAGIC);
	struct pump_socket *s = socket_of(pump, fd);
	int running = 0;
	int what = 0;

	events &= s->wanted;
	if (events == 0) { /* of a connection that nobody uses now; whoever does next will see */
		loop_watch_set(s->watch, 0);
		return;
	}
	what |= (events & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0;
	what |= (events & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0;
	expect(curl_multi_socket_action(pump->multi, fd, what, &running));
	pump_collect(pump);
}

static int pump_want(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct http_pump *pump = OBJ_CAST(arg, struct http_pump, PUMP_MAGIC);
	struct pump_socket *s = socket_of(pump, fd);

	(void)easy;
	(void)unused;
	s->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		s->wanted |= LOOP_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		s->wanted |= LOOP_WRITE;
	if (what == CURL_POLL_REMOVE && !s->is_ours) {
		/* libcurl closes it by itself, right after this. */
		loop_watch_free(s->watch);
		s->watch = NULL;
	} else if (s->watch == NULL) {
		s->watch = loop_watch_new(pump->loop, fd, s->wanted, pump_on_socket, pump);
	} else if (what != CURL_POLL_REMOVE) {
		loop_watch_set(s->watch, s->wanted);
	}
	return 0;
}

static void pump_on_time(void *arg)
{
	struct http_pump *pump = OBJ_CAST(arg, struct http_pump, PUMP_MAGIC);
	int running = 0;

	expect(curl_multi_socket_action(pump->multi, CURL_SOCKET_TIMEOUT, 0, &running));
	pump_collect(pump);
}

static int pump_wait(CURLM *multi, long ms, void *arg)
{
	struct http_pump *pump = OBJ_CAST(arg, struct http_pump, PUMP_MAGIC);

	(void)multi;
	if (ms < 0)
		loop_timer_stop(pump->timer);
	else
		loop_timer_set(pump->timer, (int64_t)ms * 1000);
	return 0;
}

/* ---- sockets ---- */

curl_socket_t http_pump_open_socket(struct http_pump *pump, const struct curl_sockaddr *address)
{
	assert(pump != NULL && pump->magic == PUMP_MAGIC && address != NULL);
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	if (fd < 0)
		return CURL_SOCKET_BAD;
	*socket_of(pump, fd) = (struct pump_socket){.is_ours = true};
	return fd;
}

static int pump_close_socket(void *arg, curl_socket_t fd)
{
	struct http_pump *pump = OBJ_CAST(arg, struct http_pump, PUMP_MAGIC);
	struct pump_socket *s = socket_of(pump, fd);

	/* Safety: unregistered first; libuv aborts the process otherwise. */
	loop_watch_free(s->watch);
	*s = (struct pump_socket){0};
	return close(fd);
}

/* ---- life ---- */

struct http_pump *http_pump_new(struct loop *loop, long connections)
{
	struct http_pump *pump = xnew(struct http_pump);

	assert(loop != NULL && connections > 0);
	pump->magic = PUMP_MAGIC;
	pump->loop = loop;
	pump->timer = loop_timer_new(loop, pump_on_time, pump);
	pump->multi = curl_multi_init();
	if (pump->multi == NULL)
		unreachable("no memory for libcurl");
	expect(curl_multi_setopt(pump->multi, CURLMOPT_SOCKETFUNCTION, pump_want));
	expect(curl_multi_setopt(pump->multi, CURLMOPT_SOCKETDATA, pump));
	expect(curl_multi_setopt(pump->multi, CURLMOPT_TIMERFUNCTION, pump_wait));
	expect(curl_multi_setopt(pump->multi, CURLMOPT_TIMERDATA, pump));
	expect(curl_multi_setopt(pump->multi, CURLMOPT_MAXCONNECTS, connections));
	return pump;
}

void http_pump_free(struct http_pump *pump)
{
	if (pump == NULL)
		return;
	assert(pump->magic == PUMP_MAGIC);
	expect(curl_multi_cleanup(pump->multi)); /* closes the connections */
	for (size_t i = 0; i < pump->n_sockets; i++)
		assert(pump->sockets[i].watch == NULL);
	loop_timer_free(pump->timer);
	free(pump->sockets);
	pump->magic = 0;
	free(pump);
}

void http_pump_prepare(struct http_pump *pump, struct http_transfer *transfer)
{
	assert(pump != NULL && pump->magic == PUMP_MAGIC);
	CURL *easy = transfer->easy;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, pump_close_socket);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, pump);
	if (code != CURLE_OK)
		unreachable("libcurl has these options");
}

void http_pump_add(struct http_pump *pump, struct http_transfer *transfer)
{
	assert(pump != NULL && pump->magic == PUMP_MAGIC);
	expect(curl_multi_add_handle(pump->multi, transfer->easy));
}

void http_pump_remove(struct http_pump *pump, struct http_transfer *transfer)
{
	assert(pump != NULL && pump->magic == PUMP_MAGIC);
	expect(curl_multi_remove_handle(pump->multi, transfer->easy));
}
