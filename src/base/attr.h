/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler attributes and the few macros that every file may use.
 *
 * Nothing beyond this file may name a compiler extension, so that what the code asks of gcc and
 * clang stands in one place.
 */
#ifndef STINT_BASE_ATTR_H
#define STINT_BASE_ATTR_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970-01-01 UTC. Durations are plain `int64_t` microseconds, named `_us`. */
typedef int64_t utime;

#define UTIME_NEVER INT64_MAX
#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)
#define US_PER_MIN (60 * US_PER_S)
#define US_PER_HOUR (60 * US_PER_MIN)
#define US_PER_DAY (24 * US_PER_HOUR)

#define ST_MUST_CHECK __attribute__((warn_unused_result))
#define ST_PRINTF(fmt_index, first) __attribute__((format(printf, fmt_index, first)))
#define ST_NORETURN __attribute__((noreturn))
#define ST_UNUSED __attribute__((unused))

/* The highest bit that is set in an unsigned number up to 64 bits, which is not 0. */
#define ST_HIGHEST_BIT(x) (63U - (unsigned)__builtin_clzll(x))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of which `ptr` is the member `member`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Declares a local whose clean-up function `name_auto` runs when it goes out of scope:
 * `AUTO(buf) struct buf b = BUF_INIT(64);` */
#define AUTO(name) __attribute__((cleanup(name##_auto)))

/* Moves the pointer out of `var` and leaves NULL: how ownership leaves a scope. */
#define TAKE(var)                                                                                  \
	__extension__({                                                                            \
		__typeof__(var) take_value_ = (var);                                               \
		(var) = NULL;                                                                      \
		take_value_;                                                                       \
	})

/* Casts a `void *` that came back from a callback or a queue, and proves what it is. Every such
 * struct begins with `uint32_t magic`. */
#define OBJ_CAST(ptr, type, expected) ((type *)obj_check((ptr), (expected), __FILE__, __LINE__))

/* Returns `ptr` when it is not NULL and starts with `magic`; aborts with the place otherwise. */
void *obj_check(void *ptr, uint32_t magic, const char *file, int line);

/* For a branch that cannot be taken; ends the process with the place and the reason. */
#define unreachable(why) unreachable_at((why), __FILE__, __LINE__)

ST_NORETURN void unreachable_at(const char *why, const char *file, int line);

#endif
