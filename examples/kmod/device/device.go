// Package device uses /dev/eventchan, the device of the kernel module in ../module.
//
// It is only the ioctl interface of ../module/eventchan.h in Go. The packages notify, semaphore and bridge
// wait for eventfds; their FD methods return the numbers that Attach and Listen take.
package device

// Path is where the module's device appears once it is loaded.
const Path = "/dev/eventchan"

// Source is the kind of place in the kernel from which signals come.
type Source uint32

// The three places, EVENTCHAN_FROM_* in eventchan.h.
const (
	Caller Source = iota // in the system call that asks for the signals
	Thread               // in a kernel thread, in the background
	Timer                // in an hrtimer's callback, in interrupt context
)

// MinPeriod is the shortest time between two signals from Timer, in microseconds.
const MinPeriod = 5

// Forever is a count of which no sender reaches the end.
const Forever = 1<<64 - 1

// NoReply, as the second argument of Listen, makes the module count without answering.
const NoReply = -1

// Stats is struct eventchan_stats: what the module has done for one open device.
type Stats struct {
	Sent     uint64 // signals given to the attached eventfd
	SentIRQ  uint64 // how many of them were given in interrupt context
	Received uint64 // sum of the counts taken from the eventfd that is listened to
	Wakeups  uint64 // how often the listener was woken for them
	Replied  uint64 // signals given to the reply eventfd
	Hangups  uint64 // 1 once user space has closed the eventfd that is listened to
}

// These are struct eventchan_signal and struct eventchan_listen.
type (
	signalRequest struct {
		count    uint64
		from     Source
		periodUS uint32
	}
	listenRequest struct{ fd, reply int32 }
)
