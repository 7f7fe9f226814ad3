/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of JSON and XML documents, and lines with columns at fixed places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/source/desk.h"

#define JSON                                                                                       \
	"  json: {path: in, pointer: /data/items}\n"                                               \
	"  fields: {id: integer, mail: {type: \"text?\", from: /to/mail}}\n"
#define WHOLE                                                                                      \
	"  json: {path: in, pointer: \"\"}\n"                                                      \
	"  fields: {id: integer}\n"
#define XML                                                                                        \
	"  xml: {path: in, element: tx}\n"                                                         \
	"  fields: {id: {type: integer, from: /@id}, mail: {type: \"text?\", from: /to/mail}, "    \
	"total: \"decimal?\"}\n"
#define FIXED                                                                                      \
	"  fixed: {path: in, columns: {name: [1, 6], total: [7, 8], day: [17, 10]}}\n"             \
	"  fields: {name: text, total: decimal, day: date}\n"

static struct desk *load(const char *source, const char *text)
{
	struct desk *d = desk_open();

	desk_write(d, "in", text);
	desk_job(d, source, "");
	desk_load(d);
	return d;
}

static void expect_failure(const char *source, const char *text, const char *words)
{
	struct desk *d = load(source, text);

	assert_int_equal(d->rc, ERR_DATA);
	if (strstr(d->err.text, words) == NULL)
		fail_msg("%s: %s is not in it", d->err.text, words);
	desk_close(d);
}

/* ---- json ---- */

static void elements_of_a_json_list_are_items_with_the_lines_where_they_begin(void **state)
{
	struct desk *d = load(
		JSON, "{\"meta\": {\"items\": [{\"id\": 9}], \"data\": [1, {\"items\": []}]},\n"
		      " \"data\": {\"n\": 2, \"items\": [\n"
		      "  {\"id\": 1, \"to\": {\"mail\": \"a]}\\\"\"}},\n"
		      "  {\"id\":\n   2, \"more\": [{}, [\"}\"]]} , {\"id\": 3}],\n"
		      "  \"items2\": [{\"id\": 4}]}}\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:3 @in:3 id=1 mail=a]}\"", "in:4 @in:4 id=2 mail=null",
		     "in:5 @in:5 id=3 mail=null");
	assert_int_equal(d->read, 3);
	desk_close(d);
}

static void a_document_may_be_the_list_itself(void **state)
{
	struct desk *d = load(WHOLE, "\xef\xbb\xbf [{\"id\": 1},{\"id\":2}]");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:1 @in:1 id=1", "in:1 @in:1 id=2");
	desk_close(d);
	d = load(WHOLE, "[ ]");
	desk_expect_end(d);
	assert_int_equal(d->n_items, 0);
	desk_close(d);
}

static void an_element_that_is_no_item_is_rejected_as_it_stands(void **state)
{
	struct desk *d = load(WHOLE, "[{\"id\": 1}, 12.5, {\"id\": \"x\"},\n\n {\n\"id\": 01},\n"
				     "  \"text\", {\"id\": 2}, null]\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:1 @in:1 id=1", "in:5 @in:5 id=2");
	assert_int_equal(d->n_rejects, 5);
	assert_string_equal(d->rejects[0], "in:1:13 byte 12: a record is one JSON object, this is "
					   "something else [12.5]");
	assert_string_equal(d->rejects[1],
			    "in:1:26 byte 25: 'x' is no integer (field id) [{\"id\": \"x\"}]");
	assert_int_equal(strncmp(d->rejects[2], "in:4:", 5), 0);
	assert_int_equal(d->read, 7);
	desk_close(d);
}

