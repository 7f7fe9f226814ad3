/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol by which instances share a ledger: claim, start, settle, reap, give back, resolve.
 *
 * One run of one chunk of N items, M instances, one lane each. An instance, its lane, the ledger's
 * other users (reaper, resolver, cron), a person and the clock are processes in one place: each
 * does, again and again, any of the steps that are possible. What a process knows stands in global
 * tables, and one atomic step of a ledger is one committed transaction. A stopped process is one
 * that takes no step for a while, and that is every process at any time.
 *
 * What the switches (-D) do stands at each of them; tests/model/run has the list of variants with
 * what is to hold, README.md explains it.
 */
#ifndef N
#define N 2
#endif
#define M 2
#define NOBODY M
#define NOTHING N

/* How often each may happen. Each is a fault or a deed of a person, so the model ends. */
#ifndef CRASHES
#define CRASHES 1 /* an engine dies */
#endif
#ifndef SUSPECTS
#define SUSPECTS 0 /* an engine that lives is declared dead */
#endif
#ifndef LANE_DEATHS
#define LANE_DEATHS 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef DECISIONS
#define DECISIONS 0
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2 /* retry.attempts */
#endif

/* ---- the ledger ---- */

#define IN_CHUNK 0
#define RETRY 1
#define HELD 2
#define DOUBT 3
#define DEAD 4
#define DONE 5
#define WAIVED 6
#define PROBING 7
#define ASKED 8

#define LIVE 0
#define STOPPING 1
#define ENDED 2
#define REAPED 3

bit started[N];		/* the chunk's bits */
bit done[N];
byte owner = NOBODY;	/* who holds the chunk */
byte loose[N];		/* state of the loose row, IN_CHUNK: there is none */
byte holder[N] = NOBODY; /* who holds the loose row */
byte used[N];		/* attempts that were charged */
byte quarantine[N] = NOBODY; /* not before that one's lane can do nothing any more (not_before) */
bit unclear[N];		/* first_started is set */
byte state[M];		/* of the instance's row */
bit finished;		/* the run */
bit asked_to_skip[N];	/* a request row */

#define IS_CLOSED (done[0] && done[N - 1])
#define IS_OPEN(i) (loose[i] == RETRY || loose[i] == HELD || loose[i] == DOUBT || loose[i] == PROBING)
#define IS_EMPTY (IS_CLOSED && owner == NOBODY && !IS_OPEN(0) && !IS_OPEN(N - 1))

/* NO_FENCE: nobody looks whether the instance was declared dead. */
#ifdef NO_FENCE
#define MAY_WRITE(x) true
#define MAY_CLAIM(x) true
#else
#define MAY_WRITE(x) (state[x] == LIVE || state[x] == STOPPING)
#define MAY_CLAIM(x) (state[x] == LIVE)
#endif
/* NO_GUARD: nobody looks whether it is still this instance's. */
#ifdef NO_GUARD
#define HOLDS_CHUNK(x) true
#define HOLDS_ROW(x, i) true
#else
#define HOLDS_CHUNK(x) (owner == x)
#define HOLDS_ROW(x, i) (holder[i] == x)
#endif

/* ---- what processes know ---- */

bit alive[M];		/* the engine's process */
bit has_chunk[M];	/* it believes so */
bit todo[M * N];	/* items of the chunk that it has not taken */
byte ahead[M * N];	/* may be sent, as what */
#define MARKED 1	/* an item of the chunk whose mark is durable */
#define TAKEN 2		/* a loose row in its hand */
bit was_unclear[M * N];	/* a loose row's first_started was set before it was claimed */
#define AT(x, i) ((x) * N + (i))

