/*
 * The protocol of docs/protocol.md, for spin. protocol_test.go runs it:
 *
 *	spin -a -DSLEEP protocol.pml && gcc -O1 -DSAFETY -o pan pan.c && ./pan -m100000
 *
 * Who takes part is chosen by a scenario, -DSLEEP, CROWD, CLOSING, DEAD, HANDLE, FD
 * or FULLNESS: see init. A mutant, such as -DNO_LOOK, breaks one rule, and pan must
 * then find an error.
 *
 * A step is one atomic instruction or one system call, or what Go does under its
 * mutex between two of these. A loop around a compare-and-swap is its last round.
 * The memory is sequentially consistent; docs/protocol.md says why that is enough.
 *
 * Checked: when nothing can move any more (see init), nobody sleeps over a count,
 * every add that returned 0 was followed by a receipt, and what was received, or is
 * left where it belongs, is what was added. The doorbell is open whenever it is
 * read, written or closed. Only sleepers are ever stuck, also if signallers stop
 * for good in the middle of ringing.
 */

#define CLOSED 128
#define RING 64
#define HELD 32
#define COUNT 31
#ifdef FULLNESS
#define FULL 4
#else
#define FULL 16
#endif
#define SMALL 3		/* as 2^32-1: a larger add looks before it adds */

#define GO 0		/* the word in Go's memory, of an object without a handle */
#define SLOT 1		/* the word that signallers know */

#define count(w) ((w) & COUNT)
#ifdef PERMITS		/* a semaphore whose waiters want 2 each, for CROWD */
#define due(w) (count(w) >= 2 -> 2 : 0)
#else
#define due(w) count(w)
#endif

byte word[2];
byte at = SLOT;		/* the word in use */
byte users;		/* of the doorbell */

/* Kernel. */
bool bell;		/* the doorbell is readable */
bool open;		/* its descriptor is open */
byte counting;		/* the count in the eventfd that FD makes */

/* Go, under the mutex. */
bool mutex;
byte waiting;		/* waiters in the queue */
byte woken;		/* those taken out of it, who have not run yet */
bool shut;		/* Close was called */
bool exported;		/* FD was called */
bool handle;		/* Handle was called: signallers may begin */
byte got;

/* For the checks alone. */
byte missing;		/* what was added less what was received */
byte unseen;		/* a bit for each signaller who added after the last receipt */

inline lock() { atomic { !mutex -> mutex = true } }
inline unlock() { d_step { got = 0; mutex = false } }

/* Swap is one instruction. */
inline swap(which, flags) {
#ifdef LOAD_STORE
	got = word[which];
	d_step { word[which] = flags; unseen = (count(got) > 0 -> 0 : unseen) }
#else
	d_step { got = word[which]; word[which] = flags; unseen = (count(got) > 0 -> 0 : unseen) }
#endif
}

inline hand(n) { missing = missing - n; waiting--; woken++ }

inline closeBell() { d_step { assert(open); open = false; bell = false } }

/* Deliver serves waiters while it can, then parks, unless it may stay awake and does.
 * After FD, what no waiter wants goes to the counting eventfd. The mutex is held. */
inline deliver(maystay) {
	do
	:: d_step { waiting == 0 && !exported -> word[at] = word[at] & ~(RING | HELD) } break
	:: d_step { waiting > 0 && counting > 0 -> hand(counting); counting = 0 }
	:: atomic { waiting > 0 && counting == 0 || waiting == 0 && exported ->
		d_step { /* take */
			got = due(word[at]);
			word[at] = word[at] - got;
			unseen = (got > 0 -> 0 : unseen);
			if
			:: got > 0 && waiting > 0 -> hand(got)
			:: got > 0 && waiting == 0 -> counting = counting + got
			:: else
			fi
		} }
		if
		:: got > 0
		:: got == 0 && maystay -> awake = true; break
		:: got == 0 ->
			d_step { /* park, if there is still nothing */
				if
#ifndef NO_LOOK
				:: due(word[at]) > 0
#endif
				:: else -> got = 1; word[at] = word[at] | HELD | RING
				fi
			}
			if :: got -> break :: else fi
		fi
	od
}

