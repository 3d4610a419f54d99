//go:build !mips && !mipsle && (!arm || arm.7)

package rawefd

// SharedAtomics reports whether a 64-bit atomic operation of Go's is one for C
// too.
const SharedAtomics = true
