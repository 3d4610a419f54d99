/* SPDX-License-Identifier: MIT */
/*
 * The protocol of docs/protocol.md, for spin. protocol_test.go runs it:
 *
 *	spin -a -DSLEEP protocol.pml && gcc -O1 -DSAFETY -o pan pan.c && ./pan -m4000000
 *
 * A scenario chooses the processes: -DSLEEP, STOP, CLOSING, DEAD, HANDLE, FD, RESTART,
 * HOT or FULLNESS (see init). With -DPERMITS the objects are Semaphores, whose waiters want
 * 2 permits each. A mutant, such as -DNO_RUNG, breaks one rule, and pan must then find an
 * error.
 *
 * A step is one atomic operation or one system call, with what Go does under a mutex
 * until the next of these. Locking a mutex is part of the step after it. A loop around
 * a compare-and-swap is its last round, except with -DFINE. The memory is sequentially
 * consistent; docs/protocol.md says why that is enough.
 *
 * Signalers go on for as long as they like, and add whenever the count is below 2.
 * Consumers can give up, except with -DPATIENT. The epoch never wraps around: same has a
 * bit per signaler that says whether head still has the epoch that it saw there.
 *
 * Checked: when nothing can move any more (see init), no waiter sleeps over a count and
 * the sum of what was received and what is left is what was added. No slot is pushed
 * while it is on the stack. Only sleepers are ever stuck. A signaler that has stopped
 * for good delays no other slot than its own.
 */

#define CLOSED 128
#define RING 64
#define HELD 32
#define RUNG 16
#define COUNT 15
#ifdef FULLNESS
#define FULL 4
#else
#define FULL 8
#endif
#define SMALL 3		/* as 2^32-1: a larger add looks before it adds */

#define GO 0		/* the word in Go's memory, of object 1 before Handle */
#define count(w) ((w) & COUNT)
#ifdef PERMITS
#define due(w) (count(w) >= 2 -> 2 : 0)
#else
#define due(w) count(w)
#endif

/* Slots 1 and 2, of objects 1 and 2. */
byte word[3];
byte next[3];
#ifdef HANDLE
byte at = GO;		/* the word of object 1 */
#define w(o) word[at]
#define END1 word[at]
#else
#define w(o) word[o]
#define END1 word[1]
#endif

/* The doorbell's head, one word. */
byte top;
bool quiet;
byte same;		/* a bit for each signaler, see above */

/* The kernel, and Go's runtime. */
bool edge;		/* the runtime has an edge for the next wait */
bool bell;		/* the descriptor is readable */
byte counting;		/* the count in the eventfd that FD makes */

/* Go, under the object's mutex. */
bool mutex[3];
byte waiting[3];	/* waiters in the queue */
byte woken[3];		/* those taken out of it that are not running yet */
bool shut[3];		/* Close was called */
bool exported;		/* FD was called, for object 1 */
#define outside(o) (exported && o == 1)

/* Go, under the table's mutex. */
bool table[3];		/* the object can be found by its index */
byte live;		/* how many can */
bool running;		/* the doorbell's goroutine is there, or starts */
bool start;
bool handle[3];		/* signalers know the address */

/* For the checks alone. */
bool on[3];		/* the slot is on the stack */
bool stopped[3];	/* a signaler of this slot has stopped for good */
byte missing[3];	/* what was added less what was received */
#ifdef FULLNESS
byte unseen;		/* a bit for each signaler that added after the last receipt */
#define received unseen = 0
#else
#define received skip
#endif

#ifdef EDGE_FROM_ZERO	/* a kernel that makes an edge only if nothing was there to read */
#define bellWrite() d_step { edge = (bell -> edge : true); bell = true }
#else
#define bellWrite() edge = true
#endif

inline hand(o, n) { missing[o] = missing[o] - (n); waiting[o]--; woken[o]++ }

#ifdef NO_RUNG
#define park(o) w(o) = w(o) | HELD | RING
#else
#define park(o) w(o) = w(o) | HELD | ((w(o) & RUNG) -> 0 : RING)
#endif

/* What no waiter took moves to the eventfd, where a waiter is served by an edge. */
#define moveOut(o) counting = counting + count(w(o)); w(o) = w(o) - count(w(o))
#ifdef FLAGS_LAST
#define publish1(o) moveOut(o)
#define publish2(o) park(o)
#else
#define publish1(o) park(o)
#define publish2(o) moveOut(o)
#endif

