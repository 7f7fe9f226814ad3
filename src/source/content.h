/* SPDX-License-Identifier: Apache-2.0 */
/* What a file holds, as one number: source.same_content. */
#ifndef STINT_SOURCE_CONTENT_H
#define STINT_SOURCE_CONTENT_H

#include <stdint.h>

#include "base/attr.h"
#include "base/hash.h"

struct err;
struct job;
struct patience;

/* The SHA-256 of the file as it stands on disk (what sha256sum says), packed or not. */
ST_MUST_CHECK int content_digest(const struct job *job, const char *name,
				 const struct patience *patience, uint8_t ret_digest[SHA256_BYTES],
				 struct err *err);

#endif
