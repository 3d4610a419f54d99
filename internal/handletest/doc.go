// Package handletest signals through a handle as C threads do, for tests that
// have no C.
package handletest