/* The lane: what it works on, and how far it is. */
#define IDLE 0
#define SENT 1	   /* not begun */
#define BEGUN 2	   /* past the point of no return */
#define SAYS_DONE 3
#define SAYS_RETRY 4
#define SAYS_DEAD 5
#define SAYS_UNKNOWN 6
#define DIED 7	   /* with an item that it had begun */
#define DIED_BEFORE 8
#define LOST 9	   /* its end could not be proved: what it began may still act */
byte item[M] = NOTHING;
byte stage[M];
byte ghost[M] = NOTHING; /* what a lost lane may still act on */
#define NO 1
#define YES 2
#define UNCLEAR 3
byte probed[M];	   /* the answer of the outside to a probe */
byte probes[M] = NOTHING;

/* What the lane of a dead instance may still do. R1: time alone is trusted, and the engine, too,
 * may wake up later. */
#define LANE_IS_QUIET(x) (stage[x] != SENT && stage[x] != BEGUN)
#ifdef R1
#define IS_QUIET(x) true
#else
#define IS_QUIET(x) (LANE_IS_QUIET(x) && ghost[x] == NOTHING && !(alive[x] && state[x] == REAPED))
#endif
#define MAY_BEGIN(i) (quarantine[i] == NOBODY || IS_QUIET(quarantine[i]))

/* ---- outside ---- */

byte effects[N];
/* LAGS: what happened shows later; `settle` is made longer than that. */
#ifdef LAGS
bit shows[N];
bit said_no[N]; /* once, in a row */
#define SHOWS(i) shows[i]
#else
#define SHOWS(i) (effects[i] > 0)
#endif
/* NO_SETTLE: it is asked for the second time at once. ONE_NO: the first no is enough. */
#if defined(LAGS) && !defined(NO_SETTLE)
#define HAS_SETTLED(i) (!said_no[i] || effects[i] == 0 || shows[i])
#else
#define HAS_SETTLED(i) true
#endif
bit known[N];	/* KEYED: the target knows the item's key */
bit late[N];	/* KEYED: nine tenths of key_valid have gone by since first_started */
bit covered[N];	/* first_started is not later than what the target knows */

#ifdef KEYED
#define MARKS
#endif
#ifdef ONCE
#define MARKS
#endif

byte crashes;
byte suspects;
byte lane_deaths;
byte stops;
byte decisions;

/* ---- pieces of transactions ---- */

inline clear_unclear(i)
{
	unclear[i] = 0;
	late[i] = 0;
	covered[i] = 0
}

inline set_unclear(i)
{
#ifdef KEYED
	unclear[i] = 1
#else
	skip
#endif
}

/* The item's row gets a state; what is not held has no holder. */
inline becomes(i, new_state)
{
	loose[i] = new_state;
	holder[i] = NOBODY
}

inline leave_chunk(i, new_state)
{
	done[i] = 1;
	loose[i] = new_state;
	close_chunk()
}

inline close_chunk()
{
	if
	:: IS_CLOSED && owner != NOBODY -> has_chunk[owner] = 0; owner = NOBODY
	:: else
	fi
}

/* Requests for what nobody holds any more. */
inline settle_request(i)
{
	if
	:: asked_to_skip[i] && (loose[i] == IN_CHUNK && !done[i] && owner == NOBODY) ->
		asked_to_skip[i] = 0; leave_chunk(i, WAIVED)
	:: asked_to_skip[i] && (loose[i] == RETRY || loose[i] == DOUBT || loose[i] == ASKED ||
				loose[i] == DEAD) ->
		asked_to_skip[i] = 0; becomes(i, WAIVED)
	:: asked_to_skip[i] && (done[i] && loose[i] == IN_CHUNK || loose[i] == DONE ||
				loose[i] == WAIVED) ->
		asked_to_skip[i] = 0
	:: else
	fi
}

inline quit(x)
{
	alive[x] = 0;
	has_chunk[x] = 0;
	todo[AT(x, 0)] = 0; todo[AT(x, N - 1)] = 0;
	ahead[AT(x, 0)] = 0; ahead[AT(x, N - 1)] = 0;
	was_unclear[AT(x, 0)] = 0; was_unclear[AT(x, N - 1)] = 0;
	probes[x] = NOTHING;
	probed[x] = 0;
	if
	:: LANE_IS_QUIET(x) -> idle(x)
	:: else
	fi
}

