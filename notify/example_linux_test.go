package notify_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/eventchan/eventchan/notify"
)

func ExampleNotifier() {
	n, err := notify.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	n.Notify()
	n.Add(4)
	signals, err := n.Wait(context.Background())
	fmt.Println(signals, err)
	// Output: 5 <nil>
}

// A child process signals by writing 8 bytes to the descriptor that it got.
func ExampleNotifier_File() {
	n, err := notify.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	file, err := n.File()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	child := exec.Command("sh", "-c", `printf '\3\0\0\0\0\0\0\3' >&3`)
	child.ExtraFiles = []*os.File{file} // descriptor 3 of the child
	if err := child.Run(); err != nil {
		fmt.Println(err)
		return
	}
	// One byte of 3 on either end, so that it reads the same on any machine.
	fmt.Println(<-n.C() == 3|3<<56)
	// Output: true
}

func ExampleNotifier_C() {
	n, err := notify.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	go n.Add(3) // or a C thread, another process, the kernel: write(2) to n.FD()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	select {
	case signals := <-n.C():
		fmt.Println(signals, "signals")
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output: 3 signals
}
