/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from the kernel, fit for nonces and keys. Without them the process ends. Any thread.
 */
#ifndef STINT_SYS_RANDOM_H
#define STINT_SYS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_u64(void);

#endif
