package bridge_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

func TestWaitThatDoesNotBlockDoesNotAllocate(t *testing.T) {
	p := newTube(t)
	p.write(t)
	w := mustWatch(t, p.r, bridge.Readable)
	if got := testing.AllocsPerRun(1000, func() { w.Wait(background) }); got != 0 {
		t.Errorf("Wait allocates %v times, want none", got)
	}
}

// BenchmarkEvent measures one byte through a pipe to a goroutine that waits for it.
func BenchmarkEvent(b *testing.B) {
	one := make([]byte, 1)
	b.Run("Watcher.C", func(b *testing.B) {
		p := newTube(b)
		w := mustWatch(b, p.r, bridge.Readable)
		for b.Loop() {
			unix.Write(p.w, one)
			<-w.C()
			unix.Read(p.r, one)
		}
	})
	b.Run("Watcher.Wait", func(b *testing.B) {
		p := newTube(b)
		w := mustWatch(b, p.r, bridge.Readable)
		for b.Loop() {
			unix.Write(p.w, one)
			w.Wait(background)
			unix.Read(p.r, one)
		}
	})
	b.Run("os.File and a goroutine", func(b *testing.B) {
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		c := make(chan struct{})
		go func() {
			buf := make([]byte, 1)
			for {
				if _, err := r.Read(buf); err != nil {
					return
				}
				c <- struct{}{}
			}
		}()
		for b.Loop() {
			w.Write(one)
			<-c
		}
		w.Close()
	})
}
