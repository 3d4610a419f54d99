//go:build linux

package libraries

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestJACK(t *testing.T) {
	needLibrary(t, "jack", "libjack-jackd2-dev")
	needPrograms(t, "jackd2", "jackd", "jack_lsp", "jack_simple_client")
	program := build(t, "jack")
	name := fmt.Sprintf("eventchan-%d", os.Getpid())
	t.Setenv("JACK_DEFAULT_SERVER", name)
	t.Setenv("JACK_NO_AUDIO_RESERVATION", "1") // otherwise jackd asks the session's D-Bus for the sound card
	hasPort := func(port string) func() error {
		return func() error {
			output, err := exec.Command("jack_lsp", port).CombinedOutput()
			if err == nil && !strings.Contains(string(output), port) {
				err = fmt.Errorf("no port %s: %s", port, output)
			}
			return err
		}
	}
	// If real-time scheduling is not permitted, jackd goes on without it, despite -R.
	if err := serve(t, hasPort("system:capture_1"), exec.Command("jackd", "-n", name, "-R", "-P", "20", "-d", "dummy", "-r", "48000", "-p", "256")); err != nil {
		t.Fatal(err)
	}
	// jack_simple_client plays a sine of amplitude 0.2. On a busy machine, JACK can give up too early.
	err := errors.New("not started")
	for tries := 5; tries > 0 && err != nil; tries-- {
		err = serve(t, hasPort("sine:output1"), exec.Command("jack_simple_client", "sine", name))
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, []string{program, "sine:output1"},
		`\d+ of \d+ blocks arrived, \d+ were refused; the frame times skip \d+ times, and JACK reported \d+ xruns`,
		`peak 0\.20, real-time scheduling (true|false)`)
}
