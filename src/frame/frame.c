/* SPDX-License-Identifier: Apache-2.0 */
#include "frame/frame.h"

#include <assert.h>

#include "base/err.h"

enum { LENGTH_BYTES = 4 };

const char *frame_name(enum frame_type type)
{
	switch (type) {
#define X(id, value)                                                                               \
	case id:                                                                                   \
		return #id;
		FRAMES(X)
#undef X
	}
	return "unknown frame";
}

static bool frame_type_is_known(uint8_t type)
{
#define X(id, value)                                                                               \
	if (type == (value))                                                                       \
		return true;
	FRAMES(X)
#undef X
	return false;
}

int frame_split(const char *data, size_t len, struct frame *ret_frame, size_t *ret_used,
		struct err *err)
{
	struct reader r = READER(data, len);

	assert((data != NULL || len == 0) && ret_frame != NULL && ret_used != NULL);
	if (len < LENGTH_BYTES)
		return FRAME_INCOMPLETE;
	/* What is no frame is refused as soon as it can be seen, not when all of it has come. */
	size_t length = reader_u32(&r);
	if (length < 1 || length > FRAME_BYTES_MAX)
		return ERR(err, ERR_BUG, "a frame of %zu bytes (1 to %d are allowed)", length,
			   FRAME_BYTES_MAX);
	if (len < FRAME_HEAD_BYTES)
		return FRAME_INCOMPLETE;
	uint8_t type = reader_u8(&r);
	if (!frame_type_is_known(type))
		return ERR(err, ERR_BUG, "a frame of the unknown type %u", type);
	if (len - LENGTH_BYTES < length)
		return FRAME_INCOMPLETE;
	*ret_frame = (struct frame){.type = (enum frame_type)type,
				    .payload = data + FRAME_HEAD_BYTES,
				    .len = length - 1};
	*ret_used = LENGTH_BYTES + length;
	return 0;
}
