//go:build mips || mipsle || (arm && !arm.7)

package rawefd

// SharedAtomics reports whether Go's 64-bit atomic operations are also atomic for C
// threads. On these processors they are not: Go uses a lock, which C code does not take.
const SharedAtomics = false