/*
 * One operation on an object's word: the waiters' next take, the park that ends this, or,
 * once exported, one of the two that publish. The mutex is held from the first to the last
 * of them, which is what mine says.
 */
inline look(o) {
	d_step { mine || !mutex[o] ->
		mine = true;
		if
		:: shut[o] -> mine = false
		:: !shut[o] && waiting[o] == 0 && !outside(o) ->
			w(o) = w(o) & ~(RING | HELD); mine = false
#ifdef FD
		:: !shut[o] && outside(o) && step == 0 && waiting[o] > 0 && counting > 0 ->
			hand(o, counting); counting = 0
		:: !shut[o] && outside(o) && step == 0 && waiting[o] > 0 && counting == 0 -> step = 1
		:: !shut[o] && outside(o) && step == 1 && due(w(o)) > 0 ->
			hand(o, due(w(o))); w(o) = w(o) - due(w(o)); step = 0
		:: !shut[o] && outside(o) && (step == 0 && waiting[o] == 0 || step == 1 && due(w(o)) == 0) ->
			publish1(o); step = 2
		:: !shut[o] && outside(o) && step == 2 -> publish2(o); step = 0; mine = false
#endif
		:: else ->
			if
#ifdef NO_LOOK
			:: due(w(o)) == 0 && !tired -> tired = true
			:: due(w(o)) > 0 && !tired ->
#else
			:: due(w(o)) > 0 ->
#endif
				hand(o, due(w(o)));
				received;
				w(o) = w(o) - due(w(o))
			:: else ->
				mine = false;
#ifdef NO_LOOK
				tired = false;
#endif
				park(o)
			fi
		fi;
		mutex[o] = mine
	}
}

inline serve(o) { do :: atomic { look(o); if :: mine :: else -> break fi } od }

#if defined(NO_LOOK)
#define GO_LOCALS bool mine, tired
#elif defined(FD)
#define GO_LOCALS bool mine; byte step
#else
#define GO_LOCALS bool mine
#endif

/* A goroutine that calls Wait again and again. */
proctype consumer(byte o) {
	GO_LOCALS;
#ifdef RESTART
	handle[o];
#endif
	do
	:: atomic { !mutex[o] ->
			if
			:: shut[o] -> break
			:: else -> waiting[o]++; look(o)
			fi;
			if
			:: mine
			:: else -> goto asleep
			fi
		}
		serve(o);
asleep:
#ifndef PATIENT
		if
		:: skip
		:: true ->	/* it is going to give up, unless it is woken first */
end_hasty:		if
			:: atomic { woken[o] > 0 -> woken[o]-- }
			:: atomic { woken[o] == 0 && !mutex[o] -> waiting[o]--; look(o) }
				if
				:: mine -> serve(o)
				:: else
				fi
			fi;
			goto again
		fi;
#endif
end_asleep:	atomic { woken[o] > 0 -> woken[o]-- }
again:		skip
	od
}

/* The doorbell's goroutine answers a slot that was on the stack. */
inline answer(i) {
#ifndef ANSWER_LATE
#ifndef NEXT_LATE
	word[i] = word[i] & ~RUNG;
#endif
#endif
	if
	:: !table[i]
	:: table[i] ->
#ifdef ONE_PARK
		if
		:: due(word[i]) == 0
		:: else -> serve(i)
		fi
#else
		serve(i)
#endif
	fi
#ifdef ANSWER_LATE
	; word[i] = word[i] & ~RUNG
#endif
#ifdef HOT
	; if
	:: skip
	:: d_step {
#ifdef CLAIM_BLIND
		!(word[i] & CLOSED) -> hot[i] = true; word[i] = (word[i] | RUNG) & ~RING
#else
		word[i] & RING -> hot[i] = true; word[i] = word[i] ^ (RING | RUNG)
#endif
	}
	fi
#endif
}

/* It lets go of a hot slot. */
inline cool(i) {
	if
	:: hot[i] ->
#ifndef COOL_LATE
		d_step { hot[i] = false; word[i] = word[i] & ~RUNG };
#endif
#ifndef COOL_BLIND
		serve(i)
#endif
#ifdef COOL_LATE
		; atomic { hot[i] = false; word[i] = word[i] & ~RUNG }
#endif
	:: else
	fi
}

#ifdef READ
#define empty_bell bell = false
#else
#define empty_bell skip
#endif

