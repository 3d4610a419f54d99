// Package device speaks to /dev/eventchan, the device of the kernel module in ../module.
//
// It is the ioctl interface of ../module/eventchan.h in Go and nothing more: what an eventfd is for, and
// how Go waits for it, is the business of the packages notify, semaphore and bridge, whose FD methods give
// the numbers that Attach and Listen take.
package device

// Path is where the module's device appears once it is loaded.
const Path = "/dev/eventchan"

// Source is the kind of place in the kernel that signals come from.
type Source uint32

// The three places, as EVENTCHAN_FROM_* in eventchan.h.
const (
	Caller Source = iota // in the system call that asks for the signals
	Thread               // a kernel thread, in the background
	Timer                // an hrtimer's callback, in interrupt context
)

// MinPeriod is the shortest time between two signals from Timer, in microseconds.
const MinPeriod = 5

// Forever is a count that no sender comes to the end of.
const Forever = 1<<64 - 1

// NoReply, as the second argument of Listen, makes the module count and not answer.
const NoReply = -1

// Stats is struct eventchan_stats: what the module did for one open device.
type Stats struct {
	Sent     uint64 // signals given to the attached eventfd
	SentIRQ  uint64 // those of them from interrupt context
	Received uint64 // sum of the counts taken from the eventfd listened to
	Wakeups  uint64 // how often the listener was woken for them
	Replied  uint64 // signals given to the reply eventfd
	Hangups  uint64 // 1 once user space has closed the eventfd listened to
}

// request and its fields are struct eventchan_signal and struct eventchan_listen.
type (
	signalRequest struct {
		count    uint64
		from     Source
		periodUS uint32
	}
	listenRequest struct{ fd, reply int32 }
)
