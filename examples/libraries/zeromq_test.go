//go:build linux

package libraries

import (
	"path/filepath"
	"testing"
)

func TestZeroMQ(t *testing.T) {
	needLibrary(t, "libzmq", "libzmq3-dev")
	run(t, []string{build(t, "zeromq"), "ipc://" + filepath.Join(t.TempDir(), "socket")}, "100000 messages arrived in order")
}
