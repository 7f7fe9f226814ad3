/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one value of each field type, as fast as the bytes come: no allocation, the text is lent
 * as it stands wherever it is canonical already. True when it reads; false with `*ret_reason` set
 * where there is more to say than that it is none ("has more than 38 digits").
 */
#ifndef STINT_JOB_FIELD_READ_H
#define STINT_JOB_FIELD_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "job/field.h"

bool read_text(const struct field *field, const char *raw, size_t len, struct value *ret_value,
	       const char **ret_reason);
bool read_integer(const char *raw, size_t len, struct buf *scratch, struct value *ret_value,
		  const char **ret_reason);
bool read_decimal(char mark, const char *raw, size_t len, struct buf *scratch,
		  struct value *ret_value, const char **ret_reason);
/* A JSON number, whose exponent is spelled out: 1.5e3 is 1500. */
bool read_json_decimal(const char *raw, size_t len, struct buf *scratch, struct value *ret_value);
bool read_float(const char *raw, size_t len, struct buf *scratch, struct value *ret_value,
		const char **ret_reason);
bool read_boolean(const char *raw, size_t len, struct value *ret_value);
bool read_date(const char *format, const char *raw, size_t len, struct buf *scratch,
	       struct value *ret_value);
bool read_timestamp(const char *raw, size_t len, struct buf *scratch, struct value *ret_value);
bool read_json(const char *raw, size_t len, struct buf *scratch, struct value *ret_value);

#endif
