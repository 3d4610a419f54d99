//go:build linux

package libraries

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestMosquitto(t *testing.T) {
	needLibrary(t, "libmosquitto", "libmosquitto-dev")
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where Debian's broker is
	needPrograms(t, "mosquitto", "mosquitto")
	program := build(t, "mosquitto")
	dir := t.TempDir()
	socket, config := filepath.Join(dir, "socket"), filepath.Join(dir, "config")
	text := fmt.Sprintf("listener 0 %s\nallow_anonymous true\nuser root\n", socket) // no effect unless root starts it
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ready := func() error {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			connection.Close()
		}
		return err
	}
	if err := serve(t, ready, exec.Command("mosquitto", "-c", config)); err != nil {
		t.Fatal(err)
	}
	run(t, []string{program, socket, "0"}, "5000 messages arrived in order")
}
