package semaphore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/semaphore"
)

// C code takes a permit with read(2), and releases 3 with write(2).
func ExampleSemaphore_FD() {
	s, err := semaphore.New(1)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var one [8]byte
	if _, err := unix.Read(s.FD(), one[:]); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.TryAcquire(1))
	three := binary.NativeEndian.AppendUint64(nil, 3)
	if _, err := unix.Write(s.FD(), three); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.TryAcquire(3))
	// Output:
	// false
	// true
}

// A child process takes a permit by reading 8 bytes from the descriptor that it inherits.
func ExampleSemaphore_File() {
	s, err := semaphore.New(2)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	file, err := s.File()
	if err != nil {
		log.Fatal(err)
	}
	child := exec.Command("sh", "-c", "dd bs=8 count=1 <&3 >/dev/null 2>&1")
	child.ExtraFiles = []*os.File{file} // descriptor 3 of the child
	err = child.Run()
	file.Close()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.TryAcquire(2), s.TryAcquire(1))
	// Output: false true
}

// A Semaphore takes over an eventfd that other code has made.
func ExampleFromFD() {
	fd, err := unix.Eventfd(2, unix.EFD_SEMAPHORE|unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) // with 2 permits
	if err != nil {
		log.Fatal(err)
	}
	s, err := semaphore.FromFD(fd)
	if err != nil {
		unix.Close(fd) // on error the caller still owns fd
		log.Fatal(err)
	}
	defer s.Close() // closes fd
	fmt.Println(s.TryAcquire(2))
	// Output: true
}

// A parent shares the permits of its child, which prints the number of the descriptor.
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
	s, err := semaphore.FromProcess(child.Process.Pid, fd) // before Wait, after which the pid can be reused
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Acquire(context.Background(), 1); err != nil {
		log.Fatal(err)
	}
	// work
	s.Release(1)
	if err := child.Wait(); err != nil {
		log.Fatal(err)
	}
}
