/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/random.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTROPY_BYTES_MAX = 256 }; /* of one call, getentropy(3) */

/* getentropy is getrandom without its special cases (short reads, EINTR); and <sys/random.h>, which
 * declares getrandom, is hidden from us by our own header of that name. */
void random_bytes(void *out, size_t len)
{
	char *at = out;

	assert(out != NULL || len == 0);
	while (len > 0) {
		size_t n = len < ENTROPY_BYTES_MAX ? len : ENTROPY_BYTES_MAX;
		if (getentropy(at, n) < 0) {
			(void)fprintf(stderr, "getentropy: %s\n",
				      strerrordesc_np(errno)); /* abort */
			abort();
		}
		at += n;
		len -= n;
	}
}

uint64_t random_u64(void)
{
	uint64_t v = 0;

	random_bytes(&v, sizeof(v));
	return v;
}
