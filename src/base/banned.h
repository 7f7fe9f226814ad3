/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that may not be called, and what to use instead.
 *
 * A poisoned name must not occur even in a system header that comes later, and our order of
 * includes puts the own header first and not last. So nothing includes this file: it is the list,
 * and tools/check-style reads it and refuses the calls, in tests too. The pragmas make it usable
 * as the last include of a file that wants the compiler's word as well.
 */
#ifndef STINT_BASE_BANNED_H
#define STINT_BASE_BANNED_H

/* No bound on what is written: struct buf, memcpy with a known length, snprintf. */
#pragma GCC poison strcpy strcat stpcpy sprintf vsprintf gets
/* No terminator, or a pad of zeros over the whole buffer: memcpy and an explicit '\0'. */
#pragma GCC poison strncpy strncat
/* Hidden state shared by all callers: walk the text with a pointer. */
#pragma GCC poison strtok
/* No way to say that the text was no number: text_parse_int and friends. */
#pragma GCC poison atoi atol atoll atof
/* Process-wide time zone, static result: sys/clock, and when/ for civil time. */
#pragma GCC poison gmtime localtime ctime asctime tzset
/* Not random and not seeded: sys/random, or the seed that a simulation hands in. */
#pragma GCC poison rand srand random srandom
/* A shell between us and the program: sys/process with an argument vector. */
#pragma GCC poison system popen
/* A race between name and file: open with O_TMPFILE or mkostemp, in sys/. */
#pragma GCC poison mktemp tmpnam tempnam tmpfile
/* Semantics differ by system: sigaction, in sys/ and loop/. */
#pragma GCC poison signal
/* Descriptors above 1023 overrun its sets: the loop, or poll in sys/. */
#pragma GCC poison select
/* Waiting for time to pass instead of for an event: a timer of the loop. */
#pragma GCC poison sleep usleep nanosleep
/* A jump over cleanups and ownership: return codes. */
#pragma GCC poison setjmp longjmp
/* Unbounded stack: struct buf, or an array of constant size. */
#pragma GCC poison alloca

#endif
