//go:build linux

package libraries

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/examples/internal/guestkernel"
)

// runWhereAllowed is run for a program that prints "cannot run here" and the reason if the
// kernel refuses what it needs. The test is then skipped.
func runWhereAllowed(t *testing.T, command []string, lines ...string) {
	t.Helper()
	if reason := refusal(t, command); reason != "" {
		skip(t, "%s", reason)
	}
	run(t, command, lines...)
}

// refusal runs a program and returns the reason why it cannot run here, or "".
func refusal(t *testing.T, command []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	output, _ := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if reason, ok := bytes.CutPrefix(output, []byte("cannot run here: ")); ok {
		return string(bytes.TrimSpace(reason))
	}
	return ""
}

// buildCookbook builds a program of the folder cookbook.
func buildCookbook(t *testing.T, folder string) string {
	t.Helper()
	t.Chdir("cookbook")
	return build(t, folder)
}

func TestPOSIX(t *testing.T) {
	run(t, []string{buildCookbook(t, "posix")},
		"timer_create: 10 expirations", "mq_notify: 1000 messages", "aio_read: 16 requests", "getaddrinfo_a: 4 names")
}

func TestLibuv(t *testing.T) {
	needLibrary(t, "libuv", "libuv1-dev")
	run(t, []string{buildCookbook(t, "libuv")}, "in a thread: 20 expirations, woken", "in Go: 20 expirations, woken")
}

func TestGLib(t *testing.T) {
	needLibrary(t, "gio-2.0", "libglib2.0-dev")
	run(t, []string{buildCookbook(t, "glib")}, "idle source once, timeout 20 times, signal of an object twice")
}

// umockdev shows libusb a device.
func TestLibusb(t *testing.T) {
	needLibrary(t, "libusb-1.0", "libusb-1.0-0-dev")
	needPrograms(t, "umockdev", "umockdev-run")
	device, err := filepath.Abs("testdata/usb.umockdev")
	if err != nil {
		t.Fatal(err)
	}
	run(t, []string{"umockdev-run", "-d", device, "--", buildCookbook(t, "libusb")},
		"[1-9] descriptors", "bus 1, address 1 has arrived", "1 devices")
}

// The bus is one of the test's own.
func TestSDBus(t *testing.T) {
	needLibrary(t, "libsystemd", "libsystemd-dev")
	needPrograms(t, "dbus-daemon", "dbus-daemon", "dbus-run-session")
	run(t, []string{"dbus-run-session", "--", buildCookbook(t, "sdbus")}, "1000 signals")
}

func TestLiburing(t *testing.T) {
	needLibrary(t, "liburing", "liburing-dev")
	runWhereAllowed(t, []string{buildCookbook(t, "liburing")}, "10000 completions")
}

func TestLibudev(t *testing.T) {
	needLibrary(t, "libudev", "libudev-dev")
	command := []string{buildCookbook(t, "libudev")}
	if refusal(t, command) != "" { // in a container /sys can be read-only; a separate mount namespace can change that
		command = append([]string{"unshare", "--mount", "sh", "-c", `mount -o remount,rw /sys; exec "$0"`}, command...)
	}
	runWhereAllowed(t, command, "10 events")
}

func TestKVM(t *testing.T) {
	lines := []string{"ioeventfd: 1000 writes", "irqfd: 1 interrupt"}
	program := buildStatic(t, "kvm")
	if kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
		kvm.Close()
		run(t, []string{program}, lines...)
		return
	}
	m := guestkernel.Machine{Options: []string{"-cpu", "max"}} // has AMD's virtualization
	runInMachine(t, m, []string{"irqbypass", "kvm", "kvm-amd"}, guestkernel.Files{"program": program}, lines...)
}

func TestVFIO(t *testing.T) {
	m := guestkernel.Machine{
		Options:    []string{"-machine", "q35", "-device", "intel-iommu", "-device", "edu,addr=2"},
		Parameters: "intel_iommu=on -- 0000:00:02.0", // the device
	}
	modules := []string{"irqbypass", "iommufd", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"}
	files := guestkernel.Files{"vfio": buildStatic(t, "vfio"), "program": "../testdata/vfio.sh"}
	runInMachine(t, m, modules, files, "100 interrupts")
}

// buildStatic builds a program of the folder cookbook that needs no shared library.
func buildStatic(t *testing.T, folder string) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the program, or the machine that it runs in, is for amd64")
	}
	t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" '-ldflags=-linkmode=external -extldflags=-static'")
	return buildCookbook(t, folder)
}

// runInMachine runs /program of the files in a machine that QEMU emulates, with these
// modules of its kernel loaded.
func runInMachine(t *testing.T, m guestkernel.Machine, modules []string, files guestkernel.Files, lines ...string) {
	t.Helper()
	if !guestkernel.Asked() {
		skip(t, "EVENTCHAN_KMOD=1 runs it in QEMU")
	}
	m.Kernel = guestkernel.FindKernel(t, "6.1")
	verdict := m.Boot(t, files, guestkernel.Shell(t), m.Kernel.Drivers(modules...))
	verdict.MustPass(t)
	wantLines(t, []byte(verdict.Console), lines)
}

// Each line of code on the page is a line of a program that the tests run.
func TestPageShowsLinesOfThePrograms(t *testing.T) {
	page := readFile(t, "../../docs/libraries.md")
	_, sections, _ := strings.Cut(page, "\n### ")
	for section := range strings.SplitSeq(sections, "\n### ") {
		name, body, _ := strings.Cut(section, "\n")
		t.Run(name, func(t *testing.T) {
			var programs strings.Builder
			for _, link := range regexp.MustCompile(`\]\(\.\./(examples/[a-z/]+)\)`).FindAllStringSubmatch(body, -1) {
				paths := glob(t, "../../"+link[1]+"/*.[cgh]*")
				if len(paths) == 0 {
					t.Fatalf("the section links to %s, which is not there", link[1])
				}
				for _, path := range paths {
					programs.WriteString(readFile(t, path))
				}
			}
			lines := codeOf(body)
			if len(lines) == 0 {
				t.Error("the section has no code")
			}
			if programs.Len() == 0 {
				if !strings.Contains(body, "ot tested") {
					t.Error("the section links to no program, and does not say that it is not tested")
				}
				return
			}
			for _, line := range lines {
				if !strings.Contains(programs.String(), line) {
					t.Errorf("no program of the section has the line\n%s", line)
				}
			}
		})
	}
}

// The code of callback in README is also on the page.
func TestReadmeShowsLinesOfThePage(t *testing.T) {
	page, found := readFile(t, "../../docs/libraries.md"), 0
	for _, line := range codeOf(readFile(t, "../../README.md")) {
		if !strings.Contains(line, "callback.S") {
			continue
		}
		found++
		if !strings.Contains(page, line) {
			t.Errorf("docs/libraries.md has no line\n%s", line)
		}
	}
	if found == 0 {
		t.Error("README shows no line with package callback")
	}
}

// codeOf returns the lines of the Go and C code of a page, without comments.
func codeOf(page string) (lines []string) {
	for _, block := range regexp.MustCompile("(?ms)^```(?:go|c)\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, "//")
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
