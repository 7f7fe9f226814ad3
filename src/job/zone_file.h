/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones by name: UTC, an offset such as +02:00, or a name of the IANA database, which lies in
 * /usr/share/zoneinfo or where TZDIR says.
 */
#ifndef STINT_JOB_ZONE_FILE_H
#define STINT_JOB_ZONE_FILE_H

#include <stddef.h>

#include "base/attr.h"

struct err;
struct zone;

/* Gives. ERR_CONFIG when there is no such zone, naming the nearest, or its file cannot be read. */
ST_MUST_CHECK int zone_file_open(const char *name, struct zone **ret_zone, struct err *err);

#endif
