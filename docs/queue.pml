/* SPDX-License-Identifier: MIT */
/*
 * The queue of docs/protocol.md, for spin. protocol_test.go runs it:
 *
 *	spin -a -DCLOSING -DPATIENT -DFEW queue.pml && gcc -O1 -DSAFETY -o pan pan.c && ./pan -m4000000
 *
 * There are two senders, a receiver and the doorbell's goroutine. A scenario adds to
 * them: -DTWO, CLOSING, HANDLER, CHANNEL, MIXED or HANDLE (see init). A mutant, such as
 * -DHEAD_EARLY, breaks one rule, and pan must then find an error.
 *
 * A step is one atomic operation, or a copy of a value, with what Go does under the
 * mutex until the next of these. A loop around a compare-and-swap is its last round,
 * except where a sender claims a position. The memory is sequentially consistent;
 * docs/protocol.md says why that is enough. The slot's word is that of protocol.pml,
 * whose stack and descriptor are one bit here, pushed.
 *
 * Each sender sends SENDS values, and goes on after a refusal. Receivers go on until
 * Close; they can give up, except with -DPATIENT.
 *
 * Checked: a value is taken once, and after those that its sender sent before it. No
 * more than CAP values that are not received yet have a cell. A receiver returns
 * os.ErrClosed only if nothing is left. When nothing can move any more, what was received is exactly what
 * sends returned 0 for, and no sleeper has a value to take.
 */

#define CAP 2		/* cells */
#ifndef SENDS
#define SENDS 2
#endif
#ifdef FEW		/* the second sender sends one value */
#define FEWER 1
#else
#define FEWER SENDS
#endif
#define BATCH 2		/* values in one ReceiveBatch */

/* The state of a cell, and tail: a position, and flags. */
#define CLOSED 128	/* in tail, and in word */
#define SLEEP 128	/* in a state */
#define DISOWNED 64
/* In word. */
#define RING 64
#define RUNG 32
#define COUNT 31

#define bit(n) (1 << (n))
#define cell(p) state[(p) % CAP]
#define last(p) ((p) < CAP -> 0 : (p) + 1 - CAP)	/* what the last round left in its cell */

/* What senders share with Go. */
byte tail = CAP, head = CAP;
byte state[CAP], value[CAP];
byte word = RING;
bool pushed;		/* the slot is on the stack, and the doorbell was rung */
bool shared;		/* Handle was called */

/* Go, under the mutex. */
bool mutex;
byte next = CAP, end = 100;
bool closed, vacated;
byte waiting;		/* a bit for each waiter */
byte woken;		/* those taken out of it that are not running yet */
short dst[2];		/* what was taken for each, a bit for each value */
bool channel;		/* C was called */
byte buffer;		/* of C: a value, or 0 */
byte hand;		/* the value that the pump has in hand, or 0 */
bool pumping, start, done;
#define held ((buffer != 0) + (hand != 0))
#define awaited (waiting != 0 || channel && !pumping)

/* For the checks alone: a bit for each value. */
short told;		/* its send returned 0 */
short taken;
short received;
byte unreceived;	/* places that are taken */
byte latest[3];		/* of each sender, what was taken last */

/* Values are 1 to 3 for the first sender, 5 to 7 for the second, 9 to 11 for the third. */
#define sender(v) ((v) >> 2)

bool interrupted;	/* the thread of sender 0 runs a signal handler */

#define lock() atomic { !mutex -> mutex = true }
#define unlock() mutex = false

/* The sender. */

#define SENDER byte k, p, h, old; bool again

/* A position p, or again is false. */
inline claim() {
	p = tail;
	again = true;
	do
	:: atomic { p & CLOSED -> again = false; break }
	:: atomic { !(p & CLOSED) -> h = head }
		if
		:: p >= h && p - h < CAP ->
			d_step {
#ifdef CLAIM_ADD
				h = (tail & CLOSED -> 100 : 101); p = tail;
#else
				h = (tail == p -> 101 : 100);
#endif
				tail = (h == 101 -> p + 1 : tail);
				p = (h == 101 -> p : tail);
				unreceived = (h == 101 -> unreceived + 1 : unreceived);
				assert(unreceived <= CAP)
			}
			if
			:: atomic { h == 101 -> h = 0; break }
			:: else
			fi
		:: else ->
			d_step {
				again = (tail != p);
				p = tail;
				h = 0
			}
			if
			:: !again -> break
			:: else
			fi
		fi
	od
}