/* A goroutine that calls Wait again and again. */
proctype consumer() {
	bool awake;
	do
	:: atomic { !mutex -> if :: shut -> break :: else -> mutex = true; waiting++ fi }
		deliver(false);
		unlock();
end_asleep:	atomic { woken > 0 -> woken-- }
	od
}

/* The poller reads the doorbell. */
inline read() { d_step { assert(open || !handle); bell = false } }

/* The poller's goroutine: the doorbell or the counting eventfd is readable, or it
 * stayed awake. */
proctype poller() {
	bool awake;
end_idle:
	do
	:: bell || awake || counting > 0 && waiting > 0 ->
#ifdef READ_UNLOCKED
		read();
#endif
		atomic { !mutex -> if :: shut -> break :: else -> mutex = true; awake = false fi }
#if !defined(READ_UNLOCKED) && !defined(READ_LATE)
		read();
#endif
		deliver(true);
#ifdef READ_LATE
		read();
#endif
#ifdef ONE_PARK
		awake = false;
#endif
		unlock()
	:: shut -> break
	od
}

#ifdef CLOSING
#define may_stop if :: skip :: goto stopped fi
#else
#define may_stop skip
#endif

/* A signaller rings: clear, enter, write, leave. */
inline write() { d_step { assert(open); bell = true } }

inline ring() {
#ifdef LATE_CLEAR
	old = word[SLOT];
#else
	d_step { old = word[SLOT]; word[SLOT] = old & ~RING }
#endif
	if
	:: !(old & RING)	/* another rings, or the consumer woke by itself */
#ifdef IDLE_CLEAR
	:: (old & RING) && count(old) == 0
	:: (old & RING) && count(old) > 0 ->
#else
	:: else ->
#endif
		may_stop;
#ifdef NO_GATE
		write()
#else
		d_step { if :: users > 0 -> users++; in = true :: else fi }
		if
		:: in ->
			may_stop;
			write();
			may_stop;
			d_step { users--; in = false; last = (users == 0) }
			if
			:: last -> closeBell()
			:: else
			fi
		:: else
		fi
#endif
	fi
#ifdef LATE_CLEAR
	; word[SLOT] = word[SLOT] & ~RING
#endif
}

/* A C thread that adds n, or, in DEAD, does so for ever, whatever EBADF says. */
proctype signaller(byte me, n) {
	byte old;
	bool in, last, refused;
	handle;
again:	skip;
	d_step {
		old = word[SLOT];
		assert(!shut || (old & CLOSED));	/* Closed is for good */
		if
		:: n <= SMALL -> word[SLOT] = old + n
		:: n > SMALL && !(old & CLOSED) && count(old) + n <= FULL -> word[SLOT] = old + n
		:: else -> refused = true
		fi;
		if
		:: (old & CLOSED) || refused
		:: else -> unseen = unseen | (1 << me)
		fi
	}
	if
	:: refused -> goto done
	:: old & CLOSED ->
#ifndef NO_UNDO
		word[SLOT] = word[SLOT] - n;
#endif
#ifdef DEAD
		goto again
#else
		goto done
#endif
	:: else
	fi;
	if
	:: n <= SMALL && count(old) >= FULL ->
		d_step { /* take it back, unless Close took it, or there is room now */
			if
			:: word[SLOT] & CLOSED
#ifdef STEAL
			:: !(word[SLOT] & CLOSED) && count(word[SLOT]) < n
#else
			:: !(word[SLOT] & CLOSED) && count(word[SLOT]) < FULL + n
#endif
			:: else ->
				word[SLOT] = word[SLOT] - n;
				unseen = unseen & ~(1 << me);
				refused = true
			fi
		}
	:: else
	fi;
	if
	:: refused -> goto done
	:: else -> missing = missing + n
	fi;
	if
	:: old & RING -> ring()
	:: else
	fi;
	goto done;
#ifdef CLOSING
stopped:
end_stopped:
	false;
#endif
done:	atomic { old = 0; in = false; last = false; refused = false }
}

