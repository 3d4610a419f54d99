package notify_test

import (
	"math/big"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

func TestCIsTheSameChannelWithABufferOfOne(t *testing.T) {
	n := mustNew(t)
	if c := n.C(); c != n.C() || cap(c) != 1 {
		t.Errorf("C has a buffer of %d, want 1 and the same channel each time", cap(c))
	}
}

func TestCHoldsWhatWasPending(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 6)
	select {
	case got := <-n.C():
		if got != 6 {
			t.Errorf("C gave %d, want 6", got)
		}
	default:
		t.Error("C is empty, want the 6 that was pending when C was called")
	}
}

// A late receiver gets the sum of all counts that have come since the last receive.
func TestSlowReceiverLosesNothing(t *testing.T) { eachWay(t, slowReceiverLosesNothing) }

func slowReceiverLosesNothing(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	c := n.C()
	for i := uint64(1); i <= 100; i++ {
		add(t, n, i)
		untilTaken(t, n) // then it is in the buffer
	}
	if got := <-c; got != 5050 {
		t.Errorf("C gave %d, want 5050", got)
	}
}

func TestWaitTakesWhatCHolds(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 2)
	n.C()
	wantWait(t, n, 2)
	mustAdd(t, n, 3)
	wantWait(t, n, 3)
	select {
	case got := <-n.C():
		t.Errorf("C gave %d, want nothing", got)
	default:
	}
}

// TryWait finds every count that was added, even while the count is on its way to C.
func TestTryWaitSeesWhatIsOnItsWayToC(t *testing.T) { eachWay(t, tryWaitSeesWhatIsOnItsWayToC) }

func tryWaitSeesWhatIsOnItsWayToC(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	n.C()
	for round := range 20000 {
		add(t, n, 3)
		if got, ok := n.TryWait(); got != 3 || !ok {
			t.Fatalf("round %d: TryWait = %d, %v; want 3, true", round, got, ok)
		}
	}
}

// That also holds if it is on its way because C is called for the first time.
func TestTryWaitBesideTheFirstC(t *testing.T) {
	hammer.For(2*time.Second, 1, func() {
		n, err := mode.Notifier()
		if err != nil {
			t.Error(err)
			return
		}
		defer n.Close()
		mustAdd(t, n, 5)
		var begun atomic.Bool
		done := make(chan struct{})
		go func() {
			begun.Store(true)
			n.C()
			close(done)
		}()
		for !begun.Load() {
			hammer.Yield()
		}
		if got, ok := n.TryWait(); got != 5 || !ok {
			t.Errorf("TryWait = %d, %v; want 5, true", got, ok)
		}
		<-done
	})
}

func TestTakingWhatCHoldsAndMoreInPieces(t *testing.T) { ofAnySize(t, takingWhatCHoldsAndMoreInPieces) }

func takingWhatCHoldsAndMoreInPieces(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	n.C()
	move(t, n, notify.MaxCount, add)
	move(t, n, notify.MaxCount-1, add) // goes to the goroutine of spill
	add(t, n, notify.MaxCount-2)
	sum := new(big.Int)
	for range 3 {
		got, err := n.Wait(background)
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(sum, new(big.Int).SetUint64(got))
	}
	want := new(big.Int).SetUint64(notify.MaxCount)
	want.Mul(want, big.NewInt(3)).Sub(want, big.NewInt(3))
	if sum.Cmp(want) != 0 {
		t.Errorf("Wait returned %v in total, want %v", sum, want)
	}
}

// A piece that gets room in the buffer when everything else has been taken is delivered.
func TestWaitTakesThePieceThatHadNoRoom(t *testing.T) { ofAnySize(t, waitTakesThePieceThatHadNoRoom) }

func waitTakesThePieceThatHadNoRoom(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	rounds := 500
	if testing.Short() {
		rounds = 50
	}
	for range rounds {
		n := mustNew(t)
		n.C()
		move(t, n, notify.MaxCount, add)
		move(t, n, notify.MaxCount-1, add)
		first, _ := n.Wait(background)
		second, _ := n.Wait(background)
		if min(first, second) != notify.MaxCount-1 || max(first, second) != notify.MaxCount {
			t.Fatalf("Wait = %d, then %d; want MaxCount and one less", first, second)
		}
		n.Close()
	}
}