/* old is then what was in the state: the sender rings if that has SLEEP. */
inline publish() {
#ifdef STORE_SEQ
	old = cell(p);
	d_step {
		cell(p) = p + 1;
#else
	d_step {
		old = cell(p);
#ifdef EXCHANGE
		cell(p) = p + 1;
#else
		cell(p) = ((old & ~SLEEP) == last(p) -> p + 1 : old);
#endif
#endif
		told = ((old & ~SLEEP) == last(p) -> told | bit(k) : told);
		old = ((old & ~SLEEP) == last(p) -> old & SLEEP : 0);
		p = 0
	}
}

inline wake() {
#ifdef RELAXED_WAKE
	old = word;
#else
	d_step { old = word; word++ }
#endif
	if
	:: old & CLOSED -> word--
	:: !(old & CLOSED) && (old & RING) ->
		d_step { old = word & RING; word = (old -> word ^ (RING | RUNG) : word) }
		if
		:: old -> assert(!pushed); pushed = true
		:: else
		fi
	:: else
	fi;
	old = 0
}

/* A C thread, or what a signal handler does in one. */
inline sendC() {
	claim();
	if
	:: again ->
		value[p % CAP] = k;
		publish();
		if
		:: old & SLEEP -> wake()
		:: else
		fi
	:: else
	fi;
	d_step { p = 0; again = false }
}

inline sendsC(me, n) {
	k = me << 2;
	do
	:: atomic { (k & 3) == n -> k = 0; break }
	:: atomic { (k & 3) < n -> k++ }
		sendC()
	od
}

proctype thread(byte me, n) {
	SENDER;
end_unshared:
	shared;
	sendsC(me, n)
}

#ifdef HANDLER
proctype interruptible() provided (!interrupted) { SENDER; sendsC(0, SENDS) }

/* A signal handler interrupts that thread at any step, which goes on afterwards. */
proctype handler() {
	SENDER;
	interrupted = true;
	k = 9;
	sendC();
	k = 0;
	interrupted = false
}
#endif

/* Go's side. The caller holds the mutex. */

#define here (next < end && cell(next) == next + 1)
#define skipped (next < end && (cell(next) & DISOWNED))

/* The next value, which was seen to be there, is taken into v. */
inline take() {
#ifdef HEAD_EARLY
	head = next + 1 - held;
#endif
	d_step {
		v = value[next % CAP];
		assert(v != 0 && !(taken & bit(v)));
		assert(v > latest[sender(v)]);
		taken = taken | bit(v);
		latest[sender(v)] = v;
		next++
	}
}

#if defined(HEAD_EARLY)
#define free() skip
#elif defined(FREE_HELD)
#define free() head = next
#else
#define free() head = next - held
#endif

/* As many as dst has room for. The first was seen to be there. */
inline batch(i) {
	do
	:: atomic { n < BATCH && here -> n++ }
		take();
		d_step { dst[i] = dst[i] | bit(v); v = 0; unreceived-- }
	:: atomic { n < BATCH && skipped -> next++ }
	:: atomic { else -> break }
	od;
	if
	:: n > 0 -> atomic { free(); n = 0 }
	:: else
	fi
}

inline pour() {
	do
	:: atomic { here && buffer == 0 }
		take();
		atomic { buffer = v; v = 0 }
	:: atomic { skipped -> next++ }
	:: atomic { else -> break }
	od;
	free()
}

#define GO byte i, n, v

/* Values go to waiters, then to C, or the next one wakes the consumer. */
inline serve() {
	do
	:: atomic { waiting && here -> i = (waiting & 1 -> 0 : 1); waiting = waiting & ~bit(i) }
		batch(i);
		d_step { woken = woken | bit(i); i = 0 }
	:: atomic { skipped -> next++ }
	:: atomic { !waiting && channel && !pumping && here && buffer == 0 }
		pour()
	:: atomic { !waiting && channel && !pumping && here && buffer != 0 -> pumping = true; start = true }
	:: atomic { else ->
#if defined(PARK_STORE)
		if
		:: closed || !awaited || !shared -> break
		:: else
		fi
	}
		cell(next) = cell(next) | SLEEP;
		break
#elif defined(PARK_AT_TAIL)
		if
		:: closed || !awaited || !shared
		:: else -> cell(tail) = (cell(tail) == tail + 1 -> cell(tail) : cell(tail) | SLEEP)
		fi;
		break
	}
#else
		if
		:: closed || !awaited || !shared
		:: else -> cell(next) = cell(next) | SLEEP
		fi;
		break
	}
