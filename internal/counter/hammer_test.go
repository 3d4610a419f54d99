package counter_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/word"
)

// add and take are how an owner adds to its Counter and takes from it.
func add(c *counter.Counter, n uint64) bool {
	for c.Word().Addable(n) {
		if c.Word().Add(n) {
			return true
		}
	}
	if !c.Lock() {
		return false
	}
	defer c.Unlock()
	return c.Add(n) == nil
}

func take(c *counter.Counter) (n uint64) {
	if n = c.Word().TakeAll(); n > 0 {
		return n
	}
	if !c.Lock() {
		return 0
	}
	defer c.Unlock()
	n, _ = c.TakeAll()
	c.Wake()
	return n
}

// Nothing is lost when the count moves to the shared word and to the eventfd, in either order,
// while other goroutines add and take, with the lock and without.
func TestNothingIsLostOnTheWay(t *testing.T) {
	hammer.For(time.Second, 2, func() {
		var c counter.Counter
		c.Init(0, false, nil, owner{})
		var added, taken atomic.Uint64
		var others, mover sync.WaitGroup
		var moved atomic.Bool
		for i := range uint64(2) {
			others.Go(func() {
				for rounds := 0; rounds < 20 || !moved.Load(); rounds++ {
					if n := uint64(3 + i); add(&c, n) {
						added.Add(n)
					}
					hammer.Yield()
				}
			})
		}
		others.Go(func() {
			for !moved.Load() {
				taken.Add(take(&c))
				hammer.Yield()
			}
		})
		mover.Go(func() {
			defer moved.Store(true)
			moves := []func(testing.TB, *counter.Counter){handOut, export}
			rand.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
			for _, move := range moves[rand.IntN(2):] {
				hammer.Delay(30)
				if c.Lock() {
					move(t, &c)
					c.Unlock()
				}
			}
		})
		mover.Wait()
		others.Wait()
		taken.Add(take(&c))
		if added.Load() != taken.Load() {
			t.Errorf("%d added, %d taken", added.Load(), taken.Load())
		}
		end(&c)
	})
}

// What was added without an error can be taken by the owner, whenever Shut is called.
func TestShutLosesNothing(t *testing.T) {
	hammer.For(time.Second/2, 2, func() {
		var c counter.Counter
		c.Init(0, false, nil, owner{})
		var added, taken atomic.Uint64
		var adders sync.WaitGroup
		start := make(chan struct{})
		for i := range uint64(2) {
			adders.Go(func() {
				<-start
				for add(&c, 1+i) {
					added.Add(1 + i)
					hammer.Yield()
				}
			})
		}
		close(start)
		for range rand.IntN(100) {
			taken.Add(take(&c))
			hammer.Yield()
		}
		shut(&c)
		adders.Wait()
		c.LockShut()
		c.End()
		left, _ := c.TakeAll()
		c.UnlockShut()
		if added.Load() != taken.Load()+left {
			t.Errorf("%d added, %d taken, %d left", added.Load(), taken.Load(), left)
		}
	})
}

// A stream adds to one Counter after another, without a pause, so that whatever
// is done to one of them happens while something is added, at each of its steps.
type stream struct {
	to   atomic.Pointer[target]
	stop atomic.Bool
	done sync.WaitGroup
}

type target struct {
	counter.Counter
	added atomic.Uint64
}

func newStream() *stream {
	s := new(stream)
	s.next()
	s.done.Go(func() {
		for !s.stop.Load() {
			if to := s.to.Load(); add(&to.Counter, 1) {
				to.added.Add(1)
			}
			hammer.Yield()
		}
	})
	return s
}

// next makes the stream go to another Counter.
func (s *stream) next() *target {
	to := new(target)
	to.Init(0, false, nil, owner{})
	s.to.Store(to)
	return to
}

// meet calls f while the stream adds to a Counter, and then checks the sum.
func (s *stream) meet(t *testing.T, f func(*target)) {
	old := s.to.Load()
	for old.added.Load() == 0 {
		runtime.Gosched()
	}
	f(old)
	for next := s.next(); next.added.Load() == 0; { // after which the stream has left the old one
		runtime.Gosched()
	}
	fd, _ := shut(&old.Counter)
	left := func() {
		old.LockShut()
		defer old.UnlockShut()
		old.End()
		if got, _ := old.TakeAll(); got != old.added.Load() {
			t.Errorf("%d were added, %d are there", old.added.Load(), got)
		}
	}
	if fd == nil {
		left()
	} else {
		fd.Close(left)
	}
}

func (s *stream) end() {
	s.stop.Store(true)
	s.done.Wait()
	end(&s.to.Load().Counter)
}

// Moving the count loses nothing that is added at the same time.
func TestMovesMeetAnAddAtEachStep(t *testing.T) {
	for name, move := range map[string]func(*target){
		"Handle": func(c *target) { lock(t, &c.Counter, func() { handOut(t, &c.Counter) }) },
		"Export": func(c *target) { lock(t, &c.Counter, func() { export(t, &c.Counter) }) },
		"Shut":   func(c *target) { shut(&c.Counter) },
		// This moves the count between the word and rest.
		"Add past Full": func(c *target) {
			for range 100 {
				lock(t, &c.Counter, func() {
					if err := c.Add(word.Full + 1); err != nil {
						t.Error(err)
					}
					c.Wake()
					if took, _ := c.Take(word.Full + 1); !took {
						t.Error("Take of what was added = false")
					}
					c.Wake()
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStream()
			hammer.For(300*time.Millisecond, 1, func() { s.meet(t, move) })
			s.end()
		})
	}
}
