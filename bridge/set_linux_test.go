package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

type event = bridge.Event[string]

func mustSet[K any](t testing.TB) *bridge.Set[K] {
	t.Helper()
	s, err := bridge.NewSet[K]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustAddTo[K any](t testing.TB, s *bridge.Set[K], fd int, events bridge.Events, key K) {
	t.Helper()
	if err := s.Add(fd, events, key); err != nil {
		t.Fatal(err)
	}
}

// poll returns what one Poll with room for n members returns, in the order of the keys.
func poll(s *bridge.Set[string], n int) []event {
	dst := make([]event, n)
	dst = dst[:s.Poll(dst)]
	slices.SortFunc(dst, func(a, b event) int { return int(a.Key[0]) - int(b.Key[0]) })
	return dst
}

func wantPoll(t *testing.T, s *bridge.Set[string], what string, want ...event) {
	t.Helper()
	if got := poll(s, 10); !slices.Equal(got, want) {
		t.Errorf("%s: Poll gave %v, want %v", what, got, want)
	}
}

// Each Poll returns a ready member again, with its key and the events that were asked for.
func TestSetIsLevelTriggered(t *testing.T) {
	s := mustSet[string](t)
	a, b := newTube(t), newTube(t)
	mustAddTo(t, s, a.r, bridge.Readable, "a")
	mustAddTo(t, s, b.r, bridge.Readable, "b")
	wantPoll(t, s, "nothing is ready")
	b.write(t)
	for range 3 {
		wantPoll(t, s, "b is ready", event{"b", bridge.Readable})
	}
	a.write(t)
	wantPoll(t, s, "both are ready", event{"a", bridge.Readable}, event{"b", bridge.Readable})
	b.read(t)
	wantPoll(t, s, "b was read", event{"a", bridge.Readable})
	a.close(&a.w)
	wantPoll(t, s, "a has hung up", event{"a", bridge.Readable | bridge.HangUp})
	if got := s.Poll(nil); got != 0 {
		t.Errorf("Poll(nil) = %d", got)
	}
}

func TestSetChange(t *testing.T) {
	s := mustSet[string](t)
	fd, peer := newSockets(t)
	mustAddTo(t, s, fd, bridge.Readable, "a")
	for _, c := range []struct{ asked, want bridge.Events }{
		{bridge.Writable, bridge.Writable}, {0, 0}, {bridge.Readable | bridge.Writable, bridge.Writable}, {bridge.Readable, 0},
	} {
		if err := s.Change(fd, c.asked); err != nil {
			t.Fatal(err)
		}
		var want []event
		if c.want != 0 {
			want = []event{{"a", c.want}}
		}
		wantPoll(t, s, c.asked.String(), want...)
	}
	mustWrite(t, peer)
	wantPoll(t, s, "after writing", event{"a", bridge.Readable})
}

func TestSetRefusesWhatIsWrong(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	file, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"Add of a member", s.Add(p.r, 0, ""), os.ErrExist},
		{"Add of unknown bits", s.Add(p.w, 1<<30, ""), os.ErrInvalid},
		{"Add of -1", s.Add(-1, 0, ""), os.ErrInvalid},
		{"Add of a large number", s.Add(past32(math.MaxInt32), 0, ""), os.ErrInvalid},
		{"Add of a number that is not open", s.Add(1<<20, 0, ""), unix.EBADF},
		{"Add of a regular file", s.Add(int(file.Fd()), 0, ""), bridge.ErrNotPollable},
		{"Change to unknown bits", s.Change(p.r, 1<<30), os.ErrInvalid},
		{"Change of a number that is not a member", s.Change(p.w, 0), os.ErrNotExist},
		{"Change of -1", s.Change(-1, 0), os.ErrNotExist},
		{"Remove of a number that is not a member", s.Remove(p.w), os.ErrNotExist},
		{"Remove of -1", s.Remove(-1), os.ErrNotExist},
		{"Remove of a large number", s.Remove(math.MaxInt), os.ErrNotExist},
	} {
		wantIs(t, c.what, c.err, c.want)
	}
	p.write(t)
	wantPoll(t, s, "after all that", event{"a", bridge.Readable})
	var none context.Context
	if _, err := s.Wait(none, nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("Wait with a nil context = %v", err)
	}
	if n, err := s.Wait(background, nil); n != 0 || err != nil {
		t.Errorf("Wait with an empty dst = %d, %v; want 0, nil", n, err)
	}
	ended, end := context.WithCancel(background)
	end()
	for _, dst := range [][]event{nil, make([]event, 1)} {
		if n, err := s.Wait(ended, dst); n != 0 || err != context.Canceled {
			t.Errorf("Wait with an ended context = %d, %v", n, err)
		}
	}
}