#endif
	od;
	finish()
}

/* After Close: nothing is left, C is closed, and the cells are given back. */
inline finish() {
	atomic {
		done = (closed && channel && !pumping && next == end -> true : done);
		if
		:: closed && next == end && !vacated && shared ->
			vacated = true; state[0] = 0; state[1] = 0; value[0] = 0; value[1] = 0
		:: else
		fi
	}
}

/* The doorbell's goroutine. */
proctype goroutine() {
	GO;
end_idle:
	do
	:: d_step { pushed -> pushed = false; word = word & ~RUNG }
		lock();
		do
		:: atomic { closed -> break }
		:: atomic { !closed -> word = word & ~COUNT }
			serve();
			d_step {
#ifdef SLEEP_BLIND
				n = 1;
#else
				n = ((word & COUNT) == 0);
#endif
				word = (n -> word | ((word & RUNG) -> 0 : RING) : word)
			}
			if
			:: atomic { n -> n = 0; break }
			:: else
			fi
		od;
		unlock()
	od
}

/* A goroutine that calls ReceiveBatch again and again. */
proctype receiver(byte me) {
	GO;
	bool looked;
	do
	:: lock();
		if
		:: waiting == 0 && !here ->	/* it lingers, and looks without the mutex */
#ifdef LINGER_BLIND
			unlock();
			looked = here;
#else
			unlock();
#endif
			lock()
		:: else -> looked = true
		fi;
		if
#ifdef LINGER_BLIND
		:: waiting == 0 && looked -> batch(me)
#else
		:: waiting == 0 -> batch(me)
#endif
		:: else
		fi;
		looked = false;
		if
		:: atomic { dst[me] != 0 -> received = received | dst[me]; dst[me] = 0 }
			finish();
			unlock();
			goto again
		:: atomic { dst[me] == 0 && closed -> assert(next == end) }
			finish();
			unlock();
			break
		:: atomic { dst[me] == 0 && !closed -> waiting = waiting | bit(me) }
			serve();
			unlock()
		fi;
#ifndef PATIENT
		if
		:: skip
		:: atomic { true -> !mutex ->	/* it gives up, unless it was served before */
			if
			:: waiting & bit(me) -> waiting = waiting & ~bit(me); goto again
#ifdef LEAVE_LOST
			:: woken & bit(me) -> woken = woken & ~bit(me); dst[me] = 0; goto again
#endif
			:: else
			fi
			}
		fi;
#endif
end_asleep:	atomic { woken & bit(me) -> woken = woken & ~bit(me);
			received = received | dst[me];
			if
			:: dst[me] == 0 -> assert(closed && next == end); break
			:: else -> dst[me] = 0
			fi
		}
again:		skip
	od
}

/* A goroutine that receives from C. */
proctype selecting() {
	lock();
	atomic { channel = true; run pump(); run serving() };
end_empty:
	do
	:: atomic { buffer != 0 -> received = received | bit(buffer); buffer = 0; unreceived-- }
	:: atomic { buffer == 0 && done -> break }
	od
}