proctype goroutine() {
	GO_LOCALS;
	byte i, k, list[2];
	bool failed;
#ifdef HOT
	bool hot[3];
#endif
#if defined(RESTART) || defined(HANDLE)
end_off:
	atomic { start -> start = false };
#ifdef START_READ	/* and not after what follows */
	empty_bell;
#endif
	edge = false;	/* the runtime forgets it */
#if !defined(START_UNREAD) && !defined(START_READ)
	empty_bell;
#endif
#ifndef WAIT_FIRST
	goto again;
#endif
#endif
end_idle:
	atomic { edge -> edge = false }
#ifndef READ_LATE
	empty_bell;
#endif
again:
	atomic { i = top; top = 0; quiet = true; same = 0 }
#ifdef NEXT_LATE
	do
	:: i == 0 -> break
	:: else ->
		d_step { assert(on[i]); on[i] = false; word[i] = word[i] & ~RUNG }
		k = next[i];
		answer(i);
		atomic { i = k; k = 0 }
	od;
#else
	do
	:: atomic { i == 0 -> break }
	:: d_step { i != 0 -> assert(on[i]); on[i] = false; list[k] = i; k++; i = next[i]; next[list[k-1]] = 0 }
	od;
	do
	:: atomic { k == 0 -> break }
	:: atomic { k > 0 -> k--; i = list[k]; list[k] = 0 }
		answer(i);
		i = 0
	od;
#endif
#ifdef HOT
	do
	:: break
	:: hot[1] -> serve(1)
	:: hot[2] -> serve(2)
	:: top != 0 -> goto again
	od;
	cool(1); cool(2);
#endif
#ifdef END_AWAKE
	if
	:: atomic { live == 0 -> running = false; goto end_off }
	:: else
	fi;
#endif
#ifdef STORE_SLEEP
	failed = (top != 0);
	if :: failed :: else -> quiet = false fi;
#else
	atomic { failed = (top != 0); quiet = failed }
#endif
	if
	:: atomic { failed -> failed = false; goto again }
	:: else
	fi;
#ifdef READ_LATE
	empty_bell;
#endif
#ifdef RESTART
#ifdef END_EARLY
	if
	:: live == 0 -> running = false; goto end_off
#else
	if
	:: atomic { live == 0 -> running = false; goto end_off }
#endif
	:: else
	fi;
#endif
	goto end_idle
}

#ifdef STOP		/* instead of the step that follows */
#define may_stop(s) if :: skip :: stopped[s] = true; goto gone fi
#else
#define may_stop(s) skip
#endif

inline push(s) {
#ifdef FINE
	d_step { h = top; q = quiet; same = same | (1 << me); next[s] = h }
#ifdef QUIET_STALE
	stale = q;
#endif
	do
	:: d_step {
		/* CAS */
		if
		:: h == top && q == quiet && (same & (1 << me)) ->
			assert(!on[s]); on[s] = true;
			top = s; old = 0;
#ifdef QUIET_STALE
			q = stale
#endif
		:: else ->
			q = quiet; h = top; same = same | (1 << me); old = 1
		fi
		}
		if
		:: old == 0 -> break
		:: else ->
#ifdef NEXT_STALE
			skip
#else
			next[s] = h
#endif
		fi
	od
#else
	d_step {
		assert(!on[s]);
		on[s] = true;
		old = 0;
#ifdef FIRST_WRITES
		q = (top != 0);
#else
		q = quiet;
#endif
		next[s] = top; top = s;
		same = same | (1 << me)
	}
#endif
}

/* What a signaler does that found RING. */
inline ring(s) {
#ifdef SPLIT
	d_step { old = word[s]; word[s] = old & ~RING }
#else
	atomic {
		may_stop(s);
		d_step { old = word[s]; word[s] = ((old & RING) -> (old ^ (RING | RUNG)) : old); old = old & RING }
	}
#endif
	if
	:: !(old & RING)
	:: else ->
#ifdef SPLIT
		word[s] = word[s] | RUNG;
#endif
#ifdef NO_RUNG
		word[s] = word[s] & ~RUNG;
#endif
#ifdef FINE
		push(s);
#else
		atomic { may_stop(s); push(s) }
#endif
		if
		:: q
		:: else ->
#ifdef QUIET_FIRST
			d_step { quiet = ((same & (1 << me)) -> true : quiet) }
#endif
			atomic { may_stop(s); bellWrite() }
#ifdef FIRST_WRITES
#elif defined(NO_EPOCH)
			atomic { may_stop(s); quiet = true }
#else
			atomic { may_stop(s); d_step { quiet = ((same & (1 << me)) -> true : quiet) } }
#endif
		fi
	fi
}