func TestSetAfterClose(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	p.write(t)
	c := s.C()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-c // the value that the buffer held
	if _, ok := <-c; ok {
		t.Error("C has a second value after Close, want it closed")
	}
	wantPoll(t, s, "after Close")
	_, err := s.Wait(background, make([]event, 1))
	for what, err := range map[string]error{
		"Add": s.Add(p.w, 0, ""), "Change": s.Change(p.r, 0), "Remove": s.Remove(p.r), "Close": s.Close(), "Wait": err,
	} {
		wantIs(t, what, err, os.ErrClosed)
	}
	never := mustSet[string](t)
	never.Close()
	if _, ok := <-never.C(); ok {
		t.Error("C has a value when first called after Close, want it closed")
	}
	if got := s.String(); got != "Set(closed)" {
		t.Errorf("String = %q", got)
	}
}

// Members that stay ready do not starve others, however long dst is.
func TestSetMembersTakeTurns(t *testing.T) {
	const many = 301
	for _, room := range []int{1, 7, 128, 300, 301, 1000} {
		s := mustSet[int](t)
		for i := range many {
			p := newTube(t)
			mustAddTo(t, s, p.r, bridge.Readable, i)
			p.write(t)
		}
		dst := make([]bridge.Event[int], room)
		var turns [many]int
		for polls := range 3 * many {
			n := s.Poll(dst)
			if n != min(room, many) {
				t.Fatalf("room for %d: Poll = %d", room, n)
			}
			for _, ev := range dst[:n] {
				turns[ev.Key]++
			}
			if least, most := slices.Min(turns[:]), slices.Max(turns[:]); most > least+1 {
				t.Fatalf("room for %d: after %d polls some member was returned %d times and another %d times", room, polls+1, most, least)
			}
		}
		s.Close()
	}
}

// A reused number is watched for its new file only, in every order of closing, reusing,
// adding and removing.
func TestSetOfReusedNumbers(t *testing.T) {
	s := mustSet[string](t)
	a, b := newTube(t), newTube(t)
	number := newTube(t).r
	a.write(t)
	dupTo(t, a.r, number) // a.r keeps the file open
	mustAddTo(t, s, number, bridge.Readable, "a")
	wantIs(t, "Add of a member", s.Add(number, 0, ""), os.ErrExist)
	dupTo(t, b.r, number)
	wantIs(t, "Change of a reused number", s.Change(number, 0), unix.ENOENT)
	mustAddTo(t, s, number, bridge.Readable, "b") // replaces a
	wantPoll(t, s, "a was replaced")
	b.write(t)
	wantPoll(t, s, "b is ready", event{"b", bridge.Readable})
	dupTo(t, a.r, number)
	mustAddTo(t, s, number, bridge.Readable, "c") // replaces b, though the kernel still knows a
	wantPoll(t, s, "the number is a's again", event{"c", bridge.Readable})
	dupTo(t, b.r, number)
	if err := s.Remove(number); err != nil {
		t.Errorf("Remove of a reused number = %v", err)
	}
	wantIs(t, "a second Remove", s.Remove(number), os.ErrNotExist)
	dupTo(t, newTube(t).r, number)
	wantPoll(t, s, "the registration of a cannot be deleted")
	d := newTube(t)
	mustAddTo(t, s, d.r, bridge.Readable, "d")
	for range 3 {
		a.read(t) // so that the next Poll does not expect an event of an alien
		wantPoll(t, s, "nothing is ready")
		a.write(t)
		d.write(t)
		for _, room := range []int{2, 1, 3} {
			if got := poll(s, room); !slices.Equal(got, []event{{"d", bridge.Readable}}) {
				t.Errorf("Poll gave %v, want d: a takes no room", got)
			}
		}
		d.read(t)
		if got := poll(s, 1); len(got) > 0 {
			t.Errorf("Poll gave %v, want nothing", got)
		}
	}
	dupTo(t, a.r, number)
	mustAddTo(t, s, number, bridge.Readable, "e")
	wantPoll(t, s, "the number is a's once more", event{"e", bridge.Readable})
}

// Remove succeeds for a member whose descriptor has been closed.
func TestSetOwnerClosesFirst(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	number := p.r
	mustAddTo(t, s, number, bridge.Readable, "a")
	p.close(&p.r)
	wantIs(t, "Change", s.Change(number, 0), unix.EBADF)
	if err := s.Remove(number); err != nil {
		t.Errorf("Remove = %v", err)
	}
	wantIs(t, "a second Remove", s.Remove(number), os.ErrNotExist)
	wantPoll(t, s, "the set is empty")
}

