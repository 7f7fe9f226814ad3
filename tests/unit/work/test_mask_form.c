/* SPDX-License-Identifier: Apache-2.0 */
/* A value in the forms in which others say it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "work/mask_form.h"

static void each_form_is_what_others_write(void **state)
{
	static const struct {
		const char *text;
		const char *forms[MASK_FORM_COUNT_];
	} cases[] = {
		{"plain", {"plain", "plain", "plain", "plain", "plain", "plain", "plain", "plain"}},
		{"a/\"\\ &<>'+ü\xf0\x9d\x84\x9e\n",
		 {
			 [MASK_FORM_PLAIN] = "a/\"\\ &<>'+ü\xf0\x9d\x84\x9e\n",
			 [MASK_FORM_JSON] = "a/\\\"\\\\ &<>'+ü\xf0\x9d\x84\x9e\\n",
			 [MASK_FORM_JSON_ASCII] = "a/\\\"\\\\ &<>'+\\u00fc\\ud834\\udd1e\\n",
			 [MASK_FORM_JSON_SLASH] = "a\\/\\\"\\\\ &<>'+\\u00fc\\ud834\\udd1e\\n",
			 [MASK_FORM_JSON_TWICE] =
				 "a/\\\\\\\"\\\\\\\\ &<>'+\\u00fc\\ud834\\udd1e\\\\n",
			 [MASK_FORM_PERCENT] = "a%2F%22%5C%20%26%3C%3E%27%2B%C3%BC%F0%9D%84%9E%0A",
			 [MASK_FORM_FORM] = "a%2F%22%5C+%26%3C%3E%27%2B%C3%BC%F0%9D%84%9E%0A",
			 [MASK_FORM_PAGE] = "a/&quot;\\ &amp;&lt;&gt;&#39;+ü\xf0\x9d\x84\x9e\n",
		 }},
		{"", {"", "", "", "", "", "", "", ""}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int form = 0; form < MASK_FORM_COUNT_; form++) {
			AUTO(buf) struct buf out = BUF_INIT(1024);
			mask_form_put((enum mask_form)form, cases[i].text, strlen(cases[i].text),
				      &out);
			assert_string_equal(buf_str(&out), cases[i].forms[form]);
		}
}

static void no_form_grows_more_than_is_said(void **state)
{
	for (int c = 1; c < 256; c++)
		for (int form = 0; form < MASK_FORM_COUNT_; form++) {
			AUTO(buf) struct buf out = BUF_INIT(MASK_FORM_GROWTH);
			const char byte = (char)c;
			mask_form_put((enum mask_form)form, &byte, 1, &out);
			assert_false(out.failed);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_what_others_write),
		cmocka_unit_test(no_form_grows_more_than_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
