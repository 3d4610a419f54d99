//go:build linux

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/mode"
)

// rustMain checks what the Rust code does to a slot and to the cells of a queue, without a Go
// side: the state word says that the consumer is sleeping.
const rustMain = `
#[repr(C, align(128))]
struct Memory { header: Header, cells: [[AtomicU64; 3]; 4] }

fn main() {
    let line = |v: u64| Line(AtomicU64::new(v));
    let cell = |i: u64| [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(i + 1)];
    let memory = Box::new(Memory {
        header: Header { tail: line(4), head: line(4), refused: line(0) },
        cells: [cell(0), cell(1), cell(2), cell(3)],
    });
    let memory: &Memory = Box::leak(memory);
    let top: &AtomicU64 = Box::leak(Box::new(AtomicU64::new(QUIET)));
    let mut slot = Slot {
        word: AtomicU64::new(RING), magic: QUEUE_MAGIC, next: AtomicU64::new(0), index: 7, descriptor: -1,
        head: top, queue: (&raw const memory.header).cast_mut(), size: 16, stride: 24, mask: 3,
        cells: std::mem::offset_of!(Memory, cells) as u32,
    };
    assert_eq!(std::mem::offset_of!(Slot, queue), 40);
    assert_eq!(std::mem::offset_of!(Slot, cells), 60);
    assert_eq!(std::mem::size_of::<Header>(), 384);
    memory.cells[2][2].fetch_or(SLEEP, Relaxed);
    unsafe {
        assert_eq!(send(std::ptr::null(), 1u8), Err(Refused::Closed));
        assert_eq!(send(&slot, 1u64), Err(Refused::Size));
        for i in 0..4u64 {
            assert_eq!(send(&slot, [i, i + 100]), Ok(()));
            assert_eq!(slot.word.load(Relaxed), if i < 2 { RING } else { RUNG + 1 });
        }
        assert_eq!(send(&slot, [0u64, 0]), Err(Refused::Full));
        for (i, cell) in (0..).zip(&memory.cells) {
            assert_eq!([cell[0].load(Relaxed), cell[1].load(Relaxed), cell[2].load(Relaxed)], [i, i + 100, i + 5]);
        }
        assert_eq!(top.load(Relaxed), QUIET | 7);
        memory.header.head.0.store(5, Relaxed);
        memory.cells[0][2].store(5 | 1 << 62, Relaxed); // disowned
        assert_eq!(send(&slot, [0u64, 0]), Err(Refused::Closed));
        memory.header.tail.0.fetch_or(CLOSED, Relaxed);
        assert_eq!(send(&slot, [0u64, 0]), Err(Refused::Closed));
        assert_eq!(memory.header.refused.0.load(Relaxed), 1);
        assert_eq!(memory.header.tail.0.load(Relaxed), CLOSED | 9);
        slot.magic = MAGIC;
        assert!(add(&slot, 3));
        assert_eq!(slot.word.load(Relaxed), RUNG + 4);
        top.store(0, Relaxed);
        slot.word.store(RING, Relaxed);
        assert!(add(&slot, 1)); // the write to descriptor -1 fails
        assert_eq!(top.load(Relaxed), 7);
    }
}
`

// The Rust code in docs/protocol.md compiles without a warning and follows the protocol.
func TestRustOfTheProtocol(t *testing.T) {
	if !mode.Is(mode.All[0]) {
		return // the code is the same in all modes
	}
	if _, err := exec.LookPath("rustc"); err != nil {
		t.Skipf("the Rust code in docs/protocol.md is not compiled: %v", err)
	}
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rust, _ := strings.Cut(string(page), "\n## Rust and Python\n")
	var source strings.Builder
	source.WriteString("#![allow(unsafe_op_in_unsafe_fn)]\n#![deny(warnings)]\n")
	for line := range strings.Lines(rust) {
		if !strings.HasPrefix(line, "    ") && line != "\n" {
			break
		}
		source.WriteString(strings.TrimPrefix(line, "    "))
	}
	source.WriteString(rustMain)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "send.rs"), []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, optimize := range []string{"0", "3"} {
		runTool(t, dir, "rustc", "--edition=2021", "-C", "opt-level="+optimize, "-o", "send", "send.rs")
		runTool(t, dir, "./send")
	}
}