static void what_is_wrong_with_the_structure_ends_the_load_with_its_line(void **state)
{
	expect_failure(JSON, "{\"data\": {\"items\": [\n{\"id\": 1},\n",
		       "in:3: the document is cut off");
	expect_failure(JSON, "{\"data\": {\"items\": [{\"id\": \"1", "cut off within a text");
	expect_failure(JSON, "{\"data\": {}}\n", "there is nothing where the pointer leads");
	expect_failure(JSON, "{\"data\": {\"items\": {}}}", "names is an object, no list");
	expect_failure(JSON, "{\"data\": {\"items\": 5}}", "names is no list");
	expect_failure(JSON, "{\"data\": {\"items\": [], \"items\": []}}", "comes twice");
	expect_failure(WHOLE, "", "in:1: the document is empty");
	expect_failure(WHOLE, "[{\"id\": 1},]", "expected a value, found ']'");
	expect_failure(WHOLE, "[{\"id\": 1}]\n[", "in:2: byte 12: behind the end of the document");
	expect_failure(WHOLE, "[{\"id\": 1} {\"id\": 2}]", "expected ',' or the end of the list");
	expect_failure(WHOLE, "[{\"id\": 1]]", "']' closes nothing");
}

/* `n` times `text`, between `head` and `tail`; to be freed. */
static char *repeat(const char *head, const char *text, size_t n, const char *tail)
{
	struct buf b = BUF_INIT(64 * 1024 * 1024);

	buf_puts(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, text);
	buf_puts(&b, tail);
	char *all = buf_take(&b);
	buf_done(&b);
	assert_non_null(all);
	return all;
}

static void a_document_may_not_be_nested_without_end(void **state)
{
	char *deep = repeat("{\"x\": ", "[", 600, "");

	expect_failure(JSON, deep, "nested more than 512 deep");
	free(deep);
	deep = repeat("<a>", "<b>", 600, "");
	expect_failure(XML, deep, "nested more than 512 deep");
	free(deep);
}

static void what_lies_between_elements_may_be_long_and_an_element_too_long_is_rejected(void **state)
{
	char *json = repeat("{\"data\": {\"x\": \"", "0123456789", 1000000,
			    "\", \"items\": [{\"id\": 1}, {\"id\": \"");
	char *more = repeat(json, "0123456789", 1000000, "\"}, {\"id\": 2}]}}");
	struct desk *d = load(JSON, more);

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:1 @in:1 id=1 mail=null", "in:1 @in:1 id=2 mail=null");
	assert_int_equal(d->n_rejects, 1);
	assert_non_null(strstr(d->rejects[0], "longer than 8 MiB"));
	desk_close(d);
	free(json);
	free(more);
}

/* ---- xml ---- */

static void elements_of_an_xml_document_are_items(void **state)
{
	struct desk *d = load(
		XML, "<?xml version=\"1.0\"?>\n<!DOCTYPE all [ <!ENTITY x \"]>\"> <!-- ' --> ]>\n"
		     "<all><!-- <tx id=\"7\"/> --><![CDATA[<tx id='8'/>]]>\n"
		     "<tx id=\"1\"><to><mail>a&amp;b &#xe4;</mail><mail>second</mail></to>"
		     "<total> 12.50 </total></tx>\n"
		     "<group at='>'><n:tx id='2'/></group><tx\nid='3' ><to><mail/></to>"
		     "<tx id='4'/></tx></all>\n<!-- end -->");

	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	assert_string_equal(d->items[0], "in:5 @in:5 id=2 mail=null total=null");
	assert_string_equal(d->items[1], "in:5 @in:5 id=3 mail=null total=null");
	/* Blanks around a number are no part of it in XML Schema; here they are told. */
	assert_int_equal(d->n_rejects, 1);
	assert_non_null(strstr(d->rejects[0], "in:4:"));
	desk_close(d);
}

static void fields_of_xml_are_children_attributes_or_paths(void **state)
{
	struct desk *d = load("  xml: {path: in, element: tx}\n"
			      "  fields: {id: integer, kind: {type: text, from: /to/@kind}, "
			      "city: \"text?\"}\n",
			      "<a><tx id=\"1\"><to kind=\"x\"/><b><id>9</id></b></tx>"
			      "<tx id=\"1\"><id>2</id><to kind=\"y\">t</to><city>\xc3\x84<i>b</i>c"
			      "</city></tx>"
			      "<tx id=\"3\"><to kind=\"z\"/><city xsi:nil=\"true\"/></tx></a>");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:1 @in:1 id=1 kind=x city=null",
		     "in:1 @in:1 id=2 kind=y city=\xc3\x84"
		     "bc",
		     "in:1 @in:1 id=3 kind=z city=null");
	desk_close(d);
}