/* A thread that adds n, again and again. With once, it does so once, whatever is there. */
proctype signaler(byte me, s, n; bool once) {
	byte old, h;
	bool q, refused;
#ifdef QUIET_STALE
	bool stale;
#endif
#if defined(RESTART) || defined(HANDLE)
	handle[s];
#endif
again:
	if
	:: atomic { !once -> goto gone }
	:: atomic { once || count(word[s]) + counting < 2 || shut[s] ->
		old = word[s];
		assert(!shut[s] || (old & CLOSED));	/* Close is for good */
		if
		:: n <= SMALL -> word[s] = old + n
		:: n > SMALL && !(old & CLOSED) && count(old) + n <= FULL -> word[s] = old + n
		:: else -> refused = true
		fi
#ifdef FULLNESS
		; unseen = (refused -> unseen : unseen | (1 << me))
#endif
		; missing[s] = ((old & CLOSED) || refused -> missing[s] : missing[s] + n);
#ifndef FULLNESS
		old = old & (CLOSED | RING)
#endif
	}
	fi;
	if
	:: refused -> goto gone
	:: old & CLOSED ->
#ifndef NO_UNDO
		word[s] = word[s] - n;
#endif
#ifdef DEAD
		goto again
#else
		goto gone
#endif
	:: else
	fi;
#ifdef FULLNESS
	if
	:: n <= SMALL && count(old) >= FULL ->
		d_step { /* take it back, unless Close took it, or there is room now */
			if
			:: word[s] & CLOSED
#ifdef STEAL
			:: !(word[s] & CLOSED) && count(word[s]) < n
#else
			:: !(word[s] & CLOSED) && count(word[s]) < FULL + n
#endif
			:: else ->
				word[s] = word[s] - n;
				missing[s] = missing[s] - n;
				unseen = unseen & ~(1 << me);
				refused = true
			fi
		}
	:: else
	fi;
	if
	:: refused -> goto gone
	:: else
	fi;
#endif
	if
	:: old & RING -> ring(s)
	:: else
	fi;
	d_step { old = 0; h = 0; q = false; same = same & ~(1 << me) }
	if
	:: once
	:: else -> goto again
	fi;
gone:
	atomic { old = 0; h = 0; q = false; refused = false; once = false; same = same & ~(1 << me) }
#ifdef STOP
end_stopped:
	!stopped[s]
#endif
}

