package vm

import (
	"encoding/binary"
	"slices"
)

// A guest's program is a few instructions of real mode, put together from the functions here.

// These are addresses in a guest's 64 KiB, and numbers that its program uses.
const (
	memorySize = 0x10000
	codeAt     = 0x1000
	stackAt    = 0x0f00
	handlersAt = 0x2000 // 0x100 for each line
	countersAt = 0x0500 // 4 bytes for each line
	vectors    = 0x20   // of line 0
	portEnd    = 0x99   // a write to it ends Run
)

// NoMemory is a segment without memory behind it.
const NoMemory = 0x2000

// Out writes a byte to a port: mov dx, port; mov al, value; out dx, al.
func Out(port uint16, value byte) []byte {
	return []byte{0xBA, byte(port), byte(port >> 8), 0xB0, value, 0xEE}
}

// Store stores a byte at the beginning of a segment: mov ax, segment; mov es, ax; mov al, value; mov es:[0], al.
func Store(segment uint16, value byte) []byte {
	return []byte{0xB8, byte(segment), byte(segment >> 8), 0x8E, 0xC0, 0xB0, value, 0x26, 0xA2, 0, 0}
}

// Repeat repeats instructions, none of which uses ecx: mov ecx, times; body; dec ecx; jnz body.
func Repeat(times int, body ...[]byte) []byte {
	if times <= 0 {
		return nil // 0 in ecx would be 2^32 rounds
	}
	inner := slices.Concat(body...)
	const jump = 6 // bytes of dec and jnz
	back := uint16(-(len(inner) + jump))
	return slices.Concat(binary.LittleEndian.AppendUint32([]byte{0x66, 0xB9}, uint32(times)), inner,
		[]byte{0x66, 0x49, 0x0F, 0x85, byte(back), byte(back >> 8)})
}

// End ends Run.
func End() []byte { return Out(portEnd, 0) }

// Sleep makes the interrupt controller deliver the lines 4 and 5, writes to the port ready, and then halts until the
// next interrupt, again and again.
func Sleep(ready uint16) []byte {
	pic := func(port, value byte) []byte { return []byte{0xB0, value, 0xE6, port} } // mov al, value; out port, al
	return slices.Concat(
		[]byte{0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xD0, 0xBC, stackAt & 0xff, stackAt >> 8}, // cli; ds = ss = 0; sp = stackAt
		// Start both controllers, set their vectors, connect them, set 8086 mode, and mask all lines except 4 and 5.
		pic(0x20, 0x11), pic(0xA0, 0x11), pic(0x21, vectors), pic(0xA1, vectors+8), pic(0x21, 4), pic(0xA1, 2),
		pic(0x21, 1), pic(0xA1, 1), pic(0x21, 0xCF), pic(0xA1, 0xFF),
		Out(ready, 0),
		[]byte{0xFB, 0xF4, 0xEB, 0xFC}, // again: sti; hlt; jmp again
	)
}

// handler counts an interrupt of a line, ends it, and then writes to a port.
func handler(line byte, port uint16) []byte {
	counter := countersAt + 4*uint16(line)
	return slices.Concat(
		[]byte{0x50, 0x52, 0x66, 0xFF, 0x06, byte(counter), byte(counter >> 8)}, // push ax; push dx; inc dword [counter]
		[]byte{0xB0, 0x20, 0xE6, 0x20},                                          // mov al, 0x20; out 0x20, al: end of interrupt
		Out(port, 0),
		[]byte{0x5A, 0x58, 0xCF}, // pop dx; pop ax; iret
	)
}