inline idle(x)
{
	stage[x] = IDLE;
	item[x] = NOTHING
}

/* ---- the engine ---- */

inline claim_chunk(x)
{
	alive[x] && state[x] != STOPPING && MAY_CLAIM(x) && !finished && owner == NOBODY && !IS_CLOSED ->
	owner = x;
	has_chunk[x] = 1;
	todo[AT(x, 0)] = !done[0];
	todo[AT(x, N - 1)] = !done[N - 1]
}

/* The mark is durable before the item may be sent, and the commit proves that the chunk is ours. */
inline mark_started(x, i)
{
	alive[x] && has_chunk[x] && todo[AT(x, i)] && state[x] != STOPPING && !asked_to_skip[i] ->
	if
	:: MAY_WRITE(x) && HOLDS_CHUNK(x) ->
#ifndef NO_MARK
		started[i] = 1;
#endif
		set_unclear(i);
		todo[AT(x, i)] = 0;
		ahead[AT(x, i)] = MARKED
	:: else -> quit(x)
	fi
}

inline send_marked(x, i)
{
	alive[x] && ahead[AT(x, i)] == MARKED && stage[x] == IDLE && state[x] != STOPPING ->
	ahead[AT(x, i)] = 0;
	item[x] = i;
	stage[x] = SENT
}

/* Without marks an item goes from the chunk to the lane. */
inline send_plain(x, i)
{
	alive[x] && has_chunk[x] && todo[AT(x, i)] && stage[x] == IDLE && state[x] != STOPPING &&
		!asked_to_skip[i] ->
	todo[AT(x, i)] = 0;
	item[x] = i;
	stage[x] = SENT
}

inline claim_loose(x, i)
{
	alive[x] && state[x] != STOPPING && MAY_CLAIM(x) && !finished && loose[i] == RETRY && MAY_BEGIN(i) ->
	loose[i] = HELD;
	holder[i] = x;
	quarantine[i] = NOBODY;
	ahead[AT(x, i)] = TAKEN;
	was_unclear[AT(x, i)] = unclear[i];
	set_unclear(i)
}

/* Looked at directly before it is sent: does the other side still know the key? */
inline send_loose(x, i)
{
	alive[x] && ahead[AT(x, i)] == TAKEN && stage[x] == IDLE && state[x] != STOPPING ->
	ahead[AT(x, i)] = 0;
	if
#ifndef NO_EXPIRY
	:: was_unclear[AT(x, i)] && late[i] ->
		if
		:: MAY_WRITE(x) && HOLDS_ROW(x, i) -> becomes(i, ASKED)
		:: else -> quit(x)
		fi
#endif
	:: else ->
		item[x] = i;
		stage[x] = SENT
	fi
}

/* A failure that may be tried again, if an attempt is left and the key is. */
inline fate_of_failure(i, is_charged, is_unclear, ret_fate)
{
	if
	:: is_charged && used[i] < ATTEMPTS -> used[i]++
	:: else
	fi;
	if
#ifndef NO_BOUND
	:: is_charged && used[i] >= ATTEMPTS -> ret_fate = DEAD
#endif
#ifndef NO_EXPIRY
	:: !(is_charged && used[i] >= ATTEMPTS) && is_unclear && late[i] -> ret_fate = ASKED
#endif
	:: else -> ret_fate = RETRY
	fi
}

/* What becomes of an attempt whose end nobody knows. */
inline fate_of_unknown(i, is_charged, ret_fate)
{
#ifdef ONCE
#ifdef CONSENT
	fate_of_failure(i, is_charged, 1, ret_fate)
#else
	ret_fate = ASKED
#endif
#else
	fate_of_failure(i, is_charged, 1, ret_fate)
#endif
}