static void no_entity_of_a_document_is_expanded(void **state)
{
	struct desk *d = load(XML, "<!DOCTYPE a [<!ENTITY l \"lol\"><!ENTITY m \"&l;&l;\">"
				   "<!ENTITY f SYSTEM \"file:///etc/passwd\">]>\n"
				   "<a><tx id=\"1\"><to><mail>&m;</mail></to></tx>"
				   "<tx id=\"2\"><to><mail>&f;</mail></to></tx><tx id=\"3\"/></a>");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:2 @in:2 id=3 mail=null total=null");
	assert_int_equal(d->n_rejects, 2);
	assert_non_null(strstr(d->rejects[0], "undefined entity"));
	assert_non_null(strstr(d->rejects[1], "undefined entity"));
	desk_close(d);
}

static void an_xml_document_says_how_it_is_encoded(void **state)
{
	static const char *const encodings[] = {"ISO-8859-1", "windows-1252", "iso-8859-1"};
	char text[200];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(text, sizeof(text),
			       "<?xml version='1.0' encoding='%s'?><a><tx id='1'><to><mail>\xe4"
			       "</mail></to></tx></a>",
			       encodings[i]);
		struct desk *d = load(XML, text);
		desk_expect_end(d);
		EXPECT_ITEMS(d, "in:1 @in:1 id=1 mail=\xc3\xa4 total=null");
		desk_close(d);
	}
	struct desk *d = load(XML, "<?xml version='1.0' encoding='EUC-JP'?><a><tx id='1'/></a>");
	desk_expect_end(d);
	assert_int_equal(d->n_rejects, 1);
	assert_non_null(strstr(d->rejects[0], "the document's encoding is EUC-JP"));
	desk_close(d);
	d = load(XML, "<a><tx id='1'><to><mail>\xe4</mail></to></tx></a>");
	desk_expect_end(d);
	assert_int_equal(d->n_rejects, 1);
	desk_close(d);
}

static void what_is_no_xml_ends_the_load_or_rejects_the_element(void **state)
{
	expect_failure(XML, "", "in:1: the document is empty");
	expect_failure(XML, "<a>\n<tx id='1'>", "in:2: the document is cut off");
	expect_failure(XML, "{\"id\": 1}", "this is no XML");
	expect_failure(XML, "<a></a></a>", "an end tag closes nothing");
	expect_failure(XML, "<a></a><b/>", "another element");
	expect_failure(XML, "<a>1 < 2</a>", "no name begins");
	struct desk *d = load(XML, "<a><tx id='1'></ty><tx id='2' id='2'/><tx id='3'/></a>");
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:1 @in:1 id=3 mail=null total=null");
	assert_int_equal(d->n_rejects, 2);
	assert_non_null(strstr(d->rejects[0], "mismatched tag"));
	assert_non_null(strstr(d->rejects[1], "duplicate attribute"));
	desk_close(d);
}

static void sixteen_bit_characters_are_named(void **state)
{
	struct desk *d = desk_open();

	desk_write_bytes(d, "in", "\xff\xfe<\0a\0/\0>\0", 10);
	desk_job(d, XML, "");
	desk_load(d);
	assert_int_equal(d->rc, ERR_DATA);
	assert_non_null(strstr(d->err.text, "the document is UTF-16"));
	desk_close(d);
}

