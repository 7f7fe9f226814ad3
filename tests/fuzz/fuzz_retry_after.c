/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Retry-After and a Date: no answer makes an item wait for ever, or not at all
 * backwards. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "work/http_retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The two values, one after the other, in memory of exactly their size. */
	size_t first = size > 0 ? data[0] % size : 0;
	char *value = calloc(1, first + 1);
	char *date = calloc(1, size - first + 1);

	if (size > 0) {
		memcpy(value, data, first);
		memcpy(date, data + first, size - first);
	}
	for (utime now = 0; now <= INT64_C(4000000000) * US_PER_S; now += US_PER_S * 1000000000) {
		int64_t us = http_retry_after(value, date, now);
		assert(us >= 0 && us <= HTTP_RETRY_AFTER_MAX_US);
		us = http_retry_after(date, NULL, now);
		assert(us >= 0 && us <= HTTP_RETRY_AFTER_MAX_US);
	}
	free(value);
	free(date);
	return 0;
}
