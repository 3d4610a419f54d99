//go:build linux

package eventchan_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/aio"
	"github.com/eventchan/eventchan/internal/testing/child"
	"github.com/eventchan/eventchan/internal/testing/cthread"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
	"golang.org/x/sys/unix"
)

// These tests check that the sum received is the sum sent. Goroutines, raw write(2), a C
// thread, another process and the kernel send concurrently, a million signals in each
// test. The tests differ in which goroutines and processes receive.

// limit is how long a test waits for something that must happen. It is not a
// measure of speed, because the machine can be busy.
const limit = 30 * time.Second

// TestMain runs the tests, or plays the role of a process that a test has started.
func TestMain(m *testing.M) {
	child.Play(nil)
	leaktest.Main(func() int { return mode.Each(mode.AllInCI(), m.Run) })
}

func TestSumIsConservedWhenGoroutinesWait(t *testing.T) {
	c := conserve(t)
	for range 4 {
		c.receiver(c.waitOnly)
	}
	c.run()
}

func TestSumIsConservedWhenWaitersAreCanceled(t *testing.T) {
	c := conserve(t)
	for range 6 {
		c.receiver(c.waitAndCancel)
	}
	c.run()
}

func TestSumIsConservedThroughC(t *testing.T) {
	c := conserve(t)
	for range 2 {
		c.receiver(c.rangeOverC)
	}
	c.run()
}

func TestSumIsConservedWhenAllReceiveAtOnce(t *testing.T) {
	c := conserve(t)
	c.receiver(c.rangeOverC)
	c.receiver(c.selectOnC)
	for range 3 {
		c.receiver(c.waitAndCancel)
	}
	other := *c // a second Notifier on the same count, and other processes
	other.n = twin(t, c.n)
	c.receiver(other.waitAndCancel)
	c.receiver(other.rangeOverC)
	c.also = append(c.also, other.n)
	c.process()
	c.run()
}

