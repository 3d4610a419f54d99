/* SPDX-License-Identifier: MIT */
/*
 * Which goroutine is at a post (internal/lead), for spin. protocol_test.go runs it:
 *
 *	spin -a -DTIRED lead.pml && gcc -O1 -DSAFETY -o pan pan.c && ./pan
 *
 * Two sleepers wait for two letters each, the first always or never as a leader if LEADS or
 * FOLLOWS is defined, and otherwise as it likes. A sender delivers a letter by hand, or rings.
 * With TIRED sleepers give up, and an Interrupt that is meant for no one comes at any time.
 * With ROUSE a sleeper is only woken for a letter and takes it itself, as in
 * Semaphore.Acquire. With ROBBED another goroutine or process takes a letter of the first
 * sleeper before that, and delivers it again later; then the sleeper sleeps again.
 * A mutant, such as -DRESIGN_BLIND, breaks one rule, and pan must then find an error.
 *
 * A step is one atomic operation, or what is done under the mutex of an object between
 * two of these; each sleeper has an object of its own. Checked: each letter arrives, so no
 * sleeper is left at a post without a goroutine; and there is never more than one goroutine
 * at the post.
 */

#ifndef LETTERS
#define LETTERS 2
#endif

byte needed;
bool manned, asked, busy, start;
bool edge;		/* the runtime has an edge for the next wait */
bool deadline;		/* Interrupt, until Resume */
byte at;		/* goroutines at the post */

bool mutex[2];		/* of each sleeper's object */
bool waiting[2];	/* in the queue of its owner */
byte letters[2];	/* not delivered yet */
byte got[2];		/* the channel of the sleeper */
bool tired[2];		/* its context has ended */
bool post[2];		/* Leader.post is set */

#define lock() atomic { !mutex[me] -> mutex[me] = true }
#define unlock() mutex[me] = false

/* The caller holds the mutex, or this is its whole critical section. */
inline serve(i) {
	if
	:: waiting[i] && letters[i] > 0 ->
		waiting[i] = false; needed--;
#ifdef ROUSE
		got[i] = 1
#else
		got[i] = got[i] + letters[i]; letters[i] = 0
#endif
	:: else
	fi
}

inline ensure() {
	atomic {
		if
		:: !manned -> manned = true; assert(!start); start = true
		:: else
		fi
	}
}

inline resign() {
	at--;
#ifdef RESIGN_FIRST
	if
	:: needed > 0 -> assert(!start); start = true
	:: else -> manned = false
	fi
#else
	manned = false;
	if
#ifndef RESIGN_BLIND
	:: needed > 0 -> ensure()
#endif
	:: else
	fi
#endif
}

active proctype Keeper() {
end_idle:
	atomic { start -> start = false; at++; assert(at == 1) }
read:
	if
	:: deadline -> goto interrupted
	:: else -> edge = false
	fi;
#ifdef WAIT_FIRST
	goto wait;
#endif
look:
	atomic { !mutex[0] -> serve(0) }
	atomic { !mutex[1] -> serve(1) }
	if
	:: needed == 0 && asked -> goto leave
	:: else
	fi;
wait:
end_wait:
	if
	:: atomic { deadline -> goto interrupted }
	:: atomic { edge && !deadline -> edge = false; goto look }
	fi;
interrupted:
	deadline = false;
	if
	:: needed == 0 -> goto leave
	:: else -> goto read
	fi;
leave:
	asked = false;
	resign();
	goto end_idle
}

/* What the sleeper has been sent. If it was only roused, the next round of its loop takes
 * the letter, or sleeps again. */
inline receive() {
#ifndef ROUSE
	received = received + got[me];
#endif
	got[me] = 0
}

#define done (got[me] > 0 || tired[me])

proctype Sleeper(byte me) {
	byte received;
	bool leads, rested;
#ifdef RESLEEP_BLIND
	bool again;
#endif

	do
	:: received == LETTERS -> break
	:: else ->
		atomic { lock();
			if
			:: letters[me] > 0 ->
				received = received + letters[me]; letters[me] = 0; unlock(); goto next
			:: else -> waiting[me] = true
			fi
		}
#ifdef RESLEEP_BLIND
		if
		:: again -> unlock(); goto sleep
		:: else -> again = true
		fi;
#endif
#ifndef NEED_LATE
		needed++;
#endif
		leads = false;
		if
#ifndef FOLLOWS
		:: needed == 1 ->
			if
			:: atomic { !manned -> manned = true; leads = true; post[me] = true }
			:: atomic { manned -> asked = true }
			fi
#endif
#ifndef LEADS
		:: true -> ensure()
#else
		:: else -> ensure()
#endif
		fi;
#ifdef NEED_LATE
		needed++;
#endif
		unlock();
		if
		:: !leads -> goto sleep
		:: else -> at++; assert(at == 1); rested = true
		fi;
read:
		if
		:: deadline -> goto interrupted
		:: else -> edge = false
		fi;
look:
		busy = true;
		atomic { !mutex[me] -> serve(me) }
		/* what comes after this has an edge of its own */
		rested = !(waiting[1 - me] && letters[1 - me] > 0);
#ifdef BUSY_LATE
		if
		:: done || !rested -> busy = false; goto leave
		:: else -> busy = false
		fi;
#else
		busy = false;
		if
		:: done || !rested -> goto leave
		:: else
		fi;
#endif
		if
		:: atomic { deadline -> goto interrupted }
		:: atomic { edge && !deadline -> edge = false; goto look }
		fi;
interrupted:
		deadline = false;
		if
		:: done -> goto leave
		:: else -> goto read
		fi;
leave:
		resign();
		post[me] = false;
sleep:
		if
		:: got[me] > 0 -> receive()
		:: tired[me] ->
			atomic { !mutex[me] -> tired[me] = false;
				if
				:: waiting[me] -> waiting[me] = false; needed--
				:: else
				fi
			}
			/* served before it could leave: the next round of this loop finds it */
			if
			:: got[me] > 0 -> receive()
			:: else
			fi
		fi;
next:		skip
	od
}

inline nudge(i) {
#ifndef NO_NUDGE
	if
	:: post[i] ->
		if
		:: !busy -> deadline = true
		:: else
		fi
	:: else
	fi
#endif
	skip
}

/* By hand, or by an edge, or without one if nothing waits. */
inline deliver() {
	hand = false; quiet = false;
	atomic { !mutex[to] -> letters[to]++;
		if
		:: waiting[to] -> serve(to); hand = true
		:: !waiting[to] -> quiet = true
		:: true
		fi
	}
	if
	:: hand -> nudge(to)
	:: quiet
	:: else -> edge = true
	fi
}

proctype Sender(byte to) {
	byte sent;
	bool hand, quiet;

	do
	:: sent == LETTERS -> break
	:: else -> sent++; deliver()
	od
}

#ifdef ROBBED
active proctype Robber() {
	byte to;
	bool hand, quiet;

end_idle:
	atomic { letters[to] > 0 -> letters[to]-- }
	deliver()
}
#endif

#ifdef TIRED
proctype Context(byte s) { tired[s] = true; nudge(s) }

active proctype Stray() { deadline = true }
#endif

init {
	atomic {
		run Sleeper(0); run Sleeper(1);
		run Sender(0); run Sender(1);
#ifdef TIRED
		run Context(0)
#endif
	}
}