inline decide_fate(x, i, ret_fate)
{
	is_unclear = was_unclear[AT(x, i)];
	if
	:: stage[x] == SAYS_DONE -> ret_fate = DONE; is_unclear = 1
	:: stage[x] == SAYS_RETRY -> fate_of_failure(i, 1, is_unclear, ret_fate)
	:: stage[x] == SAYS_DEAD -> ret_fate = DEAD
	:: stage[x] == SAYS_UNKNOWN -> fate_of_unknown(i, 1, ret_fate); is_unclear = 1
	:: stage[x] == DIED || stage[x] == LOST -> fate_of_unknown(i, 0, ret_fate); is_unclear = 1
	:: stage[x] == DIED_BEFORE -> fate_of_failure(i, 0, is_unclear, ret_fate)
	fi;
	if
	:: !is_unclear -> clear_unclear(i)
	:: else
	fi
}

/* An outcome into the ledger: fenced and guarded. */
inline settle(x)
{
	alive[x] && stage[x] > BEGUN && item[x] != NOTHING ->
	i = item[x];
	if
	:: !MAY_WRITE(x) -> quit(x)
	:: MAY_WRITE(x) && loose[i] != IN_CHUNK && !HOLDS_ROW(x, i) -> quit(x)
	:: MAY_WRITE(x) && loose[i] == IN_CHUNK && !HOLDS_CHUNK(x) -> quit(x)
	:: else ->
		decide_fate(x, i, fate);
		if
		:: loose[i] != IN_CHUNK -> becomes(i, fate)
		:: loose[i] == IN_CHUNK && fate == DONE -> leave_chunk(i, IN_CHUNK)
#ifndef MARKS
		/* Nothing happened to it, and nothing says that it was started. */
		:: loose[i] == IN_CHUNK && fate == RETRY && used[i] == 0 && stage[x] != LOST ->
			todo[AT(x, i)] = 1
		:: loose[i] == IN_CHUNK && fate != DONE && (fate != RETRY || used[i] > 0 || stage[x] == LOST) ->
			leave_chunk(i, fate)
#else
		:: loose[i] == IN_CHUNK && fate != DONE -> leave_chunk(i, fate)
#endif
		fi;
#ifndef NO_QUARANTINE
		if
		:: stage[x] == LOST -> quarantine[i] = x
		:: else
		fi;
#endif
		was_unclear[AT(x, i)] = 0;
		settle_request(i);
		idle(x)
	fi
}

/* DONE_FIRST: written when it is sent. */
inline settle_early(x)
{
	alive[x] && stage[x] == SENT && MAY_WRITE(x) && HOLDS_CHUNK(x) && loose[item[x]] == IN_CHUNK &&
		!done[item[x]] ->
	done[item[x]] = 1
}

/* A request for what is in our hand and not with the lane. */
inline obey_skip(x, i)
{
	alive[x] && MAY_WRITE(x) && asked_to_skip[i] && item[x] != i &&
		(owner == x && loose[i] == IN_CHUNK && todo[AT(x, i)] ||
		 holder[i] == x && loose[i] == HELD && ahead[AT(x, i)]) ->
	asked_to_skip[i] = 0;
	todo[AT(x, i)] = 0;
	ahead[AT(x, i)] = 0;
	was_unclear[AT(x, i)] = 0;
	if
	:: loose[i] == HELD -> becomes(i, WAIVED)
	:: else -> leave_chunk(i, WAIVED)
	fi
}

/* ---- stop ---- */

inline begin_stop(x)
{
	alive[x] && state[x] == LIVE && stops < STOPS ->
	stops++;
	state[x] = STOPPING
}

/* What is provably unsent: a loose row that may be tried at once, free of charge. */
inline take_back(x, i)
{
	alive[x] && state[x] == STOPPING && ahead[AT(x, i)] ->
	ahead[AT(x, i)] = 0;
	if
	:: !MAY_WRITE(x) -> quit(x)
	:: else ->
		if
		:: !was_unclear[AT(x, i)] -> clear_unclear(i)
		:: else
		fi;
		was_unclear[AT(x, i)] = 0;
		if
		:: loose[i] == HELD -> becomes(i, RETRY)
#ifdef FORGET_UNSENT
		:: else -> todo[AT(x, i)] = 1 /* left in the chunk, marked as started */
#else
		:: else -> leave_chunk(i, RETRY)
#endif
		fi;
		settle_request(i)
	fi
}

