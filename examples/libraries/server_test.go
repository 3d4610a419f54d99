package libraries

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve starts a server, which the end of the test stops, and returns once ready
// returns nil. If the server ends before, serve returns its output as an error.
func serve(t *testing.T, ready func() error, command ...string) error {
	t.Helper()
	var output bytes.Buffer
	server := exec.Command(command[0], command[1:]...)
	server.Stdout, server.Stderr = &output, &output
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // should the test end without its cleanup
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	deadline := time.After(limit)
	for {
		err := ready()
		select {
		case end := <-ended:
			return fmt.Errorf("%s: %v\n%s", strings.Join(command, " "), end, output.Bytes())
		case <-deadline:
			server.Process.Kill()
			<-ended
			t.Fatalf("%s is not ready: %v\n%s", strings.Join(command, " "), err, output.Bytes())
		default:
		}
		if err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond) // between two tries to connect
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(limit):
			server.Process.Kill()
			t.Errorf("%s does not end at SIGTERM: %v\n%s", strings.Join(command, " "), <-ended, output.Bytes())
		}
	})
	return nil
}
