/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram from the ledger: what is taken is written again byte for byte, and every question has
 * an answer within its range, also after a merge.
 */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/histogram.h"
#include "fuzz/fuzz.h"

static void ask(const struct histogram *h)
{
	int64_t before = 0;

	for (int permille = 1; permille <= 1000; permille += 111) {
		int64_t us = histogram_percentile_us(h, permille);
		assert(us >= before && us >= h->min_us && us <= h->max_us);
		before = us;
	}
	assert(histogram_mean_us(h) >= 0 && histogram_deviation_us(h) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf again = BUF_INIT(1 << 20);
	struct histogram h = {0};
	struct histogram both = {0};
	struct err err = ERR_INIT;
	int rc = histogram_get(data, size, &h, &err);

	assert(rc == 0 || rc == ERR_DATA);
	if (rc != 0)
		return 0;
	histogram_put(&h, &again);
	assert(again.len == size && memcmp(again.data, data, size) == 0);
	ask(&h);
	histogram_add(&both, 5);
	histogram_merge(&both, &h);
	assert(both.count == h.count + 1);
	return 0;
}