#define IS_RUNNING(i) (started[i] && !done[i])

/* G. GIVE_ALL: whatever is started and not done. */
inline give_back(x)
{
	alive[x] && state[x] == STOPPING && owner == x &&
#ifdef GIVE_ALL
		true ->
#else
#ifdef MARKS
		!IS_RUNNING(0) && !IS_RUNNING(N - 1) ->
#else
		stage[x] == IDLE ->
#endif
#endif
	owner = NOBODY;
	has_chunk[x] = 0;
	todo[AT(x, 0)] = 0; todo[AT(x, N - 1)] = 0;
	settle_request(0);
	settle_request(N - 1)
}

inline end_instance(x)
{
	alive[x] && state[x] == STOPPING && owner != x && holder[0] != x && holder[N - 1] != x &&
		!ahead[AT(x, 0)] && !ahead[AT(x, N - 1)] && stage[x] == IDLE ->
	state[x] = ENDED;
	quit(x)
}

/* ---- deaths ---- */

inline crash(x)
{
	alive[x] && crashes < CRASHES ->
	crashes++;
	quit(x)
}

/* A fenced engine ends at its next write. */
inline notice_fence(x)
{
	alive[x] && state[x] == REAPED && !MAY_WRITE(x) -> quit(x)
}

inline cannot_go_on(x)
{
	alive[x] && state[x] == REAPED && finished && stage[x] == IDLE -> quit(x)
}

/* ---- probes ---- */

inline claim_probe(x, i)
{
	alive[x] && MAY_CLAIM(x) && state[x] != STOPPING && loose[i] == DOUBT && probes[x] == NOTHING &&
		MAY_BEGIN(i) && HAS_SETTLED(i) ->
	loose[i] = PROBING;
	holder[i] = x;
	probes[x] = i
}

inline ask_outside(x)
{
	alive[x] && probes[x] != NOTHING && probed[x] == 0 ->
	if
	:: SHOWS(probes[x]) -> probed[x] = YES
	:: !SHOWS(probes[x]) -> probed[x] = NO
	:: probed[x] = UNCLEAR
	fi
}

/* It did not happen. */
inline take_no(i)
{
#if defined(LAGS) && !defined(ONE_NO)
	if
	:: said_no[i] -> said_no[i] = 0; becomes(i, RETRY); clear_unclear(i)
	:: else -> said_no[i] = 1; becomes(i, DOUBT)
	fi
#else
	becomes(i, RETRY);
	clear_unclear(i)
#endif
}

inline settle_probe(x)
{
	alive[x] && probed[x] != 0 ->
	i = probes[x];
	if
	:: !MAY_WRITE(x) -> quit(x)
	:: MAY_WRITE(x) && (loose[i] != PROBING || !HOLDS_ROW(x, i)) ->
		probes[x] = NOTHING; /* a person was faster */
		probed[x] = 0
	:: else ->
		probes[x] = NOTHING;
		quarantine[i] = NOBODY;
		if
		:: probed[x] == YES -> becomes(i, DONE)
		:: probed[x] == NO -> take_no(i)
		:: probed[x] == UNCLEAR -> becomes(i, ASKED)
		fi;
		probed[x] = 0
	fi
}

