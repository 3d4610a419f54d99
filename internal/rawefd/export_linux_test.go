package rawefd

// SetNoNowait makes Take behave as on a kernel without RWF_NOWAIT.
func SetNoNowait(on bool) {
	if on {
		nowait.Store(refused)
	} else {
		nowait.Store(unknown)
	}
}

// ShowsMode reports whether the kernel shows the mode of an eventfd.
func ShowsMode(num int) bool {
	info, err := readInfo(num)
	if err != nil {
		return false
	}
	_, ok := info.field("eventfd-semaphore:")
	return ok
}

// ForgetNestedEdges makes the next NestedEdges find out again.
func ForgetNestedEdges() {
	nested.Lock()
	defer nested.Unlock()
	nested.known = false
}
