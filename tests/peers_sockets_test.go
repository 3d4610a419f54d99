//go:build linux

package tests

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/rawio"
)

// socketPair returns the two ends of a non-blocking stream.
func socketPair(t testing.TB) (a, b int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
	return ends[0], ends[1]
}

// libuv, poll_duplex and poll_unidirectional.
func TestHalfClosedSocketIsPeerClosedAndStillWritable(t *testing.T) {
	here, there := socketPair(t)
	w := watch(t, here, bridge.Readable|bridge.Writable|bridge.PeerClosed)
	if got, _ := receive(t, w.C()); got != bridge.Writable {
		t.Errorf("an idle socket: got %v, want Writable", got)
	}
	if err := unix.Shutdown(there, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	want := bridge.Readable | bridge.Writable | bridge.PeerClosed
	if got, _ := receive(t, w.C()); got != want {
		t.Errorf("the peer shut down its side: got %v, want %v", got, want)
	}
	if _, err := unix.Write(here, []byte("x")); err != nil {
		t.Errorf("the other direction: %v", err)
	}
	if err := unix.Shutdown(here, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Wait(soon(t)); got&bridge.HangUp == 0 || err != nil {
		t.Errorf("both sides shut down: got %v, %v, want HangUp among them", got, err)
	}
}

// libuv, poll_oob.
func TestOutOfBandDataIsPriority(t *testing.T) {
	here, there := tcpPair(t)
	w := watch(t, here, bridge.Priority)
	quiet(t)
	nothing(t, w.C())
	if err := unix.Send(there, []byte("!"), unix.MSG_OOB); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, w.C()); got != bridge.Priority {
		t.Errorf("C: got %v, want Priority", got)
	}
	if got, err := w.Wait(soon(t)); got != bridge.Priority || err != nil {
		t.Errorf("Wait: got %v, %v, want Priority", got, err)
	}
	buf := make([]byte, 1)
	if _, _, err := unix.Recvfrom(here, buf, unix.MSG_OOB); err != nil || buf[0] != '!' {
		t.Errorf("the data: got %q, %v", buf, err)
	}
}

// tcpPair returns the two ends of a connection over the loopback device.
func tcpPair(t testing.TB) (a, b int) {
	t.Helper()
	open := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	listener, dialler := open(), open()
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		lacks(t, "no loopback device: %v", err)
	}
	if err := unix.Listen(listener, 1); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(dialler, address); err != nil {
		lacks(t, "no loopback device: %v", err)
	}
	accepted, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(accepted) })
	return accepted, dialler
}

// cloudwego/netpoll: the number of a closed connection is immediately reused.
func TestReusedNumberIsAnotherDescriptor(t *testing.T) {
	old, oldPeer := socketPair(t)
	stale := watch(t, old, bridge.Readable)
	kept := duplicate(t, old) // keeps the registration after old is closed
	defer unix.Close(kept)
	fresh := eventfd(t, 0, unix.EFD_NONBLOCK)
	if err := unix.Dup3(fresh, old, unix.O_CLOEXEC); err != nil { // closes old
		t.Fatal(err)
	}
	w := watch(t, old, bridge.Readable)
	if _, err := unix.Write(oldPeer, []byte("for the old one")); err != nil {
		t.Fatal(err)
	}
	quiet(t)
	nothing(t, w.C())
	if got, _ := receive(t, stale.C()); got != bridge.Readable { // through the duplicate
		t.Errorf("the old one: got %v, want Readable", got)
	}
	if err := rawio.Add(fresh, 1); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, w.C()); got != bridge.Readable {
		t.Errorf("the new one: got %v, want Readable", got)
	}
	quiet(t)
	nothing(t, stale.C())
	if _, err := stale.Wait(soon(t)); err == nil {
		t.Error("Wait on the old one succeeded, through the file to which its number refers now")
	}
	if err := stale.Close(); err != nil {
		t.Errorf("Close after the owner has closed the descriptor: %v", err)
	}
	if got, err := w.Wait(soon(t)); got != bridge.Readable || err != nil {
		t.Errorf("the new one, after the old one's Close: got %v, %v, want Readable", got, err)
	}
}