proctype engine(byte x)
{
	byte i = 0;
	byte fate = 0;
	bit is_unclear = 0;

	do
	:: atomic { claim_chunk(x) }
#ifdef MARKS
	:: atomic { mark_started(x, 0) }
	:: atomic { mark_started(x, N - 1) }
	:: atomic { send_marked(x, 0) }
	:: atomic { send_marked(x, N - 1) }
#else
	:: atomic { send_plain(x, 0) }
	:: atomic { send_plain(x, N - 1) }
#endif
	:: atomic { claim_loose(x, 0) }
	:: atomic { claim_loose(x, N - 1) }
	:: atomic { send_loose(x, 0) }
	:: atomic { send_loose(x, N - 1) }
	:: atomic { settle(x); i = 0; fate = 0; is_unclear = 0 }
#ifdef DONE_FIRST
	:: atomic { settle_early(x) }
#endif
#ifdef SKIPS
	:: atomic { obey_skip(x, 0) }
	:: atomic { obey_skip(x, N - 1) }
#endif
#if STOPS > 0
	:: atomic { begin_stop(x) }
	:: atomic { take_back(x, 0) }
	:: atomic { take_back(x, N - 1) }
	:: atomic { give_back(x) }
	:: atomic { end_instance(x) }
#endif
#ifdef PROBE
	:: atomic { claim_probe(x, 0) }
	:: atomic { claim_probe(x, N - 1) }
	:: atomic { ask_outside(x) }
	:: atomic { settle_probe(x); i = 0 }
#endif
	:: atomic { crash(x) }
	:: atomic { notice_fence(x) }
	:: atomic { cannot_go_on(x) }
	od
}

/* ---- the lane ---- */

/* What the outside sees. */
inline act_on(i)
{
#ifdef KEYED
	if
	:: known[i] /* the other side says what it said before */
	:: !known[i] ->
		if
		:: effects[i] < 2 -> effects[i]++
		:: else
		fi;
		known[i] = 1;
		covered[i] = unclear[i]
	fi
#else
	if
	:: effects[i] < 2 -> effects[i]++
	:: else
	fi
#endif
}

proctype lane(byte x)
{
	do
	:: atomic { stage[x] == SENT -> stage[x] = BEGUN }
	:: atomic { stage[x] == BEGUN ->
		if
		:: act_on(item[x]);
			if
			:: stage[x] = SAYS_DONE
			:: stage[x] = SAYS_UNKNOWN
			fi
		:: stage[x] = SAYS_UNKNOWN
		:: stage[x] = SAYS_RETRY
		:: stage[x] = SAYS_DEAD
		fi;
		if
		:: !alive[x] -> idle(x)
		:: else
		fi }
#if LANE_DEATHS > 0
	:: atomic { alive[x] && stage[x] == SENT && lane_deaths < LANE_DEATHS ->
		lane_deaths++;
		stage[x] = DIED_BEFORE }
	:: atomic { alive[x] && stage[x] == BEGUN && lane_deaths < LANE_DEATHS ->
		lane_deaths++;
		if
		:: act_on(item[x])
		:: skip
		fi;
		stage[x] = DIED }
	:: atomic { alive[x] && (stage[x] == SENT || stage[x] == BEGUN) && ghost[x] == NOTHING &&
			lane_deaths < LANE_DEATHS ->
		lane_deaths++;
		ghost[x] = item[x];
#ifdef EARLY_LOOK
		/* "Not begun" was read before the lane was proved dead. */
		if
		:: stage[x] == SENT -> stage[x] = DIED_BEFORE
		:: else -> stage[x] = LOST
		fi }
#else
		stage[x] = LOST }
#endif
	:: atomic { ghost[x] != NOTHING ->
		if
		:: act_on(ghost[x])
		:: skip
		fi;
		ghost[x] = NOTHING }
#endif
	od
}

/* ---- everybody else who uses the ledger ---- */

inline reap_item(x, i)
{
	if
	:: owner == x && IS_RUNNING(i) ->
#ifndef LATE_DOUBT
		done[i] = 1;
		loose[i] = DOUBT;
#endif
#ifndef NO_QUARANTINE
		if
		:: !is_proven -> quarantine[i] = x
		:: else
		fi
#else
		skip
#endif
	:: holder[i] == x ->
		becomes(i, DOUBT);
#ifndef NO_QUARANTINE
		if
		:: !is_proven -> quarantine[i] = x
		:: else
		fi
#else
		skip
#endif
	:: else
	fi
}

