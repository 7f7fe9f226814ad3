/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_bare COUNT IN_FLIGHT URL: sends COUNT requests to URL, IN_FLIGHT at once, by libcurl's multi
 * interface, and does nothing else.
 *
 * Each is a POST of 200 bytes of JSON in which a number differs, with an Idempotency-Key of its
 * own; connections are kept. Answers are read and thrown away; one that is not 2xx, or none, is an
 * error. Prints requests a second.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_FLIGHT_MAX = 1024, BODY_BYTES = 200, TIMEOUT_S = 60, POLL_MS = 1000 };

struct transfer {
	CURL *easy;
	struct curl_slist *headers;
	char body[BODY_BYTES + 1];
};

static long count;
static long begun;
static const char *url;

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "http_bare: %s: %s\n", what, why);
	exit(1);
}

static double seconds(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t forget(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static void set_up(struct transfer *t)
{
	t->easy = curl_easy_init();
	if (t->easy == NULL)
		die("curl_easy_init", "no memory");
	(void)curl_easy_setopt(t->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, forget);
	(void)curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
}

/* The next request. The body has the same length whatever the number. */
static void begin(CURLM *multi, struct transfer *t)
{
	char header[64];
	long number = ++begun;
	int head = snprintf(t->body, sizeof(t->body), "{\"id\": %ld, \"note\": \"", number);

	memset(t->body + head, 'x', (size_t)(BODY_BYTES - head - 2));
	memcpy(t->body + BODY_BYTES - 2, "\"}", 3);
	curl_slist_free_all(t->headers);
	(void)snprintf(header, sizeof(header), "Idempotency-Key: %032ld", number);
	t->headers = curl_slist_append(NULL, header);
	t->headers = curl_slist_append(t->headers, "Content-Type: application/json");
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	(void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
	(void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)BODY_BYTES);
	if (curl_multi_add_handle(multi, t->easy) != CURLM_OK)
		die("curl_multi_add_handle", "failed");
}

static void finish(CURLM *multi, const CURLMsg *message)
{
	struct transfer *t = NULL;
	long status = 0;

	(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (message->data.result != CURLE_OK)
		die(url, curl_easy_strerror(message->data.result));
	if (status / 100 != 2)
		die(url, "answered, but not 2xx");
	(void)curl_multi_remove_handle(multi, t->easy);
	if (begun < count)
		begin(multi, t);
}

int main(int argc, char **argv)
{
	static struct transfer transfers[IN_FLIGHT_MAX];
	long in_flight = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
	long done = 0;

	count = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
	if (count < 1 || in_flight < 1 || in_flight > IN_FLIGHT_MAX)
		die("usage", "http_bare COUNT IN_FLIGHT URL");
	url = argv[3];
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	CURLM *multi = curl_multi_init();
	if (multi == NULL)
		die("curl_multi_init", "no memory");
	(void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, in_flight);
	double start = seconds();
	for (long i = 0; i < in_flight && begun < count; i++) {
		set_up(&transfers[i]);
		begin(multi, &transfers[i]);
	}
	while (done < count) {
		int running = 0;
		int left = 0;
		const CURLMsg *message;

		if (curl_multi_perform(multi, &running) != CURLM_OK)
			die("curl_multi_perform", "failed");
		for (message = curl_multi_info_read(multi, &left); message != NULL;
		     message = curl_multi_info_read(multi, &left)) {
			finish(multi, message);
			done++;
		}
		if (done < count && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			die("curl_multi_poll", "failed");
	}
	printf("%.1f\n", (double)count / (seconds() - start));
	return 0;
}
