/* SPDX-License-Identifier: Apache-2.0 */
#include "core/meter.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/attr.h"

static void meter_advance(struct meter *m, int64_t now_us)
{
	int64_t second = now_us / US_PER_S;

	if (second - m->second >= METER_SECONDS) {
		memset(m->counts, 0, sizeof(m->counts));
		m->second = second;
	}
	while (m->second < second) {
		m->second++;
		m->counts[m->second % METER_SECONDS] = 0;
	}
}

void meter_add(struct meter *m, int64_t now_us, int64_t n)
{
	assert(m != NULL);
	if (m->began_us == 0)
		m->began_us = now_us;
	meter_advance(m, now_us);
	m->counts[m->second % METER_SECONDS] += n;
}

double meter_rate(struct meter *m, int64_t now_us)
{
	int64_t sum = 0;

	if (m->began_us == 0)
		return 0;
	meter_advance(m, now_us);
	for (int i = 0; i < METER_SECONDS; i++)
		sum += m->counts[i];
	int64_t span = now_us - m->began_us;
	if (span > METER_SECONDS * US_PER_S)
		span = METER_SECONDS * US_PER_S;
	if (span < US_PER_S / 10)
		span = US_PER_S / 10;
	return (double)sum * (double)US_PER_S / (double)span;
}

int64_t meter_left_us(struct meter *m, int64_t now_us, int64_t n)
{
	double rate = meter_rate(m, now_us);

	if (rate <= 0)
		return -1;
	return (int64_t)((double)n / rate * (double)US_PER_S);
}
