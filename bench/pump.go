//go:build linux

package main

const pumpRow = "os.File and a channel"

// wakePump is what a program does today to have an eventfd in a select: a goroutine reads
// it and sends what it gets. It is the peer of C.
func wakePump() (waker, error) {
	w, err := wakeFile()
	if err != nil {
		return waker{}, err
	}
	c := make(chan uint64, 1)
	ended := make(chan struct{})
	take, stop := w.wait, w.stop
	go func() {
		defer close(ended)
		for {
			count, err := take()
			if err != nil { // os.ErrClosed
				return
			}
			c <- count
		}
	}()
	w.wait = selecting(c)
	w.stop = func() {
		stop()
		<-ended
	}
	return w, nil
}
