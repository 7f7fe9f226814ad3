/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One element of an XML document into the fields of a job (by libexpat).
 *
 * A field is the text of a child element of its name, else the attribute of that name; with `from`,
 * of the element (/customer/email) or attribute (/@id, /customer/@id) at the end of that path. Of
 * several the first counts. An element that is not there, or says xsi:nil="true", is null.
 *
 * Promise: nothing is fetched and no entity is expanded but &lt; &gt; &amp; &quot; &apos; and those
 *          that are numbers: an element is read without the document's DOCTYPE. Values together
 *          are at most as long as the element.
 * Owner:   whoever made it; values are lent until the next record.
 */
#ifndef STINT_SOURCE_XML_RECORD_H
#define STINT_SOURCE_XML_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct flaw;
struct job;
struct xml_record;

struct xml_value {
	const char *text; /* NULL: null */
	size_t len;
	size_t at; /* where in the record what it was read from begins */
};

enum xml_record_condition { XML_RECORD_FLAW = 1 };

struct xml_record *xml_record_new(const struct job *job);
void xml_record_free(struct xml_record *x);
/* `encoding` as the document declares it, "" for UTF-8. Lends one value for each field. Returns
 * XML_RECORD_FLAW and sets *ret_flaw when it is no XML, or has another encoding than UTF-8,
 * US-ASCII, ISO-8859-1 and windows-1252. */
ST_MUST_CHECK int xml_record_read(struct xml_record *x, const char *encoding, const char *text,
				  size_t len, const struct xml_value **ret_values,
				  struct flaw *ret_flaw);

#endif