/* C, which holds the mutex. */
proctype serving() {
	GO;
	serve();
	unlock()
}

/* The goroutine that fills C. */
proctype pump() {
	GO;
end_off:
	do
	:: atomic { start -> start = false }
		lock();
		do
		:: atomic { here || skipped }
			serve();
			if
			:: atomic { here }
				take();
				d_step { hand = v; v = 0 }
				unlock();
				atomic { buffer == 0 -> buffer = hand }
				atomic { !mutex -> mutex = true; hand = 0 }
				pour();
				finish()
			:: else
			fi
		:: break	/* nothing came for a while */
		od;
		pumping = false;
#ifndef PUMP_BLIND
		serve();
#endif
		unlock()
	od
}

proctype closing() {
	GO;
	lock();
#ifdef CLOSE_STORE
	end = tail;
	atomic { tail = tail | CLOSED; closed = true };
#else
	d_step { end = tail; tail = tail | CLOSED; closed = true };
#endif
#ifndef NO_DISOWN
	n = next;
	do
	:: atomic { n == end -> n = 0; break }
	:: d_step { n < end ->
		cell(n) = (cell(n) == n + 1 -> cell(n) : cell(n) | DISOWNED);
		n++
	}
	od;
#endif
	word = CLOSED;
	serve();
	atomic { woken = woken | waiting; waiting = 0; mutex = false }
}

#ifdef HANDLE
proctype opening() {
	GO;
	lock();
	if
	:: !closed -> shared = true;
#ifndef HANDLE_BLIND
		serve()
#endif
	:: else
	fi;
	unlock()
}

/*
 * A goroutine that calls Send. While the queue is private its ring is in Go's memory;
 * here it has the same cells, since Handle copies it under the mutex.
 */
proctype sending(byte me) {
	GO;
	SENDER;
	k = me << 2;
	do
	:: atomic { (k & 3) == SENDS -> k = 0; break }
	:: atomic { (k & 3) < SENDS -> k++ }
		if
		:: atomic { shared -> goto cells }
		:: else
		fi;
		lock();
		if
		:: tail - (next - held) >= CAP -> unlock(); lock()	/* a value of C was perhaps received */
		:: else
		fi;
		if
#ifdef STALE_RING
		:: shared && !closed -> told = told | bit(k)	/* in a ring that is no longer looked at */
#else
		:: shared -> unlock(); goto cells
#endif
		:: !shared && !closed && tail - (next - held) < CAP ->
			atomic {
				value[tail % CAP] = k; cell(tail) = tail + 1; tail++;
				told = told | bit(k); unreceived++
			}
			serve()
		:: else
		fi;
		unlock();
		goto sent;
cells:
		claim();
		if
		:: !again && !(p & CLOSED) -> lock(); free(); unlock(); claim()
		:: else
		fi;
		if
		:: again ->
			value[p % CAP] = k;
			publish();
			if
			:: old & SLEEP -> lock(); old = 0; serve(); unlock()
			:: else
			fi
		:: else
		fi;
sent:		p = 0; again = false
	od
}
#endif

init {
	atomic {
#ifdef ZERO_STATE	/* as if fresh memory were as good as an empty cell */
		tail = 0; head = 0; next = 0;
#else
		state[0] = 1; state[1] = 2;
#endif
#ifdef HANDLE
		run opening(); run sending(0); run thread(1, FEWER);
#else
		shared = true;
#ifdef HANDLER
		run interruptible(); run handler();
#else
		run thread(0, SENDS); run thread(1, FEWER);
#endif
#endif
#if defined(CHANNEL) || defined(MIXED)
		run selecting();
#endif
#ifndef CHANNEL
		run receiver(0);
#endif
#ifdef TWO
		run receiver(1);
#endif
#ifdef CLOSING
		run closing();
#endif
		run goroutine()
	}
	timeout;
	assert(!mutex);
	assert(!awaited || !here);
	assert(received == told);
	assert(!closed || vacated || !shared)
}
