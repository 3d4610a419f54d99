//go:build linux

package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// The memory orders of the protocol are sufficient, and none can be weaker: see "Memory
// orders" in docs/protocol.md.
func TestMemoryOrders(t *testing.T) {
	if !mode.Is(mode.All[0]) {
		return // the protocol is the same in all modes
	}
	if !hammer.InCI() {
		t.Skip("compiling docs/orders.cpp takes 10 s: EVENTCHAN_CI=1 runs it")
	}
	if _, err := os.Stat("/usr/include/relacy"); err != nil {
		lacks(t, "docs/orders.cpp needs Relacy, Debian's relacy-dev: %v", err)
	}
	if _, err := exec.LookPath("g++"); err != nil {
		lacks(t, "docs/orders.cpp needs g++: %v", err)
	}
	binary := filepath.Join(t.TempDir(), "orders")
	// -w: Relacy is older than many warnings. -O1 makes it hardly faster.
	if out, err := exec.Command("g++", "-std=c++11", "-w", "-o", binary, "../docs/orders.cpp").CombinedOutput(); err != nil {
		t.Fatalf("g++: %v\n%s", err, out)
	}
	if out, err := exec.Command(binary).CombinedOutput(); err != nil {
		t.Errorf("the orders are not sufficient: %v\n%s", err, out)
	}
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := exec.Command(binary, "-list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		if !bytes.Contains(page, []byte("| "+name+" |")) {
			t.Errorf("../docs/protocol.md does not have %q", name)
		}
		if out, err := exec.Command(binary, name).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("DATA RACE")) {
			t.Errorf("%q is not needed, or is not tested: %v\n%s", name, err, out)
		}
	}
}
