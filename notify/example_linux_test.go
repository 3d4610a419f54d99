package notify_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
)

// C code adds to the count with write(2): uint64_t k = 3; write(fd, &k, sizeof k);
func ExampleNotifier_FD() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	k := binary.NativeEndian.AppendUint64(nil, 3)
	if _, err := unix.Write(n.FD(), k); err != nil {
		log.Fatal(err)
	}
	fmt.Println(n.Wait(context.Background()))
	// Output: 3 <nil>
}

// A child process signals by writing 8 bytes to the descriptor that it inherits.
func ExampleNotifier_File() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	file, err := n.File()
	if err != nil {
		log.Fatal(err)
	}
	child := exec.Command("sh", "-c", `printf '\3\0\0\0\0\0\0\3' >&3`)
	child.ExtraFiles = []*os.File{file} // descriptor 3 of the child
	err = child.Run()
	file.Close()
	if err != nil {
		log.Fatal(err)
	}
	// The first and the last byte are 3, so the number is the same in either byte order.
	fmt.Println(<-n.C() == 3|3<<56)
	// Output: true
}

// A Notifier takes over an eventfd that other code has made.
func ExampleFromFD() {
	fd, err := unix.Eventfd(5, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) // in counting mode, with count 5
	if err != nil {
		log.Fatal(err)
	}
	n, err := notify.FromFD(fd)
	if err != nil {
		unix.Close(fd) // on error the caller still owns fd
		log.Fatal(err)
	}
	defer n.Close() // closes fd
	fmt.Println(n.Wait(context.Background()))
	// Output: 5 <nil>
}

// A parent signals its child through an eventfd of the child. The child prints the number of the
// descriptor.
func ExampleFromProcess() {
	child := exec.Command("./worker")
	stdout, err := child.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	var fd int
	if _, err := fmt.Fscan(stdout, &fd); err != nil {
		log.Fatal(err)
	}
	n, err := notify.FromProcess(child.Process.Pid, fd) // before Wait, after which the pid can be reused
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	n.Notify()
	if err := child.Wait(); err != nil {
		log.Fatal(err)
	}
}
