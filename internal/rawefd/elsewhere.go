package rawefd

// Elsewhere runs f in another goroutine and waits until it has returned. It is
// for opening descriptors that belong to the whole process. A goroutine that has locked its
// thread can have given that thread its own table of descriptors, by
// unshare(CLONE_FILES). A descriptor that it opens is unknown to all other threads,
// and its number can refer to another file there. The other goroutine never runs on that thread.
func Elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
