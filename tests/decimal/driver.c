/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines `OPERATION A B SCALE` in, a line with the result or `error` out; tests/decimal/compare
 * knows what it should be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"

enum { LINE_BYTES = 256 };

static int calculate(const char *what, const struct decimal *a, const struct decimal *b, int scale,
		     struct decimal *ret, struct err *err)
{
	if (strcmp(what, "add") == 0)
		return decimal_add(a, b, ret, err);
	if (strcmp(what, "multiply") == 0)
		return decimal_multiply(a, b, ret, err);
	if (strcmp(what, "divide") == 0)
		return decimal_divide(a, b, scale, ret, err);
	if (strcmp(what, "exact") == 0)
		return decimal_divide_exact(a, b, ret, err);
	if (strcmp(what, "round") == 0)
		return decimal_round(a, scale, ret, err);
	if (strcmp(what, "negate") == 0) {
		*ret = decimal_negate(a);
		return 0;
	}
	if (strcmp(what, "compare") == 0) {
		*ret = decimal_from_int(decimal_compare(a, b));
		return 0;
	}
	(void)fprintf(stderr, "driver: unknown operation %s\n", what);
	exit(2);
}

static struct decimal operand(const char *text)
{
	struct decimal d = {0};
	struct err err = ERR_INIT;

	if (decimal_parse(text, strlen(text), '.', &d, &err) == 0)
		return d;
	(void)fprintf(stderr, "driver: %s\n", err.text);
	exit(2);
}

int main(void)
{
	char line[LINE_BYTES] = "";

	while (fgets(line, sizeof(line), stdin) != NULL) {
		AUTO(buf) struct buf out = BUF_INIT(DECIMAL_TEXT_MAX);
		struct decimal result = {0};
		struct err err = ERR_INIT;
		char *rest = NULL;
		const char *what = strtok_r(line, " \n", &rest);
		const char *a_text = strtok_r(NULL, " \n", &rest);
		const char *b_text = strtok_r(NULL, " \n", &rest);
		const char *scale_text = strtok_r(NULL, " \n", &rest);
		if (scale_text == NULL)
			return 2;
		const struct decimal a = operand(a_text);
		const struct decimal b = operand(b_text);
		int scale = (int)strtol(scale_text, NULL, 10);
		if (calculate(what, &a, &b, scale, &result, &err) == 0)
			decimal_format(&result, &out);
		else
			buf_puts(&out, "error");
		(void)puts(buf_str(&out));
	}
	return 0;
}
