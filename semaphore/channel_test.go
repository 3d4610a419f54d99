package semaphore_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

func TestCIsTheSameChannel(t *testing.T) {
	s := mustNew(t, 0)
	if first := s.C(); first != s.C() {
		t.Error("C is another channel the second time")
	}
}

func TestEachReceiveIsAPermit(t *testing.T) { eachWay(t, eachReceiveIsAPermit) }

func eachReceiveIsAPermit(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 3)
	c := s.C()
	for range 3 {
		<-c
	}
	wantCount(t, s, 0)
	release(s, 2)
	<-c
	<-c
	wantCount(t, s, 0)
}

// C takes its turn among the goroutines that are waiting, if it has a receiver.
func TestCIsServedInOrder(t *testing.T) { eachWay(t, cIsServedInOrder) }

func cIsServedInOrder(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	crowd := newCrowd(s)
	first := crowd.join(background, 2)
	c := s.C()
	second := crowd.join(background, 1)
	release(s, 1)
	wantTry(t, s, 1, false)
	release(s, 1)
	crowd.want(t, first, nil)
	received := make(chan struct{})
	go func() { <-c; close(received) }()
	for !blockedInReceive() {
		runtime.Gosched()
	}
	release(s, 1)
	<-received
	release(s, 1)
	crowd.want(t, second, nil)
}

// After Close has returned no permit is received, neither from a goroutine that was about to
// reserve one nor from the poller that was about to serve C.
func TestNoPermitAfterClose(t *testing.T) { eachWay(t, noPermitAfterClose) }

func noPermitAfterClose(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	rounds := 20000
	if !hammer.InCI() {
		rounds = 2000
	}
	for i := range hammer.Rounds(rounds) {
		s := mustNew(t, int64(i%2))
		c := s.C()
		if i%2 == 0 {
			release(s, 1)
		}
		for range i % 32 {
			runtime.Gosched()
		}
		s.Close()
		if _, ok := <-c; ok {
			t.Fatal("C gave a permit after Close")
		}
	}
}

// blockedInReceive reports whether a goroutine of cIsServedInOrder is blocked in a
// receive.
func blockedInReceive() bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(stack, "cIsServedInOrder.func") && strings.Contains(stack, "[chan receive") {
			return true
		}
	}
	return false
}
