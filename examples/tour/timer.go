//go:build linux

package main

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

const interval = 50 * time.Millisecond

// A kernelTimer is a descriptor of timerfd_create(2). The program owns it: the Watcher
// neither reads nor closes it.
type kernelTimer struct {
	*source
	fd    int
	began time.Time
}

func startTimer() *kernelTimer {
	t := &kernelTimer{began: time.Now()}
	t.fd = must(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC))
	every := unix.NsecToTimespec(interval.Nanoseconds())
	check(unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil))
	t.source = newSource("timer", 5,
		"a timerfd, descriptor %d, becomes readable every %v", t.fd, interval)
	t.atLeast = true
	return t
}

// expirations reads how often the timer has expired since it was last read. The
// event says only that there is something to read.
func (t *kernelTimer) expirations() uint64 {
	var count [8]byte
	_, err := unix.Read(t.fd, count[:])
	if err == unix.EAGAIN {
		return 0
	}
	check(err)
	n := binary.NativeEndian.Uint64(count[:])
	early := time.Since(t.began) < time.Duration(t.arrived+n)*interval
	t.expect(!early, "it came too early")
	return n
}
