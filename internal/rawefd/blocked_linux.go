package rawefd

import (
	"math"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/race"
)

// A write(2) waits for room if another holder of the eventfd has cleared O_NONBLOCK, which all
// holders share. No flag of a single write prevents that, and no check before it is certain,
// because the other holder can act between the two. A write that waits is therefore ended by
// taking the count, which makes room:
//
//   - A guarded write, whose caller holds a lock, is ended soon, by guard.
//   - A lock-free Add, which would pay each time for being guarded, is ended by Close, with
//     endBlocked.
//
// What was taken belongs to the object, which fetches it with Taken. In semaphore mode a read
// takes 1, so a write of n ends after up to n reads, about five million per second. A sum above
// math.MaxUint64, which only a holder that fills the eventfd on purpose makes, stays at that.

// blockedDelay is how long a write must last before it is taken for one that waits. Taking the
// count of one that does not wait only moves the count for a moment.
const blockedDelay = 10 * time.Millisecond

// lateTurns is how many times blockedDelay a write must last before it is taken for one that
// waits even if O_NONBLOCK is set. The kernel looks at that flag when the write begins: a holder
// that has cleared it can set it again while the write waits. In Close, where it is not known which
// of the uses in progress are writes, all of them are taken for such.
const lateTurns = 10

// blocked guards the two maps.
var blocked struct {
	sync.Mutex
	running bool // guard is running
	busy    bool // a guarded write has begun since guard looked
}

// writes has the guarded writes that are in progress, and how often guard has seen them.
// There is at most one for each FD, because its caller holds looking.
var writes = make(map[*FD]int)

// taken has what was taken to make room.
var taken = make(map[*FD]uint64)

// writeGuarded is write for a caller that holds looking. Other goroutines can wait for a lock
// that the caller holds as well.
func (f *FD) writeGuarded(delta *uint64) error {
	blocked.Lock()
	writes[f], blocked.busy = 0, true
	if !blocked.running {
		blocked.running = true
		go guard()
	}
	blocked.Unlock()
	err := f.write(delta)
	blocked.Lock()
	delete(writes, f)
	blocked.Unlock()
	return err
}

// guard is the goroutine that ends guarded writes. It stays for a moment after the last one, so
// that not each of them starts it.
func guard() {
	for again := true; again; {
		pause(blockedDelay)
		for endGuarded() {
			runtime.Gosched()
		}
		blocked.Lock()
		again = blocked.busy || len(writes) > 0
		blocked.running, blocked.busy = again, false
		blocked.Unlock()
	}
}

// endGuarded makes room for the writes that it sees for the second time, and reports whether it
// took anything. None of them can return to its caller before the mutex is unlocked, so
// their numbers still refer to the eventfds.
func endGuarded() (took bool) {
	blocked.Lock()
	defer blocked.Unlock()
	for f, seen := range writes {
		writes[f] = seen + 1
		took = seen > 0 && f.makeRoom(seen > lateTurns) || took
	}
	return took
}

// endBlocked is called by Close, between Use and Done, if other calls are in progress. It starts
// a goroutine that makes room until they have ended. Its own use of f could be the last one, and f
// would then end in that goroutine, later than the last call. It therefore looks at a duplicate, if
// there is a descriptor for it, and uses f only if a write can block.
func (f *FD) endBlocked() {
	dup, err := fcntl(int(f.num), unix.F_DUPFD_CLOEXEC, 0)
	go func() {
		if err == nil {
			defer unix.Close(dup)
		}
		turn := 0
		for pause(blockedDelay); f.state.Load()&gone == 0; pause(blockedDelay) {
			turn++
			if late := turn > lateTurns; late || err != nil || canBlock(dup) {
				f.endUses(late)
			}
		}
	}()
}

// endUses makes room until all other uses have ended, or there is nothing to take. It counts as
// a use, so that f ends after it and Taken returns the count. late says that they have lasted long.
func (f *FD) endUses(late bool) {
	if f.state.Add(1)&gone != 0 { // a use that is allowed after Close
		f.state.Add(^uint64(0))
		return
	}
	for f.state.Load() != closed+1 && f.makeRoomInClose(late) {
		runtime.Gosched()
	}
	f.Done()
}

// makeRoomInClose is makeRoom for a caller that does not hold the mutex, and can use Take where a
// read can block.
func (f *FD) makeRoomInClose(late bool) (took bool) {
	var count uint64
	if !askNowait() && (late || canBlock(int(f.num))) {
		count, _ = f.Take()
	}
	blocked.Lock()
	defer blocked.Unlock()
	f.keep(count)
	return count > 0 || f.makeRoom(late)
}

// makeRoom takes the count, or a part of it in semaphore mode, if a write can block or is late,
// and reports whether it took anything. It does nothing where a read can block. The caller holds
// the mutex.
func (f *FD) makeRoom(late bool) (took bool) {
	if !askNowait() || !late && !canBlock(int(f.num)) {
		return false
	}
	for range 1000 {
		var count uint64
		if preadv2(int(f.num), &count, unix.RWF_NOWAIT) != 0 {
			break
		}
		race.Acquire()
		f.keep(count)
		took = true
		if count > 1 {
			break // counting mode
		}
	}
	return took
}

// canBlock reports whether O_NONBLOCK is off.
func canBlock(num int) bool {
	flags, err := fcntl(num, unix.F_GETFL, 0)
	return err == nil && flags&unix.O_NONBLOCK == 0
}

// keep keeps what was taken for Taken. The caller holds the mutex.
func (f *FD) keep(count uint64) {
	if count > 0 {
		taken[f] += min(count, math.MaxUint64-taken[f])
	}
}

// Taken returns the count that was taken to make room and that no Take has returned. A second
// call returns 0. The caller of AddIfWritable and the function that is passed to Close call it.
func (f *FD) Taken() uint64 {
	blocked.Lock()
	defer blocked.Unlock()
	count := taken[f]
	delete(taken, f)
	return count
}

// pause sleeps. If the runtime's poller is not running, it does not use a timer, which would
// start that poller: there might be no descriptors left for it.
func pause(d time.Duration) {
	if polled.Load() {
		time.Sleep(d)
	} else {
		Nap(d)
	}
}
