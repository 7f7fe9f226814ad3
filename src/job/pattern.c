/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "job/pattern.h"

#include <assert.h>

#include <pcre2.h>

#include "base/err.h"

int pattern_check(const char *text, size_t len, struct err *err)
{
	int code = 0;
	PCRE2_SIZE offset = 0;
	PCRE2_UCHAR reason[128];

	assert(text != NULL && err != NULL);
	if (len == 0)
		return ERR(err, ERR_CONFIG, "expected a regular expression, found ''");
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF, &code, &offset,
					     NULL);
	if (compiled != NULL) {
		pcre2_code_free(compiled);
		return 0;
	}
	(void)pcre2_get_error_message(code, reason, sizeof(reason)); /* cut when too long */
	return ERR(err, ERR_CONFIG, "%s is no regular expression: %s (at character %zu)",
		   QUOTED(text, len), (const char *)reason, (size_t)offset + 1);
}