/* R: in one transaction what was started goes into doubt and the chunk is free. */
inline reap(x)
{
	(state[x] == LIVE || state[x] == STOPPING) && (!alive[x] || suspects < SUSPECTS) ->
	if
	:: !alive[x] -> /* and its lane and all it started are proved gone */
		is_proven = 1;
		idle(x);
		ghost[x] = NOTHING
	:: !alive[x] -> is_proven = LANE_IS_QUIET(x) && ghost[x] == NOTHING
	:: alive[x] -> is_proven = 0; suspects++
	fi;
	state[x] = REAPED;
	reap_item(x, 0);
	reap_item(x, N - 1);
	if
	:: owner == x -> owner = NOBODY
	:: else
	fi;
	settle_request(0);
	settle_request(N - 1);
	is_proven = 0
}

/* LATE_DOUBT: the second of two transactions. */
inline doubt_later(i)
{
	IS_RUNNING(i) && owner == NOBODY ->
	done[i] = 1;
	loose[i] = DOUBT
}

/* The next start of the program. */
inline start_again(x)
{
	!alive[x] && (state[x] == ENDED || state[x] == REAPED) && stage[x] == IDLE && ghost[x] == NOTHING &&
		!finished ->
	alive[x] = 1;
	state[x] = LIVE
}

/* When the quarantine is over, by the job's when_in_doubt. */
inline resolve_doubt(i)
{
	loose[i] == DOUBT && MAY_BEGIN(i) ->
	quarantine[i] = NOBODY;
#ifdef ONCE
#ifdef CONSENT
	loose[i] = RETRY
#else
	loose[i] = ASKED
#endif
#else
	if
#ifndef NO_EXPIRY
	:: late[i] -> loose[i] = ASKED
	:: !late[i] -> loose[i] = RETRY
#else
	:: loose[i] = RETRY
#endif
	fi
#endif
}

inline finish()
{
#ifdef FINISH_EARLY
	!finished && IS_CLOSED && loose[0] != RETRY && loose[0] != HELD && loose[N - 1] != RETRY &&
		loose[N - 1] != HELD ->
#else
	!finished && IS_EMPTY ->
#endif
	finished = 1
}

proctype others()
{
	bit is_proven = 0;

	do
	:: atomic { reap(0) }
	:: atomic { reap(1) }
#ifdef LATE_DOUBT
	:: atomic { doubt_later(0) }
	:: atomic { doubt_later(N - 1) }
#endif
	:: atomic { start_again(0) }
	:: atomic { start_again(1) }
#ifdef LAGS
	:: atomic { effects[0] > 0 && !shows[0] -> shows[0] = 1 }
	:: atomic { effects[N - 1] > 0 && !shows[N - 1] -> shows[N - 1] = 1 }
#endif
#ifndef PROBE
	:: atomic { resolve_doubt(0) }
	:: atomic { resolve_doubt(N - 1) }
#endif
	:: atomic { finish() }
	od
}

/* ---- a person ---- */

/* "Did not happen" is known only when nothing can act any more. HASTY: it is taken at once, and tried
 * at once; EARLY: it is taken at once, and tried when the quarantine is over. */
#ifdef HASTY
#define MAY_SAY_AGAIN(i) true
#else
#ifdef EARLY
#define MAY_SAY_AGAIN(i) true
#else
#define MAY_SAY_AGAIN(i) MAY_BEGIN(i)
#endif
#endif

inline try_again(i)
{
	becomes(i, RETRY);
	finished = 0;
#ifdef HASTY
	quarantine[i] = NOBODY;
#endif
	clear_unclear(i)
}

bit looked[N]; /* STALE: somebody saw that nothing had happened, a while ago */

