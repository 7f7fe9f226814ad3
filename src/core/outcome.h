/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an attempt can end. Every attempt ends in exactly one of these, and "unknown" is never
 * guessed away: a marker, a probe, an idempotency key or a person decides.
 */
#ifndef STINT_CORE_OUTCOME_H
#define STINT_CORE_OUTCOME_H

/* The numbers are stored in the ledger and sent in frames. */
#define OUTCOMES(X)                                                                                \
	X(OUTCOME_DONE, 1, "done")	 /* the effect took place */                               \
	X(OUTCOME_RETRY, 2, "retry")	 /* it did not; try again */                               \
	X(OUTCOME_DEAD, 3, "dead")	 /* it did not and never will */                           \
	X(OUTCOME_ALL, 4, "all_alike")	 /* it did not, and no other item would: the breaker */    \
	X(OUTCOME_UNKNOWN, 5, "unknown") /* it may have taken place */                             \
	X(OUTCOME_NOT_BEGUN, 6, "not_begun") /* certainly not begun; charges nothing */

enum outcome {
#define X(id, value, text) id = value,
	OUTCOMES(X)
#undef X
		OUTCOME_COUNT_
};

const char *outcome_name(enum outcome outcome);

#endif
