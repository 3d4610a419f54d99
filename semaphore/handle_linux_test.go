package semaphore_test

import (
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/semaphore"
)

// The state word and the eventfd act as one number of permits, whichever of the two is made
// first.
func TestReleaseThroughHandleReachesTheDescriptor(t *testing.T) {
	for name, share := range map[string]func(*semaphore.Semaphore) (unsafe.Pointer, int){
		"Handle first": func(s *semaphore.Semaphore) (unsafe.Pointer, int) { h := s.Handle(); return h, s.FD() },
		"FD first":     func(s *semaphore.Semaphore) (unsafe.Pointer, int) { fd := s.FD(); return s.Handle(), fd },
	} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, 0)
			h, fd := share(s)
			for range 50 { // each time the owner must set Ring again
				handletest.Signal(h, 2)
				fetch(t, fd)
				fetch(t, fd)
			}
			handletest.Signal(h, 3)
			s.Release(4)
			wantCount(t, s, 7)
			wantTry(t, s, 7, true)
			c := newCrowd(s)
			c.join(background, 1)
			c.join(background, 3)
			handletest.Signal(h, 1)
			c.want(t, 0, nil)
			handletest.Signal(h, 3)
			c.want(t, 1, nil)
			permits := s.C()
			handletest.Signal(h, 1)
			<-permits
		})
	}
}

// A goroutine that is waiting when the permits move gets permits from the new place.
func TestWaitersFollowAMove(t *testing.T) {
	for name, from := range map[string]func(*semaphore.Semaphore){
		"Handle": func(s *semaphore.Semaphore) { handletest.Signal(s.Handle(), 2) },
		"FD":     func(s *semaphore.Semaphore) { write(s, 2) },
		"Handle and FD": func(s *semaphore.Semaphore) {
			h := s.Handle()
			s.FD()
			handletest.Signal(h, 2)
		},
		"FD and Handle":    func(s *semaphore.Semaphore) { s.FD(); handletest.Signal(s.Handle(), 2) },
		"Handle and write": func(s *semaphore.Semaphore) { s.Handle(); write(s, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int64{1, 2} {
				s := mustNew(t, 0)
				c := newCrowd(s)
				c.join(background, n)
				from(s)
				c.want(t, 0, nil)
			}
			s := mustNew(t, 0)
			permits := s.C()
			from(s)
			<-permits
		})
	}
}
