//go:build !unix

package handletest

import "unsafe"

// Send exists so that tests compile: there are no handles here.
func Send[T any](handle unsafe.Pointer, v T) Answer { return Late }

// Reserve exists so that tests compile.
func Reserve[T any](handle unsafe.Pointer) (place *T, ticket uint64, answer Answer) {
	return nil, 0, Late
}

// Commit exists so that tests compile.
func Commit(handle unsafe.Pointer, ticket uint64) Answer { return Late }
