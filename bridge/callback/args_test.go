//go:build cgo && unix && (amd64 || arm64 || loong64 || riscv64)

package callback_test

import (
	"testing"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/notify"
)

// The C function finds the handle at any position among the arguments of a callback. It
// returns 0, even after Close.
func TestSignalAtEachArgument(t *testing.T) {
	for i, shape := range chandle.Shapes {
		t.Run(shape.Type, func(t *testing.T) {
			n, err := notify.New()
			if err != nil {
				t.Fatal(err)
			}
			function, handle := callback.SignalAt(shape.Handle), n.Handle()
			if result := chandle.CallShape(i, function, handle); result != 0 {
				t.Errorf("the function returned %d, want 0", result)
			}
			if count, _ := n.TryWait(); count != 1 {
				t.Errorf("%d signals arrived, want 1", count)
			}
			n.Close()
			if result := chandle.CallShape(i, function, handle); result != 0 {
				t.Errorf("the function returned %d after Close, want 0", result)
			}
		})
	}
}

// All integer and pointer arguments are received as one value, in the order of the
// callback's type.
func TestSendAtEachArgument(t *testing.T) {
	for i, shape := range chandle.Shapes {
		t.Run(shape.Type, func(t *testing.T) {
			q, err := queue.New[callback.Args](1)
			if err != nil {
				t.Fatal(err)
			}
			function, handle := callback.SendAt(shape.Handle), q.Handle()
			for range 2 { // the second finds the queue full
				if result := chandle.CallShape(i, function, handle); result != 0 {
					t.Errorf("the function returned %d, want 0", result)
				}
			}
			if got := q.Refused(); got != 1 {
				t.Errorf("Refused = %d, want 1", got)
			}
			args, ok := q.TryReceive()
			if !ok || args[shape.Handle] != uintptr(handle) {
				t.Fatalf("received %#x, %v; want the handle %p as argument %d", args, ok, handle, shape.Handle)
			}
			for k, want := range shape.Args {
				got := uint64(args[k])
				if width, narrow := shape.Width[k]; narrow {
					got &= 1<<width - 1
				}
				if got != want {
					t.Errorf("argument %d = %#x, want %#x", k, got, want)
				}
			}
			q.Close()
			if result := chandle.CallShape(i, function, handle); result != 0 {
				t.Errorf("the function returned %d after Close, want 0", result)
			}
		})
	}
}

// An argument number that is out of range panics.
func TestNoSuchArgument(t *testing.T) {
	for _, i := range []int{-1, 6} {
		for name, at := range map[string]func(int){
			"SignalAt": func(i int) { callback.SignalAt(i) }, "SendAt": func(i int) { callback.SendAt(i) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s(%d) does not panic", name, i)
					}
				}()
				at(i)
			}()
		}
	}
}
