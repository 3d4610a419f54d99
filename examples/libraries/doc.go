// Package libraries holds one program per C library. Each program receives the events of
// that library in a Go select, as a program that uses the library would.
//
// The library's development package must be installed to build a program. The tests
// name the Debian package, and skip a program whose library is missing.
package libraries