static void a_tag_may_stand_where_reading_pauses(void **state)
{
	/* 17 bytes: prime to the size of what is read at once, so it pauses at many of them. */
	char *all = repeat("<a>", "<tx id='1'></tx\n>", 19000, "</a>");
	struct desk *d = desk_open();

	desk_write(d, "in", all);
	desk_job(d, XML, "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_rejects, 0);
	assert_int_equal(d->read, 19000);
	desk_close(d);
	free(all);
	for (int i = 0; i < 40; i++) { /* or at any byte of it */
		all = repeat("<a><!--", " ", (size_t)(256 * 1024 - 30 + i), "--><tx id='1'/></a>");
		d = load(XML, all);
		desk_expect_end(d);
		assert_int_equal(d->n_rejects, 0);
		assert_int_equal(d->n_items, 1);
		desk_close(d);
		free(all);
	}
	all = repeat("<a><b c='", "0123456789", 1000000, "'/></a>");
	expect_failure(XML, all, "a tag is longer than 8 MiB");
	free(all);
}

/* ---- fixed ---- */

static void columns_of_a_line_stand_at_their_places(void **state)
{
	struct desk *d = load(FIXED, "Anna     12.502026-11-28\r\n"
				     "\xc3\x84nne     -3.00  2026-01-02 rest\n"
				     "      00001.10  2026-01-03\n");

	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	assert_string_equal(d->items[0], "in:2 @in:2 name=\xc3\x84nne total=-3.00 day=2026-01-02");
	assert_string_equal(d->items[1], "in:3 @in:3 name= total=1.10 day=2026-01-03");
	assert_int_equal(d->n_rejects, 1);
	desk_close(d);
}

static void a_line_that_is_too_short_is_rejected(void **state)
{
	struct desk *d = load(FIXED, "Anna  \nAnna     1.00   2026-01-02\nAnna     1.00   x\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:2 @in:2 name=Anna total=1.00 day=2026-01-02");
	EXPECT_REJECTS(
		d, "in:1:7 byte 6: the line has 6 characters, column total begins at 7 [Anna  ]",
		"in:3:17 byte 50: 'x' is no date (field day) [Anna     1.00   x]");
	desk_close(d);
}

static void a_trailer_of_a_line_has_columns_too(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in", "A 1.50\nB 2.50\n#2    400\n");
	desk_job(d,
		 "  fixed: {path: in, columns: {name: [1, 1], total: [3, 4]}, "
		 "trailer: {when: '^#', columns: {count: [2, 1], cents: [5, 5], n: 1}}}\n"
		 "  fields: {name: text, total: decimal}\n",
		 "control: {count: \"${trailer.count}\"}\n");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in:1 @in:1 name=A total=1.50", "in:2 @in:2 name=B total=2.50");
	desk_close(d);
	d = desk_open();
	desk_write(d, "in", "A 1.50\n#2\n");
	desk_job(d,
		 "  fixed: {path: in, columns: {name: [1, 1], total: [3, 4]}, "
		 "trailer: {when: '^#', columns: {count: [2, 1]}}}\n"
		 "  fields: {name: text, total: decimal}\n",
		 "control: {count: \"${trailer.count}\"}\n");
	desk_load(d);
	assert_int_equal(d->rc, ERR_DATA);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_of_a_json_list_are_items_with_the_lines_where_they_begin),
		cmocka_unit_test(a_document_may_be_the_list_itself),
		cmocka_unit_test(an_element_that_is_no_item_is_rejected_as_it_stands),
		cmocka_unit_test(what_is_wrong_with_the_structure_ends_the_load_with_its_line),
		cmocka_unit_test(a_document_may_not_be_nested_without_end),
		cmocka_unit_test(
			what_lies_between_elements_may_be_long_and_an_element_too_long_is_rejected),
		cmocka_unit_test(elements_of_an_xml_document_are_items),
		cmocka_unit_test(fields_of_xml_are_children_attributes_or_paths),
		cmocka_unit_test(no_entity_of_a_document_is_expanded),
		cmocka_unit_test(an_xml_document_says_how_it_is_encoded),
		cmocka_unit_test(what_is_no_xml_ends_the_load_or_rejects_the_element),
		cmocka_unit_test(sixteen_bit_characters_are_named),
		cmocka_unit_test(a_tag_may_stand_where_reading_pauses),
		cmocka_unit_test(columns_of_a_line_stand_at_their_places),
		cmocka_unit_test(a_line_that_is_too_short_is_rejected),
		cmocka_unit_test(a_trailer_of_a_line_has_columns_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