func TestCloseDeliversThroughC(t *testing.T) { eachWay(t, closeDeliversThroughC) }

func closeDeliversThroughC(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	c := n.C()
	add(t, n, 2)
	add(t, n, 5)
	n.Close()
	sum := uint64(0)
	for got := range c {
		sum += got
	}
	if sum != 7 {
		t.Errorf("C gave %d before it was closed, want 7", sum)
	}
}

// pieces adds up the values that C gives until the sum is want or C is closed.
func pieces(t *testing.T, c <-chan uint64, want *big.Int) {
	t.Helper()
	sum := new(big.Int)
	for sum.Cmp(want) < 0 {
		got, ok := <-c
		if !ok {
			break
		}
		sum.Add(sum, new(big.Int).SetUint64(got))
	}
	if sum.Cmp(want) != 0 {
		t.Errorf("C gave %v in total, want %v", sum, want)
	}
}

// untilTaken waits until no count is pending, because C's buffer or a goroutine has it.
func untilTaken(t *testing.T, n *notify.Notifier) {
	t.Helper()
	for {
		count, err := n.Count()
		hammer.Counted(t, err)
		switch {
		case err != nil:
			t.Fatal(err)
		case count == 0:
			return
		}
		hammer.Pause()
	}
}

// move adds a count and waits until it is not pending any more.
func move(t *testing.T, n *notify.Notifier, delta uint64, add func(testing.TB, *notify.Notifier, uint64)) {
	t.Helper()
	add(t, n, delta)
	untilTaken(t, n)
}

func TestSumThatNoUint64HoldsComesInPieces(t *testing.T) {
	ofAnySize(t, sumThatNoUint64HoldsComesInPieces)
}

func sumThatNoUint64HoldsComesInPieces(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	c := n.C()
	move(t, n, notify.MaxCount, add)
	move(t, n, notify.MaxCount-1, add) // does not fit in the buffer
	add(t, n, notify.MaxCount-2)       // does not fit either, and stays pending
	wantCount(t, n, notify.MaxCount-2)
	want := new(big.Int).SetUint64(notify.MaxCount)
	want.Mul(want, big.NewInt(3)).Sub(want, big.NewInt(3))
	pieces(t, c, want)
	mustAdd(t, n, 4) // C then works as before
	if got := <-c; got != 4 {
		t.Errorf("C gave %d, want 4", got)
	}
}

func TestCloseDeliversAllPieces(t *testing.T) { ofAnySize(t, closeDeliversAllPieces) }

func closeDeliversAllPieces(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	for name, before := range map[string][]uint64{
		"none in the buffer": {},
		"buffer full":        {notify.MaxCount},
		"one piece spilling": {notify.MaxCount, notify.MaxCount - 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			c := n.C()
			want := new(big.Int).SetUint64(notify.MaxCount - 2)
			for _, delta := range before {
				move(t, n, delta, add)
				want.Add(want, new(big.Int).SetUint64(delta))
			}
			add(t, n, notify.MaxCount-2)
			n.Close()
			pieces(t, c, want)
			if got, ok := <-c; ok {
				t.Errorf("C gave %d more, want it closed", got)
			}
		})
	}
}

// TryWait finds what was added while a piece waited for room in C's buffer, even if the goroutine that has sent
// that piece has not run since.
func TestTryWaitFindsWhatCameAfterThePieces(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	n := mustNew(t)
	c := n.C()
	mustAdd(t, n, notify.MaxCount)
	mustAdd(t, n, notify.MaxCount)
	for range 10 {
		runtime.Gosched() // the goroutine waits for room
	}
	mustAdd(t, n, 5)
	for range 2 {
		if got := <-c; got != notify.MaxCount {
			t.Errorf("C gave %d, want MaxCount", got)
		}
	}
	if got, ok := n.TryWait(); got != 5 || !ok {
		t.Errorf("TryWait = %d, %v; want 5", got, ok)
	}
}
