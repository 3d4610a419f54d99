//go:build linux

package libraries

import "testing"

// The broker is in the program: librdkafka's mock, which listens on loopback.
func TestKafka(t *testing.T) {
	needLibrary(t, "rdkafka", "librdkafka-dev")
	program := build(t, "kafka")
	for _, way := range []string{"callback", "descriptor"} {
		t.Run(way, func(t *testing.T) {
			run(t, []string{program, way}, "20000 messages arrived in order")
		})
	}
}
