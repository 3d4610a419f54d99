//go:build linux

package libraries

import "testing"

func TestZeroMQ(t *testing.T) {
	needLibrary(t, "libzmq", "libzmq3-dev")
	run(t, []string{build(t, "zeromq")}, "100000 messages arrived in order")
}
