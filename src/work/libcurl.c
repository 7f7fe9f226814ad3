/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's functions, as far as stint calls them, under their own names: each loads the library if
 * that was not done yet, and calls it. See sys/late.h for why.
 */
#include "work/libcurl.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdarg.h>

#include "base/err.h"
#include "sys/late.h"

/* What curl_url_get reads: const in later versions of libcurl. */
typedef __typeof__(__builtin_choose_expr(
	__builtin_types_compatible_p(__typeof__(curl_url_get),
				     CURLUcode(const CURLU *, CURLUPart, char **, unsigned int)),
	(const CURLU *)NULL, (CURLU *)NULL)) url_read;

#define LIBCURL_CALLS(V, N)                                                                        \
	V(CURL *, curl_easy_init, (void), ())                                                      \
	N(curl_easy_cleanup, (CURL * easy), (easy))                                                \
	V(const char *, curl_easy_strerror, (CURLcode code), (code))                               \
	V(CURLHcode, curl_easy_header,                                                             \
	  (CURL * easy, const char *name, size_t index, unsigned int origin, int request,          \
	   struct curl_header **header),                                                           \
	  (easy, name, index, origin, request, header))                                            \
	V(CURLM *, curl_multi_init, (void), ())                                                    \
	V(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))                                 \
	V(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL * easy), (multi, easy))           \
	V(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL * easy), (multi, easy))        \
	V(CURLMcode, curl_multi_socket_action,                                                     \
	  (CURLM * multi, curl_socket_t fd, int events, int *running),                             \
	  (multi, fd, events, running))                                                            \
	V(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), (multi, left))              \
	V(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text),    \
	  (list, text))                                                                            \
	N(curl_slist_free_all, (struct curl_slist * list), (list))                                 \
	V(CURLU *, curl_url, (void), ())                                                           \
	N(curl_url_cleanup, (CURLU * url), (url))                                                  \
	V(CURLUcode, curl_url_get,                                                                 \
	  (url_read url, CURLUPart part, char **text, unsigned int flags),                         \
	  (url, part, text, flags))                                                                \
	V(CURLUcode, curl_url_set,                                                                 \
	  (CURLU * url, CURLUPart part, const char *text, unsigned int flags),                     \
	  (url, part, text, flags))                                                                \
	N(curl_free, (void *memory), (memory))                                                     \
	V(CURLcode, curl_global_init_mem,                                                          \
	  (long flags, curl_malloc_callback get, curl_free_callback give,                          \
	   curl_realloc_callback change, curl_strdup_callback copy, curl_calloc_callback clear),   \
	  (flags, get, give, change, copy, clear))                                                 \
	V(CURLcode, curl_global_init, (long flags), (flags))                                       \
	N(curl_global_cleanup, (void), ())

static struct {
	LATE_POINTERS(LIBCURL_CALLS)
	__typeof__(curl_easy_setopt) *setopt;
	__typeof__(curl_easy_getinfo) *getinfo;
	__typeof__(curl_multi_setopt) *multi_setopt;
} calls;

static const char *const names[] = {
	LATE_NAMES(LIBCURL_CALLS) "curl_easy_setopt",
	"curl_easy_getinfo",
	"curl_multi_setopt",
};

static struct late_library library = {
	.file = "libcurl.so.4",
	.package = "libcurl4",
	.names = names,
	.n = ARRAY_LEN(names),
	.calls = &calls,
};

LATE_FUNCTIONS(LIBCURL_CALLS)

/* These three take one value after what it is: a long, a curl_off_t or a pointer. All are one word
 * that is passed alike, so that it can be passed on without knowing which it is. The names stand in
 * parentheses, since libcurl has macros of these names. */
static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
	      "a value of libcurl's is one word");

#define ONE_VALUE(type, name, member, of_type, what_type)                                          \
	type(name)(of_type of, what_type what, ...)                                                \
	{                                                                                          \
		va_list values;                                                                    \
		late_need(&library);                                                               \
		va_start(values, what);                                                            \
		void *value = va_arg(values, void *);                                              \
		va_end(values);                                                                    \
		return calls.member(of, what, value);                                              \
	}
ONE_VALUE(CURLcode, curl_easy_setopt, setopt, CURL *, CURLoption)
ONE_VALUE(CURLcode, curl_easy_getinfo, getinfo, CURL *, CURLINFO)
ONE_VALUE(CURLMcode, curl_multi_setopt, multi_setopt, CURLM *, CURLMoption)

/* ---- its memory ---- */

static struct {
	curl_malloc_callback get;
	curl_free_callback give;
	curl_realloc_callback change;
	curl_strdup_callback copy;
	curl_calloc_callback clear;
} memory_calls;

static const char *const memory_names[] = {"mi_malloc", "mi_free", "mi_realloc", "mi_strdup",
					   "mi_calloc"};

static struct late_library mimalloc = {
	.file = "libmimalloc.so.2",
	.package = "libmimalloc2.0",
	.names = memory_names,
	.n = ARRAY_LEN(memory_names),
	.calls = &memory_calls,
};

/* What sanitizers cannot see they cannot check. */
static bool memory_is_fast(void)
{
	struct err unused = ERR_INIT;

	return !STINT_SANITIZED && late_load(&mimalloc, &unused) == 0;
}

int libcurl_begin(struct err *err)
{
	int r = late_load(&library, err);

	if (r != 0)
		return r;
	CURLcode code = memory_is_fast()
				? curl_global_init_mem(CURL_GLOBAL_DEFAULT, memory_calls.get,
						       memory_calls.give, memory_calls.change,
						       memory_calls.copy, memory_calls.clear)
				: curl_global_init(CURL_GLOBAL_DEFAULT);
	if (code != CURLE_OK)
		return ERR(err, ERR_CONFIG, "libcurl and its TLS library cannot be used here");
	return 0;
}
