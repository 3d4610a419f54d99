package notify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

func init() {
	roles["emfile"] = outOfDescriptors
	roles["emfile C"] = channelsWithoutDescriptors
	for name, call := range firstCalls {
		roles["emfile, Go polls, "+name] = func() { fewDescriptorsWhileGoPolls(call) }
	}
}

// The runtime of a process that has never polled ends the process if it has no
// descriptors for its own poller. It must not come to that.
func TestOutOfDescriptorsBeforeTheRuntimeHasPolled(t *testing.T) {
	for _, role := range []string{"emfile", "emfile C"} {
		t.Run(role, func(t *testing.T) { runRole(t, role) })
	}
}

// Where it has polled, the room for its poller is not needed beside that for the call.
func TestFewDescriptorsOnceTheRuntimeHasPolled(t *testing.T) {
	for name := range firstCalls {
		t.Run(name, func(t *testing.T) { runRole(t, "emfile, Go polls, "+name) })
	}
}

func runRole(t *testing.T, role string) {
	t.Helper()
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), roleKey+"="+role)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// channelsWithoutDescriptors calls C where the poller cannot be opened. Nor can the
// runtime's, which a timer would need. C is served once there is room.
func channelsWithoutDescriptors() {
	n, err := notify.New()
	exitIf(err)
	s, err := semaphore.New(0)
	exitIf(err)
	forN, forS := n.FD(), s.FD()
	filler := fillUp()
	counts, permits := n.C(), s.C()
	for _, fd := range []int{forN, forS} {
		if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1)); err != nil {
			exitIf(err)
		}
	}
	wait := unix.NsecToTimespec(50e6) // a few retries
	exitIf(unix.Nanosleep(&wait, nil))
	for _, fd := range filler {
		unix.Close(fd)
	}
	if got := <-counts; got != 1 {
		exitIf(fmt.Errorf("Notifier.C gave %d, want 1", got))
	}
	<-permits
}

// firstCalls are calls that need one descriptor.
var firstCalls = map[string]func(*notify.Notifier) error{
	"File": func(n *notify.Notifier) error {
		file, err := n.File()
		if err != nil {
			return err
		}
		return file.Close()
	},
	"Handle": func(n *notify.Notifier) error {
		if n.Handle() == nil {
			return errors.New("it is nil")
		}
		return nil
	},
	"Wait": func(n *notify.Notifier) error {
		ctx, cancel := context.WithTimeout(background, time.Millisecond)
		defer cancel()
		if _, err := n.Wait(ctx); err != context.DeadlineExceeded {
			return err
		}
		return nil
	},
}

// fewDescriptorsWhileGoPolls has two descriptors free, where Go's poller runs already and
// this library has polled nothing yet. A call that needs one succeeds.
func fewDescriptorsWhileGoPolls(call func(*notify.Notifier) error) {
	time.AfterFunc(time.Hour, func() {}).Stop() // which starts the poller
	n, err := notify.New()
	exitIf(err)
	n.FD()
	filler := fillUp()
	unix.Close(filler[0])
	unix.Close(filler[1])
	exitIf(call(n))
}

// fillUp leaves no descriptor free.
func fillUp() (filler []int) {
	exitIf(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}))
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			return filler
		}
		filler = append(filler, fd)
	}
}

func outOfDescriptors() {
	var own []*notify.Notifier
	for range 3 {
		n, err := notify.New()
		exitIf(err)
		n.FD()
		own = append(own, n)
	}
	filler := fillUp()
	for free := range 3 {
		_, err := own[free].Wait(background)
		exitUnless(free, "Wait", err)
		_, err = own[free].File()
		exitUnless(free, "File", err)
		if own[free].Handle() != nil {
			exitIf(fmt.Errorf("with %d descriptors free Handle is not nil", free))
		}
		unix.Close(filler[free])
	}
	for _, fd := range filler[3:] {
		unix.Close(fd)
	}
	if own[0].Handle() == nil {
		exitIf(errors.New("Handle is nil though there are descriptors again"))
	}
}

func exitUnless(free int, what string, err error) {
	if !errors.Is(err, unix.EMFILE) {
		exitIf(fmt.Errorf("with %d descriptors free %s = %v, want EMFILE", free, what, err))
	}
}

func exitIf(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// Who cannot be shared goes on as before.
func TestOutOfDescriptorsForTheEventfd(t *testing.T) {
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	mustAdd(t, n, 3)
	giveBack := noDescriptors(t)
	_, err = n.File()
	fd, handle := n.FD(), n.Handle()
	giveBack()
	var call *os.SyscallError
	if !errors.As(err, &call) || call.Syscall != "eventfd2" || call.Err != unix.EMFILE {
		t.Errorf("File = %v, want EMFILE from eventfd2", err)
	}
	if fd != -1 {
		t.Errorf("FD = %d, want -1", fd)
	}
	if handle == nil {
		t.Error("Handle = nil, though the doorbell is open and no other descriptor is needed")
	}
	wantWait(t, n, 3)
	if fd := n.FD(); fd < 0 {
		t.Errorf("FD = %d when there are descriptors again", fd)
	}
}

// A Wait that cannot wait says so; C has nobody to tell and tries again.
func TestOutOfDescriptorsForThePoller(t *testing.T) {
	n, m := mustNew(t), mustNew(t)
	n.FD() // private or with a handle they need no poller
	m.FD()
	giveBack := noDescriptors(t)
	_, err := n.Wait(background)
	c := m.C()
	giveBack()
	wantIs(t, "Wait", err, unix.EMFILE)
	mustAdd(t, m, 5)
	if got := <-c; got != 5 {
		t.Errorf("C gave %d, want 5", got)
	}
}
