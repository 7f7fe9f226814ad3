/* SPDX-License-Identifier: Apache-2.0 */
#include "source/content.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/globs.h"
#include "source/input.h"
#include "source/patience.h"

enum { READ_BYTES = 256 * 1024 };

int content_digest(const struct job *job, const char *name, const struct patience *patience,
		   uint8_t ret_digest[SHA256_BYTES], struct err *err)
{
	struct input *in = NULL;
	size_t len = 0;

	assert(job != NULL && name != NULL && ret_digest != NULL);
	char *path = globs_full_path(job, name);
	int rc = input_open_packed(path, name, patience, &in, err);
	free(path);
	if (rc != 0)
		return rc;
	struct hash256 *hash = hash256_new();
	char *data = xcalloc(READ_BYTES, 1);
	do {
		rc = input_read(in, data, READ_BYTES, &len, err);
		if (rc == 0)
			hash256_add(hash, data, len);
	} while (rc == 0 && len > 0);
	if (rc == 0)
		rc = input_check(in, err);
	if (rc == 0)
		hash256_end(hash, ret_digest);
	hash256_free(hash);
	free(data);
	input_close(in);
	return rc;
}
