/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each fuzz target defines. libFuzzer and replay.c call it with one input after another, so
 * it leaves nothing behind and asserts whatever must hold for any input.
 */
#ifndef STINT_TESTS_FUZZ_FUZZ_H
#define STINT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Always 0; the name and the type are libFuzzer's. Lends `data`. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
