/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time zone: the offsets from UTC that a place had and will have, from a file of the IANA
 * database (TZif, RFC 8536, any version).
 *
 * Promise: pure; a file that is damaged is refused, never read beyond its end. Behind the last
 *          change of the table the file's footer counts, so there is an offset for every time.
 * Owner:   whoever parsed it; afterwards it is only read, by any thread.
 *
 * Leap seconds are not in these times, as in nobody's here: files of `right/` are refused.
 */
#ifndef STINT_WHEN_ZONE_H
#define STINT_WHEN_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct zone;

enum { ZONE_FILE_MAX = 1024 * 1024, ZONE_INSTANTS_MAX = 2 };

/* `name` is for messages. Gives in *ret_zone. ERR_DATA. */
ST_MUST_CHECK int zone_parse(const char *name, const void *data, size_t len, struct zone **ret_zone,
			     struct err *err);
/* The zone of a rule as POSIX writes it in TZ. Gives. ERR_DATA. */
ST_MUST_CHECK int zone_from_rule(const char *rule, struct zone **ret_zone, struct err *err);
void zone_free(struct zone *zone);
void zone_auto(struct zone **zone);

/* Seconds east of UTC at a time, which is in seconds since 1970. */
int zone_offset_s(const struct zone *zone, int64_t at_s);
/* When clocks show this local time (seconds since 1970 as if it were UTC): never, in a spring gap;
 * twice in an hour that is repeated; else once. Sets so many, the earlier first. */
int zone_instants(const struct zone *zone, int64_t local_s, int64_t ret_s[ZONE_INSTANTS_MAX]);

#endif
