/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl is loaded when it is first needed. Its functions are called under their own names; one
 * that stint did not call before gets a line in libcurl.c.
 */
#ifndef STINT_WORK_LIBCURL_H
#define STINT_WORK_LIBCURL_H

#include "base/attr.h"

struct err;

/* Loads it and makes it ready (curl_global_init), with memory from mimalloc where that is
 * installed: a request takes and gives back some forty pieces, and glibc needs twice as long for
 * them. Each call has its curl_global_cleanup(). ERR_UNAVAILABLE when it is not there, ERR_CONFIG
 * when its TLS library cannot be used. */
ST_MUST_CHECK int libcurl_begin(struct err *err);

#endif