// waitFor starts a Wait in another goroutine. The channel receives its result.
func waitFor(t *testing.T, s *bridge.Set[string], ctx context.Context) <-chan string {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		dst := make([]event, 10)
		n, err := s.Wait(ctx, dst)
		got <- fmt.Sprint(dst[:n], err)
	}()
	return got
}

// untilWaiting returns once a leader is asleep and, if followers is not 0, followers are.
func untilWaiting(t *testing.T, s *bridge.Set[string], followers int) {
	t.Helper()
	for {
		if leading, waiting := bridge.Sleeping(s); leading && (followers == 0 || waiting) {
			untilAsleep(t, "members).lead")
			if followers > 0 {
				untilAsleep(t, "members).follow")
			}
			return
		}
		runtime.Gosched()
	}
}

// All goroutines blocked in Wait wake up when a member becomes ready, whether by an event,
// an Add or a Change.
func TestSetWaitWakes(t *testing.T) {
	for what, wake := range map[string]func(t *testing.T, s *bridge.Set[string], fd, peer int){
		"an event": func(t *testing.T, s *bridge.Set[string], fd, peer int) { mustWrite(t, peer) },
		"Change": func(t *testing.T, s *bridge.Set[string], fd, peer int) {
			if err := s.Change(fd, bridge.Writable); err != nil {
				t.Error(err)
			}
		},
		"Add": func(t *testing.T, s *bridge.Set[string], fd, peer int) {
			mustAddTo(t, s, peer, bridge.Writable, "b")
		},
	} {
		for _, waiters := range []int{1, 3} {
			t.Run(fmt.Sprint(what, " ", waiters), func(t *testing.T) {
				s := mustSet[string](t)
				fd, peer := newSockets(t)
				mustAddTo(t, s, fd, bridge.Readable, "a")
				var got []<-chan string
				for range waiters {
					got = append(got, waitFor(t, s, background))
				}
				untilWaiting(t, s, waiters-1)
				wake(t, s, fd, peer)
				want := map[string]string{"an event": "[{a Readable}] <nil>", "Change": "[{a Writable}] <nil>", "Add": "[{b Writable}] <nil>"}[what]
				for _, c := range got {
					if got := <-c; got != want {
						t.Errorf("Wait gave %s, want %s", got, want)
					}
				}
			})
		}
	}
}

// When a context is canceled, its Wait returns and no other does, whether it is the leader
// or a follower.
func TestSetWaitIsCanceled(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	for first := range 100 {
		var ends []context.CancelFunc
		var got []<-chan string
		for range 3 {
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			ends, got = append(ends, cancel), append(got, waitFor(t, s, ctx))
		}
		for i := first; i < first+2; i++ {
			i := i % 3
			ends[i]()
			if got := <-got[i]; got != "[] context canceled" {
				t.Errorf("a canceled Wait gave %s", got)
			}
		}
		untilWaiting(t, s, 0) // the remaining Wait is asleep, not interrupted over and over
		p.write(t)
		if got := <-got[(first+2)%3]; got != "[{a Readable}] <nil>" {
			t.Errorf("the Wait that was not canceled gave %s", got)
		}
		p.read(t)
	}
}