// opened returns a function that takes a new Notifier and closes it when the test ends.
func opened(t *testing.T) func(*notify.Notifier, error) *notify.Notifier {
	return func(n *notify.Notifier, err error) *notify.Notifier {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
}

// twin returns another Notifier on n's eventfd.
func twin(t *testing.T, n *notify.Notifier) *notify.Notifier {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(n.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return opened(t)(notify.FromFD(fd))
}

// signals returns how many signals a conservation sends.
func signals() int { return hammer.Rounds(1_000_000) }

// A conservation is one test, with the senders and receivers of one Notifier.
type conservation struct {
	t    *testing.T
	n    *notify.Notifier
	also []*notify.Notifier // others on the same eventfd
	left *notify.Notifier   // takes what no receiver has taken

	sent, received *atomic.Uint64
	progress       chan struct{} // has an element after each receive
	ctx            context.Context
	stop           context.CancelFunc

	receivers *sync.WaitGroup
	processes []*child.Process
}

func conserve(t *testing.T) *conservation {
	c := &conservation{
		t: t, n: opened(t)(mode.Notifier()), progress: make(chan struct{}, 1),
		sent: new(atomic.Uint64), received: new(atomic.Uint64), receivers: new(sync.WaitGroup),
	}
	c.left = twin(t, c.n)
	c.ctx, c.stop = context.WithCancel(context.Background())
	t.Cleanup(c.stop)
	return c
}

// run sends all signals, and then expects that they arrive without further signals.
func (c *conservation) run() {
	t := c.t
	calls := c.send()
	if calls < signals() {
		t.Errorf("%d signals sent, want at least %d", calls, signals())
	}
	deadline := time.After(limit)
	for len(c.processes) == 0 && c.received.Load() != c.sent.Load() {
		select {
		case <-c.progress:
		case <-deadline:
			t.Fatalf("%d received of %d: a wake-up or a count was lost", c.received.Load(), c.sent.Load())
		}
	}
	c.stop()
	for _, n := range append(c.also, c.n) {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	c.receivers.Wait()
	for _, p := range c.processes {
		c.received.Add(p.Finish(t))
	}
	rest, _ := c.left.TryWait()
	if len(c.processes) == 0 && rest != 0 {
		t.Errorf("%d left in the counter, want 0", rest)
	}
	if got, want := c.received.Load()+rest, c.sent.Load(); got != want {
		t.Errorf("%d received, %d sent: difference %d", got, want, int64(got-want))
	}
}

// send starts all senders, waits for them, and returns how many signals they have sent.
func (c *conservation) send() (calls int) {
	share := signals() / 10
	var senders sync.WaitGroup
	sender := func(n int, send func(n int) (sum uint64, err error)) {
		calls += n
		senders.Go(func() {
			sum, err := send(n)
			if err != nil {
				c.t.Error(err)
			}
			c.sent.Add(sum)
		})
	}
	kernel, err := aio.New()
	if err != nil {
		c.t.Fatal(err)
	}
	defer kernel.Close()
	sender(share, c.notify)
	sender(share, c.notify)
	sender(share, c.add)
	sender(2*share, c.write)
	sender(2*share, c.writeFromC)
	sender(2*share, c.writeFromProcess)
	sender(share, func(n int) (uint64, error) { return uint64(n), kernel.Signal(c.n.FD(), n) })
	senders.Wait()
	return calls
}

func (c *conservation) notify(n int) (sum uint64, err error) {
	for range n {
		err = errors.Join(err, c.n.Notify())
	}
	return uint64(n), err
}

func (c *conservation) add(n int) (sum uint64, err error) {
	for range n {
		delta := rand.Uint64N(1000)
		err = errors.Join(err, c.n.Add(delta))
		sum += delta
	}
	return sum, err
}

func (c *conservation) write(n int) (sum uint64, err error) {
	for range n {
		err = errors.Join(err, rawio.Add(c.n.FD(), 1))
	}
	return uint64(n), err
}

func (c *conservation) writeFromC(n int) (sum uint64, err error) {
	thread, err := cthread.Signal(c.n.FD(), n)
	if errors.Is(err, cthread.ErrUnavailable) && os.Getenv("EVENTCHAN_CI") != "1" {
		c.t.Logf("%v: a goroutine writes instead", err)
		return c.write(n)
	}
	if err != nil {
		return 0, err
	}
	_, err = thread.Join()
	return uint64(n), err
}

func (c *conservation) writeFromProcess(n int) (sum uint64, err error) {
	file, err := c.n.File()
	if err != nil {
		return 0, err
	}
	p, err := child.Start("signal", []string{fmt.Sprintf("%s=%d", child.TimesKey, n)}, file)
	if err != nil {
		return 0, err
	}
	return uint64(n), p.Wait()
}

// receiver starts a goroutine that receives, and passes each count to got.
func (c *conservation) receiver(receive func(got func(uint64))) {
	c.receivers.Go(func() {
		receive(func(count uint64) {
			c.received.Add(count)
			select {
			case c.progress <- struct{}{}:
			default:
			}
		})
	})
}

// process starts a process that also receives, with waiters that are canceled.
func (c *conservation) process() {
	file, err := c.n.File()
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := child.Start("receive", nil, file)
	if err != nil {
		c.t.Fatal(err)
	}
	c.processes = append(c.processes, p)
}

// waitOnly never gives up, so that a single lost wake-up makes the test fail.
func (c *conservation) waitOnly(got func(uint64)) {
	for {
		count, err := c.n.Wait(c.ctx)
		if err != nil {
			c.expect(err, context.Canceled, os.ErrClosed)
			return
		}
		got(count)
	}
}

func (c *conservation) waitAndCancel(got func(uint64)) {
	for c.ctx.Err() == nil {
		ctx, cancel := hammer.Cancel(c.ctx)
		count, err := c.n.Wait(ctx)
		cancel()
		if err == nil {
			got(count)
			continue
		}
		c.expect(err, context.Canceled, os.ErrClosed)
		if count != 0 {
			c.t.Errorf("a failed Wait returned count %d", count)
		}
		if count, ok := c.n.TryWait(); ok {
			got(count)
		}
	}
}

// rangeOverC is sometimes slow, so that counts merge in the buffer.
func (c *conservation) rangeOverC(got func(uint64)) {
	for count := range c.n.C() {
		got(count)
		hammer.Delay(20)
	}
}

// selectOnC stops long before the last signal. Other receivers take the rest.
func (c *conservation) selectOnC(got func(uint64)) {
	for range 1000 {
		select {
		case count, ok := <-c.n.C():
			if !ok {
				return
			}
			got(count)
		case <-c.ctx.Done():
		}
	}
}

func (c *conservation) expect(err error, wants ...error) {
	for _, want := range wants {
		if errors.Is(err, want) {
			return
		}
	}
	c.t.Errorf("got error %v, want one of %v", err, wants)
}
