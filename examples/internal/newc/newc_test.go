package newc_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/examples/internal/newc"
)

// golden is what GNU cpio 2.13 (-o -H newc) writes for these entries, except for owner, time,
// device, inode and link count.
const golden = "070701" + "00000001" + "000041ED" + "00000000" + "00000000" + "00000001" + "00000000" +
	"00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000" + "dir\x00\x00\x00" +
	"070701" + "00000002" + "000081ED" + "00000000" + "00000000" + "00000001" + "00000000" +
	"00000005" + "00000000" + "00000000" + "00000000" + "00000000" + "00000006" + "00000000" + "dir/f\x00" +
	"hello\x00\x00\x00" +
	"070701" + "00000003" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" +
	"00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "0000000B" + "00000000" + "TRAILER!!!\x00\x00\x00\x00"

func TestArchiveIsWhatTheKernelUnpacks(t *testing.T) {
	var got bytes.Buffer
	w := newc.NewWriter(&got)
	w.Dir("dir")
	w.File("dir/f", 0o755, []byte("hello"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got.String() != golden {
		t.Errorf("got\n%q, want\n%q", got.String(), golden)
	}
}

func TestEveryEntryStartsAtFourBytes(t *testing.T) {
	for length := range 9 {
		var got bytes.Buffer
		w := newc.NewWriter(&got)
		w.File(strings.Repeat("n", length+1), 0o644, []byte(strings.Repeat("d", length)))
		w.Close()
		if at := strings.LastIndex(got.String(), "070701"); at%4 != 0 {
			t.Errorf("length %d: the next header is at %d, want a multiple of 4", length, at)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestErrorStaysUntilClose(t *testing.T) {
	w := newc.NewWriter(fullDisk{})
	w.Dir("dir")
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close after a failed write = %v, want %v", err, errFull)
	}
}