func TestSetCloseWakes(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close descriptors that leak
	before := leaktest.Baseline()
	for round := range 100 {
		s := mustSet[string](t)
		if round%2 == 0 {
			s.C()
		}
		a, b := waitFor(t, s, background), waitFor(t, s, t.Context())
		if round%4 < 2 {
			untilWaiting(t, s, 1)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, c := range []<-chan string{a, b} {
			if got, want := <-c, "[] bridge: Set.Wait: file already closed"; got != want {
				t.Errorf("Wait gave %s, want %s", got, want)
			}
		}
	}
	if err := leaktest.Check(before); err != nil {
		t.Error(err)
	}
}

func TestSetCostsOneDescriptor(t *testing.T) {
	leaktest.Baseline() // waits until everything that earlier tests closed has ended
	before, _ := leaktest.Ours(t)
	s := mustSet[string](t)
	for range 100 {
		mustAddTo(t, s, newTube(t).r, bridge.Readable, "a")
	}
	if got := s.String(); got != "Set(100 descriptors)" {
		t.Errorf("String = %q", got)
	}
	const pipes = 2 * 100
	if after, _ := leaktest.Ours(t); after-before != pipes+1 {
		t.Errorf("%d descriptors more than those of the pipes, want 1", after-before-pipes)
	}
}

func TestSetDoesNotAllocate(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	p.write(t)
	dst := make([]event, 10)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	if got := testing.AllocsPerRun(100, func() {
		s.Poll(dst)
		s.Wait(ctx, dst)
		s.Change(p.r, bridge.Readable)
	}); got != 0 {
		t.Errorf("%v allocations by Poll, Wait and Change", got)
	}
}

// A Set reports each pulse of a pulsing file once.
func TestSetOfPulsingFiles(t *testing.T) {
	m, other := openMountinfo(t), openMountinfo(t)
	s := mustSet[string](t)
	m.pulse(t)
	mustAddTo(t, s, m.fd, bridge.Priority, "m")
	mustAddTo(t, s, other.fd, bridge.Priority, "o")
	want := func(key string, got []event) {
		t.Helper()
		if len(got) != 1 || got[0].Key != key || got[0].Events&bridge.Priority == 0 || got[0].Events&bridge.Readable != 0 {
			t.Errorf("Poll gave %v, want Priority of %s", got, key)
		}
	}
	c := s.C()
	<-c
	want("m", poll(s, 10))
	for range 10 {
		if err := s.Remove(other.fd); err != nil {
			t.Fatal(err)
		}
		m.pulse(t)
		mustAddTo(t, s, other.fd, bridge.Priority, "o") // fetches the edge of m
		<-c
		want("m", poll(s, 10))
	}
	for range 100 {
		wantPoll(t, s, "before")
		got := make(chan []event)
		go func() {
			dst := make([]event, 1)
			n, err := s.Wait(background, dst)
			if err != nil {
				t.Error(err)
			}
			got <- dst[:n]
		}()
		m.pulse(t)
		want("m", <-got)
		other.pulse(t)
		if err := s.Change(m.fd, bridge.Priority|bridge.PeerClosed); err != nil {
			t.Fatal(err)
		}
		if err := s.Change(m.fd, bridge.Priority); err != nil {
			t.Fatal(err)
		}
		got2 := poll(s, 10)
		got2 = slices.DeleteFunc(got2, func(ev event) bool { return ev.Key == "m" }) // an extra event of m is allowed
		want("o", got2)
	}
}

// Each of 10,000 members uses at most 200 bytes of heap, and no goroutine.
func TestSetOfManyMembers(t *testing.T) {
	const many = 10_000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < many+100 {
		t.Skipf("needs %d descriptors; the limit is %v, %v", many, limit, err)
	}
	s := mustSet[int](t)
	fds := make([]int, many)
	for i := range fds {
		fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	dst := make([]bridge.Event[int], many)
	goroutines, before := leaktest.Goroutines(), heap()
	for i, fd := range fds {
		mustAddTo(t, s, fd, bridge.Readable, i)
	}
	if got := (heap() - before) / many; got > 200 {
		t.Errorf("%d bytes of heap per member, want at most 200", got)
	}
	if got := leaktest.Goroutines(); got > goroutines {
		t.Errorf("%d goroutines, want %d as before", got, goroutines)
	}
	n, err := s.Wait(background, dst)
	if n != many || err != nil {
		t.Errorf("Wait = %d, %v; want %d", n, err, many)
	}
	seen := make([]bool, many)
	for _, ev := range dst[:n] {
		seen[ev.Key] = true
	}
	if slices.Contains(seen, false) {
		t.Error("some member is missing among all that are ready")
	}
	runtime.KeepAlive(s)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// 0 is not the number of a poll, because it is that of a member that was never returned.
func TestSetTurnWraps(t *testing.T) {
	s := mustSet[string](t)
	bridge.LastTurn(s)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "pipe")
	mustWrite(t, p.w)
	for range 4 {
		if got := poll(s, 1); len(got) != 1 {
			t.Errorf("Poll = %v, want the member", got)
		}
	}
}

// An oddContext has an error that cannot be compared, or is a nil pointer.
type oddContext struct{ context.Context }

type oddError []string

func (oddError) Error() string { return "odd" }

func (oddContext) Err() error { return oddError{"odd"} }

// Wait returns what Err returns, whatever it is. If Err panics, the Set can still be used.
func TestSetWaitWithAnOddContext(t *testing.T) {
	s := mustSet[string](t)
	var odd oddError
	if _, err := s.Wait(oddContext{background}, make([]event, 1)); !errors.As(err, &odd) {
		t.Errorf("Wait = %v, want the error of ctx", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Wait with a nil pointer did not panic")
			}
		}()
		s.Wait((*oddContext)(nil), make([]event, 1))
	}()
	if got := poll(s, 1); len(got) != 0 {
		t.Errorf("Poll = %v, want nothing", got)
	}
}