/* Looks at the other side, and says what is there. */
inline resolve(i)
{
	(loose[i] == ASKED || loose[i] == DOUBT || loose[i] == PROBING) && decisions < DECISIONS ->
	decisions++;
	if
	:: effects[i] > 0 -> becomes(i, DONE)
	:: effects[i] == 0 && MAY_SAY_AGAIN(i) -> try_again(i)
#ifdef STALE
	:: looked[i] && MAY_SAY_AGAIN(i) -> try_again(i)
#endif
	:: becomes(i, WAIVED)
	fi
}

inline retry(i)
{
	loose[i] == DEAD && decisions < DECISIONS ->
	decisions++;
	loose[i] = RETRY;
	used[i] = 0;
	finished = 0
}

inline ask_to_skip(i)
{
	!asked_to_skip[i] && (loose[i] != IN_CHUNK || !done[i]) && loose[i] != DONE && loose[i] != WAIVED &&
		decisions < DECISIONS ->
	decisions++;
	asked_to_skip[i] = 1;
	settle_request(i)
}

proctype person()
{
	do
	:: atomic { resolve(0) }
	:: atomic { resolve(N - 1) }
	:: atomic { retry(0) }
	:: atomic { retry(N - 1) }
#ifdef SKIPS
	:: atomic { ask_to_skip(0) }
	:: atomic { ask_to_skip(N - 1) }
#endif
#ifdef STALE
	:: atomic { !looked[0] && loose[0] == ASKED && effects[0] == 0 -> looked[0] = 1 }
#endif
	od
}

/* ---- time, for keys ---- */

#define IS_WORKED(i)                                                                               \
	(item[0] == i && !LANE_IS_QUIET(0) || item[1] == i && !LANE_IS_QUIET(1) || ghost[0] == i ||    \
	 ghost[1] == i)

/* An attempt takes less than a tenth of key_valid. SLOW: it may take longer. */
inline pass_time(i)
{
	if
	:: unclear[i] && !late[i] -> late[i] = 1
#ifdef SLOW
	:: known[i] && (!covered[i] || late[i]) -> known[i] = 0; covered[i] = 0
#else
	:: known[i] && (!covered[i] || late[i] && !IS_WORKED(i)) -> known[i] = 0; covered[i] = 0
#endif
	fi
}

proctype clock()
{
	do
	:: atomic { pass_time(0) }
	:: atomic { pass_time(N - 1) }
	od
}

init {
	atomic {
		alive[0] = 1;
		alive[1] = 1;
		run engine(0);
		run engine(1);
		run lane(0);
		run lane(1);
		run others();
#if DECISIONS > 0
		run person();
#endif
#ifdef KEYED
		run clock();
#endif
	}
}

/* ---- what is promised ---- */

#define ENDED_WELL(i) (done[i] && loose[i] == IN_CHUNK || loose[i] == DONE)
#define IS_LIVING(x) (x == NOBODY || state[x] == LIVE || state[x] == STOPPING)

#define IS_ONCE (effects[0] <= 1 && effects[N - 1] <= 1)
#define IS_HONEST ((!ENDED_WELL(0) || effects[0] > 0) && (!ENDED_WELL(N - 1) || effects[N - 1] > 0))
#define IS_CLEAN (owner != NOBODY || !IS_RUNNING(0) && !IS_RUNNING(N - 1))
#define IS_HELD (IS_LIVING(owner) && IS_LIVING(holder[0]) && IS_LIVING(holder[N - 1]))
#define IS_EMPTIED (!finished || IS_EMPTY)

/* Nothing takes effect twice. */
ltl once { [] IS_ONCE }
/* I5: what counts as done was seen outside. */
ltl honest { [] IS_HONEST }
/* I7: nothing in a free chunk is started and not done. */
ltl clean { [] IS_CLEAN }
/* I2: who holds something is live or stopping. */
ltl held { [] IS_HELD }
/* I15: a run that is finished is empty. */
ltl emptied { [] IS_EMPTIED }
/* Whatever happens, fair or not, the run comes to its end: every item is settled or waits for a
 * person, and every request was obeyed. */
ltl ends { <> [] (finished && !asked_to_skip[0] && !asked_to_skip[N - 1]) }
