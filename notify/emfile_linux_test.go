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

	"github.com/eventchan/eventchan/internal/testing/mode"
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

// If the runtime has never polled and finds no descriptors for its own poller, it ends the process. The
// package must not let that happen.
func TestOutOfDescriptorsBeforeTheRuntimeHasPolled(t *testing.T) {
	if !mode.First() {
		return
	}
	for _, role := range []string{"emfile", "emfile C"} {
		t.Run(role, func(t *testing.T) { runRole(t, role) })
	}
}

// If the runtime has polled, a call needs only the descriptors of its own.
func TestFewDescriptorsOnceTheRuntimeHasPolled(t *testing.T) {
	if !mode.First() {
		return
	}
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

// channelsWithoutDescriptors calls C when neither the package's poller can be opened nor the runtime's,
// which a timer would need. C is served once descriptors are free.
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

// fewDescriptorsWhileGoPolls makes a call that needs one descriptor while two are free, Go's poller is
// already running, and this library has not polled yet. The call succeeds.
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
		exitIf(errors.New("Handle is nil, but descriptors are free again"))
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

// If the export fails, the Notifier keeps working as before.
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
		t.Error("Handle = nil, but the doorbell is open and a handle needs no other descriptor")
	}
	wantWait(t, n, 3)
	if fd := n.FD(); fd < 0 {
		t.Errorf("FD = %d, but descriptors are free again", fd)
	}
}

// If the poller cannot be opened, Wait returns the error. C, which cannot return an error, tries again.
func TestOutOfDescriptorsForThePoller(t *testing.T) {
	n, m := mustNew(t), mustNew(t)
	n.FD() // only exported Notifiers need the poller
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
