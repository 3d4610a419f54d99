package notify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/internal/word"
	"github.com/eventchan/eventchan/notify"
)

// FD and File move the whole count to the eventfd, however it was added, and reading the eventfd then
// returns it.
func TestReaderSeesWhatWasAddedBeforeTheExport(t *testing.T) {
	for name, export := range map[string]func(*notify.Notifier) int{
		"FD": (*notify.Notifier).FD,
		"File": func(n *notify.Notifier) int {
			file, err := n.File()
			if err != nil {
				return -1
			}
			t.Cleanup(func() { file.Close() })
			return int(file.Fd())
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, count := range []uint64{1, 1 << 32, word.Full, word.Full + 7, 1<<63 + 5, notify.MaxCount - 3} {
				n := mustNew(t)
				mustAdd(t, n, count)
				if mode.Is("handle") {
					handletest.Signal(n.Handle(), 3)
					count += 3
				}
				if got := fetch(t, export(n)); got != count {
					t.Errorf("read %#x, want %#x", got, count)
				}
				wantCount(t, n, 0)
				mustAdd(t, n, 11)
				if got := fetch(t, n.FD()); got != 11 {
					t.Errorf("read %d after the export, want 11", got)
				}
			}
		})
	}
}

// The same holds if C has added so much beside a full count that an eventfd does not hold the sum.
func TestReaderSeesMoreThanAnEventfdHolds(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	mustAdd(t, n, notify.MaxCount)
	handletest.Signal(h, 10)
	got := fetch(t, n.FD())
	for left := got + 1 - got; left > 0; { // TryWait takes what did not fit in the eventfd
		var ok bool
		if left, ok = n.TryWait(); !ok {
			break
		}
		got += left // wraps around at 2^64
	}
	if want := uint64(8); got != want {
		t.Errorf("read and taken 2^64+%d, want 2^64+%d", got, want)
	}
}

// If an export fails for lack of descriptors, the count and its waiters stay where they are.
func TestExportThatFailsChangesNothing(t *testing.T) {
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	c := n.C()
	arrivals := startWaiters(n, contexts(1))
	giveBack := noDescriptors(t)
	fd := n.FD()
	giveBack()
	if fd != -1 {
		t.Errorf("FD = %d without descriptors, want -1", fd)
	}
	mustAdd(t, n, 3)
	if got := <-arrivals; got.count != 3 {
		t.Errorf("the waiter got %d, %v; want 3", got.count, got.err)
	}
	mustAdd(t, n, 5)
	if got, ok := n.TryWait(); got != 5 || !ok {
		t.Errorf("TryWait = %d, %v; want 5, true", got, ok)
	}
	mustAdd(t, n, 7)
	if got := <-c; got != 7 {
		t.Errorf("C gave %d, want 7", got)
	}
}

// A mover shares or exports a private Notifier, and signals through the handle or the eventfd.
type mover struct {
	n     *notify.Notifier
	added *atomic.Uint64
}

func (m mover) export() {
	if fd := m.n.FD(); fd >= 0 && rand.IntN(2) == 0 {
		if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1000)); err == nil {
			m.added.Add(1000)
		}
	}
}

func (m mover) file() {
	if file, err := m.n.File(); err == nil {
		file.Close()
	}
}

func (m mover) handle() {
	for h := m.n.Handle(); h != nil && rand.IntN(4) > 0 && handletest.Signal(h, 7); {
		m.added.Add(7)
	}
}

// The sum is conserved, and no waiter misses a signal, whenever the count moves while it is added to,
// taken and waited for in every way.
func TestExportAtAnyMoment(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	for name, receive := range map[string]func(*notify.Notifier) (uint64, error){
		"Wait": func(n *notify.Notifier) (uint64, error) { return n.Wait(background) },
		"C": func(n *notify.Notifier) (uint64, error) {
			if count, ok := <-n.C(); ok {
				return count, nil
			}
			return 0, os.ErrClosed
		},
		"both": func(n *notify.Notifier) (uint64, error) {
			if rand.IntN(100) == 0 {
				n.C()
			}
			return n.Wait(background)
		},
	} {
		t.Run(name, func(t *testing.T) {
			hammer.For(time.Second, 3, func() { exportAtAnyMoment(t, receive) })
		})
	}
}

func exportAtAnyMoment(t *testing.T, receive func(*notify.Notifier) (uint64, error)) {
	n, err := notify.New()
	if err != nil {
		t.Error(err)
		return
	}
	var added, received atomic.Uint64
	var senders, receivers sync.WaitGroup
	receivers.Go(func() {
		for {
			count, err := receive(n)
			received.Add(count)
			if err != nil {
				return
			}
		}
	})
	receivers.Go(func() { // a waiter that comes and goes
		for {
			ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(50))*time.Microsecond)
			count, err := n.Wait(ctx)
			cancel()
			received.Add(count)
			if errors.Is(err, os.ErrClosed) {
				return
			}
			count, _ = n.TryWait()
			received.Add(count)
		}
	})
	for i := range uint64(2) {
		senders.Go(func() {
			for range 30 {
				mustAdd(t, n, 1+i)
				added.Add(1 + i)
				n.Count()
			}
		})
	}
	senders.Go(func() {
		m := mover{n, &added}
		moves := []func(){m.export, m.file, m.handle, m.handle, m.export}
		rand.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
		for _, move := range moves {
			hammer.Delay(10)
			move()
		}
	})
	senders.Wait()
	hammer.Eventually(t, func() string {
		count, err := n.Count()
		return fmt.Sprintf("added %d, received %d: Count = %d, %v, and %d goroutines wait", added.Load(), received.Load(), count, err, notify.Waiting(n))
	}, func() bool { return received.Load() == added.Load() })
	n.Close()
	receivers.Wait()
	if received.Load() != added.Load() {
		t.Errorf("received %d, added %d", received.Load(), added.Load())
	}
}
