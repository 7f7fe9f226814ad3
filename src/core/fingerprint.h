/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of an error: what is left of its text when numbers, quoted parts and hexadecimal
 * strings are taken out, so that a thousand failures of one cause are one line in a report. Pure.
 */
#ifndef STINT_CORE_FINGERPRINT_H
#define STINT_CORE_FINGERPRINT_H

enum { FINGERPRINT_CHARS = 8 };

/* Writes 8 hexadecimal digits and a '\0'. Nothing ("") for an empty class and text. */
void fingerprint(const char *err_class, const char *text, char out[FINGERPRINT_CHARS + 1]);

#endif
