// Package libraries holds one program per C library. Each program brings the events of
// that library into a Go select, and each is what a user of that library would keep.
//
// The library's development package must be installed to build a program. The tests
// name the Debian package, and skip a program whose library is missing.
package libraries
