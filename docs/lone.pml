/* SPDX-License-Identifier: MIT */
/*
 * The waiters of a private Notifier, one of which can wait alone (internal/word/lone.go), for
 * spin. protocol_test.go runs it:
 *
 *	spin -a lone.pml && gcc -O1 -DSAFETY -o pan pan.c && ./pan
 *
 * Two goroutines, or one with ONE and three with THREE, wait again and again until all signals
 * are received. With TIRED each gives up once. Two others send SIGNALS signals each. With VISIT another one
 * takes what it finds with the lock, as TryWait does. With SHARE one makes the Notifier shared;
 * then all of them take the lock.
 * A mutant, such as -DOCCUPY_BLIND, breaks one rule, and pan must then find an error.
 *
 * A step is one atomic operation on the word, one operation on a channel, or what is done
 * with the lock between two of these. Checked: every signal arrives, home never belongs to two
 * goroutines, and no send blocks.
 */

#ifndef SIGNALS
#define SIGNALS 2
#endif
#define ALL (2 * SIGNALS)

/* The word of a private Notifier. */
byte count;
bool ring, held, rung, shared;

bool mutex;
chan queue = [4] of { byte };	/* of places: 0 is home, the others belong to one goroutine each */
byte waiting;			/* its length */
bool inqueue[4], box[4];	/* the place is in the queue, or has a signal in its channel */
byte users;			/* of home */
byte got;			/* signals received */

#define zero (count == 0 && !ring && !held && !rung && !shared)
#define lone (count == 0 && ring && !held && !rung && !shared)
#define free_to_add (!ring && !held && !shared)

inline use() { users++; assert(users == 1) }
inline send(to) { assert(!box[to]); box[to] = true }
inline push(p) { queue!p; inqueue[p] = true; waiting++ }
inline pop(p) { queue?p; inqueue[p] = false; waiting-- }
inline remove(p) { queue??eval(p); inqueue[p] = false; waiting-- }

/* Notifier.lock. */
inline lock() {
	atomic { !mutex -> mutex = true }
	atomic {
		if
		:: !held && !shared ->
			if
			:: lone ->
#ifndef HOLD_BLIND
				push(0);
#endif
#ifndef HOLD_FREE
				rung = true
#endif
			:: else
			fi;
			held = true
		:: else
		fi
	}
}

inline unlock() {
	atomic {
		if
		:: waiting == 0 -> ring = false; held = false
		:: else
		fi
	}
	mutex = false
}

/* ClaimLone. */
#ifdef CLAIM_FREE
#define claim() ring = false
#else
#define claim() ring = false; rung = true
#endif

proctype Waiter(byte own) {
	byte place;
#ifdef TIRED
	bool tired = true;
#else
	bool tired;
#endif

	do
	:: got == ALL -> break
	:: atomic { count > 0 && free_to_add -> got = got + count; count = 0 }
	:: atomic { zero -> ring = true; use(); place = 0; goto wait }
	:: true ->
		lock();
		if
		:: waiting == 0 && count > 0 -> got = got + count; count = 0; goto taken
		:: else
		fi;
		atomic { held = true; ring = !rung }
#ifdef OCCUPY_BLIND
		atomic { !inqueue[0] && !box[0] -> rung = true; place = 0; use() }
#else
		if
		:: atomic { !rung -> rung = true; place = 0; use() }
		:: atomic { rung -> place = own }
#ifdef OCCUPY_TWICE
		:: rung ->
			if
			:: atomic { !rung && !inqueue[0] && !box[0] -> place = 0; use() }
			:: else -> place = own
			fi
#endif
		fi;
#endif
		push(place);
		unlock();
wait:
end_wait:
		if
		:: atomic { box[place] -> box[place] = false; got++ }
		:: atomic { tired -> tired = false; goto leave }
		fi;
part:
		if
		:: place == 0 -> atomic { users--; rung = false }
		:: else
		fi;
		goto next;
leave:
#ifdef LEAVE_LOST
		goto part;
#endif
		lock();
		if
		:: inqueue[place] -> remove(place); unlock(); goto part
		:: else -> unlock(); goto wait
		fi;
taken:
		unlock();
next:		skip
	od
}

proctype Sender() {
	byte sent, p;

	do
	:: sent == SIGNALS -> break
	:: else -> sent++;
		if
		:: atomic { free_to_add -> count++ }
		:: atomic { lone -> claim() }; send(0)
		:: true ->
			lock();
			if
			:: waiting > 0 -> pop(p); send(p)
			:: else -> count++
			fi;
			unlock()
		fi
	od
}

#ifdef VISIT
active proctype Visitor() {
	lock();
	if
	:: waiting == 0 -> got = got + count; count = 0
	:: else
	fi;
	unlock()
}
#endif

#ifdef SHARE
active proctype Sharer() { lock(); shared = true; unlock() }
#endif

active proctype Monitor() { timeout -> assert(got == ALL) }

init {
	atomic {
		run Waiter(1);
#ifndef ONE
		run Waiter(2);
#endif
#ifdef THREE
		run Waiter(3);
#endif
		run Sender(); run Sender()
	}
}