/* Add, called by a goroutine. */
proctype adder(byte n) {
	byte p;
	bool done, awake;
	p = at;
	d_step {
		if
		:: word[p] < FULL -> word[p] = word[p] + n; missing = missing + n; done = true
		:: else
		fi
	}
	if
	:: !done ->
		lock();
		d_step {
			if
			:: shut
			:: else ->
				missing = missing + n;
				if
				:: waiting > 0 && due(n) == n -> hand(n)
				:: waiting == 0 && exported -> counting = counting + n	/* write(2) */
				:: else -> word[at] = word[at] + n
				fi
			fi
		}
		if
		:: shut
		:: else -> deliver(false)
		fi;
		unlock()
	:: else
	fi
}

/* TryWait. Like Add, it may have found the word just before Handle moved it. */
proctype taker() {
	byte p;
	p = at;
	d_step {
		if
		:: word[p] > 0 && word[p] < RING && !(word[p] & HELD) ->
			missing = missing - word[p]; word[p] = 0; unseen = 0
		:: else
		fi
	}
}

/* Handle: the word moves, flags and all, from Go's memory to where C finds it. */
proctype handing() {
	lock();
	users = 1;
	open = true;
	swap(GO, CLOSED | HELD);
#ifdef FORGET_SLEEPERS
	got = count(got);
#endif
	d_step { word[SLOT] = got; at = SLOT; handle = true };
	unlock()
}

/* FD: the count moves to an eventfd that others read; the handle stays. */
proctype exporting() {
	bool awake;
	lock();
	if
	:: !shut -> exported = true; deliver(false)
	:: else
	fi;
	unlock()
}

/* Close. */
proctype closing() {
	bool last;
	lock();
	swap(at, CLOSED | HELD);
	d_step {
		shut = true;
		if
		:: exported && waiting == 0 -> counting = counting + count(got)
		:: else -> missing = missing - count(got)	/* to a waiter, or C, or nobody */
		fi;
		woken = woken + waiting;
		waiting = 0
	}
#ifdef WAITING_CLOSE
	users == 1;
#endif
	d_step { users--; last = (users == 0) }
	if
	:: last -> closeBell()
	:: else
	fi;
	unlock()
}

init {
	atomic {
#ifdef HANDLE
		at = GO;
		run handing(); run adder(4); run taker();
#else
		users = 1; open = true; handle = true;
#endif
		run poller(); run consumer();
#if defined(CROWD) || defined(CLOSING)
		run consumer();
#endif
#if defined(CROWD) && !defined(MORE)
		run adder(1);
#endif
#ifdef FD
		run exporting();
		if :: run closing() :: skip fi;
#endif
#if defined(CLOSING) || defined(DEAD)
		run closing();
#endif
#ifdef FULLNESS
		run signaller(0, 4); run signaller(1, 1); run signaller(2, 1);
#elif defined(DEAD)
		run signaller(0, 3); run signaller(1, 3);
#else
		run signaller(0, 1); run signaller(1, 2);
#endif
#if defined(SLEEP) || defined(MORE)
		run signaller(2, 1);
#endif
	}
	timeout;
	assert(missing == counting + (shut -> 0 : count(word[at])));
	assert(waiting == 0 || due(word[at]) == 0 && counting == 0);
	assert(!exported || shut || count(word[at]) == 0);
#ifndef PERMITS
	assert(waiting == 0 || unseen == 0);
#endif
#ifndef CLOSING
	assert(!shut || !open)	/* there, a signaller that stopped may have it open */
#endif
}