/* Close. */
proctype closing(byte o) {
	byte old;
	bool last;
	handle[o];
#ifdef LOAD_STORE
	atomic { !mutex[o] -> mutex[o] = true; old = w(o) }
	d_step { mutex[o] = false;
#else
	d_step { !mutex[o] -> old = w(o);
#endif
		w(o) = CLOSED | HELD;
		received;
		if
		:: outside(o) && waiting[o] == 0 -> counting = counting + count(old)
		:: else -> missing[o] = missing[o] - count(old)	/* to a waiter, or dropped */
		fi;
		old = 0;
		shut[o] = true; woken[o] = woken[o] + waiting[o]; waiting[o] = 0
	}
	d_step { table[o] = false; live--; last = (live == 0) }
#if defined(RESTART) && !defined(CLOSE_SILENT)
	if
	:: last -> bellWrite()
	:: else
	fi
#endif
}

/* Handle: the word moves, flags and all, to where signalers find it. */
proctype opening(byte o) {
	byte old;
#ifndef TABLE_LATE
	d_step { table[o] = true; live++; start = (running -> start : true); running = true }
#endif
#ifdef HANDLE
#ifdef LOAD_STORE
	atomic { !mutex[o] -> mutex[o] = true; old = word[GO] }
	d_step { mutex[o] = false;
#else
	d_step { !mutex[o] -> old = word[GO];
#endif
		word[GO] = CLOSED | HELD;
#ifdef FORGET_SLEEPERS
		old = count(old);
#endif
		word[o] = old; old = 0; at = o; handle[o] = true
	}
#else
	d_step { word[o] = 0; shut[o] = false; handle[o] = true }
#endif
#ifdef TABLE_LATE
	d_step { table[o] = true; live++; start = (running -> start : true); running = true }
#endif
}

#ifdef REUSED_SLOT
proctype reopening() {
	shut[1] && !table[1];
	run opening(1);
	run consumer(1)
}
#endif

#ifdef HANDLE
/* Add, called by a goroutine: n is 1. */
proctype adder() {
	GO_LOCALS;
	byte p, o = 1;
	p = at;
	atomic {
		if
		:: (word[p] & ~RUNG) < FULL -> word[p]++; missing[1]++; goto done
		:: else
		fi
	}
	atomic { !mutex[1] -> word[at]++; missing[1]++; look(o) }
	if
	:: mine -> serve(o)
	:: else
	fi;
done:	atomic { p = 0; o = 0 }
}

/* TryWait. Like Add, it may have found the word just before Handle moved it. */
proctype taker() {
	byte p;
	p = at;
	atomic {
		if
		:: (word[p] & ~RUNG) < FULL -> missing[1] = missing[1] - count(word[p]); word[p] = word[p] & ~COUNT
		:: else
		fi;
		p = 0
	}
}
#endif

#ifdef FD
/* FD: the count moves to an eventfd that others read; the handle stays. */
proctype exporting() {
	GO_LOCALS;
	byte o = 1;
	atomic { !mutex[1] -> exported = !shut[1]; look(o) }
	if
	:: mine -> serve(o)
	:: else
	fi
}

/* Go's watch on that eventfd, while there are waiters; and another reader of it. */
proctype watch() {
	GO_LOCALS;
	byte o = 1;
end_watch:
	do
	:: atomic { counting > 0 && waiting[1] > 0 && !mutex[1] -> look(o) }
		if
		:: mine -> serve(o)
		:: else
		fi
	:: d_step { counting > 0 -> missing[1] = missing[1] - counting; counting = 0 }
	od
}
#endif

init {
	atomic {
#ifdef RESTART
		run opening(1); run closing(1);
#ifndef FEW
		run consumer(1); run signaler(0, 1, 1, true);
#endif
#ifdef REUSED_SLOT
		run reopening(); run signaler(1, 1, 1, false);
#else
		run opening(2); run consumer(2);
		if :: run closing(2) :: skip fi;
		run signaler(1, 2, 1, false);
#endif
#elif defined(HANDLE)
		if :: live = 1; running = true; start = true :: skip fi;	/* another has a handle */
		run opening(1); run consumer(1); run adder(); run taker();
		run signaler(0, 1, 1, false); run signaler(1, 1, 1, false);
#else
		table[1] = true; table[2] = true; handle[1] = true; handle[2] = true; live = 2; running = true;
#if defined(FULLNESS)
		run consumer(1);
		run signaler(0, 1, 4, true); run signaler(1, 1, 1, true); run signaler(2, 1, 1, true);
#elif defined(DEAD)
		run consumer(1); run closing(1);
		run signaler(0, 1, 3, false); run signaler(1, 1, 3, false);
#elif defined(FD)
		run consumer(1); run exporting(); run watch();
		if :: run closing(1) :: skip fi;
		run signaler(0, 1, 1, false); run signaler(1, 1, 1, false);
#else
		run consumer(1); run consumer(2);
		run signaler(0, 1, 1, false); run signaler(2, 2, 1, false);
#ifndef FEW
		run signaler(1, 1, 1, false);
#endif
#ifdef CLOSING
		run closing(1);
#endif
#endif
#endif
		run goroutine()
	}
	timeout;
	assert(shut[1] || waiting[1] == 0 || due(END1) == 0 && counting == 0 || stopped[1]);
	assert(shut[2] || waiting[2] == 0 || due(word[2]) == 0 || stopped[2]);
	assert(missing[1] == (shut[1] -> 0 : count(END1)) + counting);
	assert(missing[2] == (shut[2] -> 0 : count(word[2])));
#ifdef FULLNESS
	assert(waiting[1] == 0 || unseen == 0);
#endif
#ifdef FD
	assert(!exported || shut[1] || count(word[1]) == 0);
#endif
#ifdef RESTART
	assert(running == (live > 0));	/* the goroutine ends with the last handle */
	assert(!running || stopped[1] || stopped[2] || top == 0)
#else
	assert(stopped[1] || stopped[2] || top == 0)
#endif
}
