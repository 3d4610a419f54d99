package notify_test

import (
	"os"
	"testing"
)

func BenchmarkSignal(b *testing.B) {
	b.Run("Notifier", func(b *testing.B) {
		n := mustNew(b)
		b.ReportAllocs()
		for b.Loop() {
			n.Notify()
			n.TryWait()
		}
	})
	b.Run("chan", func(b *testing.B) {
		c := make(chan struct{}, 1)
		b.ReportAllocs()
		for b.Loop() {
			c <- struct{}{}
			<-c
		}
	})
	b.Run("os.Pipe", func(b *testing.B) {
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		buf := make([]byte, 1)
		b.ReportAllocs()
		for b.Loop() {
			w.Write(buf)
			r.Read(buf)
		}
	})
}

// A round trip wakes a waiting goroutine twice.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("Wait", func(b *testing.B) {
		there, back := mustNew(b), mustNew(b)
		go func() {
			for {
				if _, err := there.Wait(background); err != nil {
					return
				}
				back.Notify()
			}
		}()
		for b.Loop() {
			there.Notify()
			back.Wait(background)
		}
	})
	b.Run("C", func(b *testing.B) {
		there, back := mustNew(b), mustNew(b)
		go func() {
			for range there.C() {
				back.Notify()
			}
		}()
		for b.Loop() {
			there.Notify()
			<-back.C()
		}
	})
	b.Run("os.Pipe", func(b *testing.B) { pipeRoundTrip(b) })
	b.Run("chan", func(b *testing.B) {
		there, back := make(chan struct{}), make(chan struct{})
		go func() {
			for range there {
				back <- struct{}{}
			}
		}()
		for b.Loop() {
			there <- struct{}{}
			<-back
		}
		close(there)
	})
}

func pipeRoundTrip(b *testing.B) {
	var p [4]*os.File
	for i := 0; i < 4; i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		p[i], p[i+1] = r, w
		defer r.Close()
		defer w.Close()
	}
	go func() {
		buf := make([]byte, 1)
		for {
			if _, err := p[0].Read(buf); err != nil {
				return
			}
			p[3].Write(buf)
		}
	}()
	buf := make([]byte, 1)
	for b.Loop() {
		p[1].Write(buf)
		p[2].Read(buf)
	}
}
