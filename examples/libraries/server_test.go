//go:build linux

package libraries

import (
	"bytes"
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// serve starts a server and returns once ready returns nil. SIGTERM stops the server when the test
// ends. If the server ends before that, serve returns its output as an error.
func serve(t *testing.T, ready func() error, server *exec.Cmd) error {
	t.Helper()
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	server.WaitDelay = grace
	if server.SysProcAttr == nil {
		server.SysProcAttr = &syscall.SysProcAttr{}
	}
	server.SysProcAttr.Pdeathsig = syscall.SIGKILL // in case the test ends without its cleanup
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
			return fmt.Errorf("%s: %v\n%s", server, end, output.Bytes())
		case <-deadline:
			server.Process.Kill()
			<-ended
			t.Fatalf("%s is not ready: %v\n%s", server, err, output.Bytes())
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
			t.Errorf("%s does not end at SIGTERM: %v", server, <-ended)
		}
		if t.Failed() {
			t.Logf("%s:\n%s", server, output.Bytes())
		}
	})
	return nil
}
