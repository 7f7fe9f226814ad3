#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Prints what test_histogram.c compares with: the same numbers, sorted and added up exactly."""

import math
from fractions import Fraction

SAMPLES = [('wild', 42, 100000, lambda v: v),
           ('narrow', 7, 1000, lambda v: 10**10 + v % 3),
           ('small', 9, 5000, lambda v: v % 64)]


def numbers(seed, n):
    x = seed
    for _ in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (x >> 20) % 2**((x >> 59) + 4)


for name, seed, n, shape in SAMPLES:
    v = sorted(shape(number) for number in numbers(seed, n))
    deviation = math.sqrt(Fraction(sum(x * x for x in v), n) - Fraction(sum(v), n)**2)
    percentiles = ', '.join(str(v[-(-n * p // 1000) - 1]) for p in (500, 900, 950, 990))
    print(f'\t{{{name}, {seed}, {n}, {sum(v)}, {deviation:.6f}, {{{percentiles}}}, '
          f'{v[0]}, {v[-1]}}},')
