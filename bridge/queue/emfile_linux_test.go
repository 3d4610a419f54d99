package queue_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
)

func init() { roles["emfile"] = outOfDescriptors }

// If Handle fails because no descriptor is available for the doorbell, the queue keeps
// working as before.
func TestOutOfDescriptorsForTheDoorbell(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), roleKey+"=emfile")
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func outOfDescriptors() {
	q, err := queue.New[int64](4)
	exitIf(err)
	exitIf(q.Send(1))
	exitIf(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}))
	var filler []int
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		filler = append(filler, fd)
	}
	if q.Handle() != nil {
		exitIf(errors.New("Handle is not nil without a descriptor"))
	}
	if got := q.String(); got != "Queue(private)" {
		exitIf(fmt.Errorf("String = %q, want Queue(private)", got))
	}
	exitIf(q.Send(2))
	exitUnless(q, 1)
	for _, fd := range filler {
		unix.Close(fd)
	}
	exitIf(sendAsC(q, 3))
	exitUnless(q, 2)
	exitUnless(q, 3)
}

func exitUnless(q *queue.Queue[int64], want int64) {
	if got, err := q.Receive(background); got != want || err != nil {
		exitIf(fmt.Errorf("Receive = %d, %v; want %d", got, err, want))
	}
}

func exitIf(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
