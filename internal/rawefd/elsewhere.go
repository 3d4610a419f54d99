package rawefd

// Elsewhere runs f in a goroutine of its own and waits until it has returned. It is
// for descriptors that belong to the whole process. A goroutine that has locked its
// thread can have given that thread a table of descriptors of its own, by
// unshare(CLONE_FILES). A descriptor that it opens is unknown to all other threads,
// and its number can mean another file there. No other goroutine runs on that thread.
func Elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
