package notify_test

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/eventchan/eventchan/notify"
)

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
