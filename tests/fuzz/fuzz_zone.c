/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the file of a time zone: refused, or a zone whose offsets are those of a place on
 * earth, and whose local times lead back to themselves.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "when/zone.h"

enum { OFFSET_MAX_S = 26 * 3600 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = {INT32_MIN, -1, 0, 1782864000, 4102444800, INT64_C(1) << 40};
	struct zone *zone = NULL;
	struct err err = ERR_INIT;

	if (zone_parse("x", data, size, &zone, &err) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t at_s[ZONE_INSTANTS_MAX] = {0};
		int offset_s = zone_offset_s(zone, times[i]);
		assert(offset_s > -OFFSET_MAX_S && offset_s < OFFSET_MAX_S);
		int n = zone_instants(zone, times[i], at_s);
		for (int k = 0; k < n; k++)
			assert(at_s[k] + zone_offset_s(zone, at_s[k]) == times[i]);
	}
	zone_free(zone);
	return 0;
}
