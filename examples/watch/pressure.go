//go:build linux

package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// pressure waits for the kernel to report that some thread had to wait for a CPU
// for 20 ms out of 2 s (PSI, since Linux 4.20), and makes that happen.
func pressure() {
	file, err := alarm("/proc/pressure/cpu", "some 20000 2000000")
	if err != nil {
		fmt.Println("pressure: left out:", err)
		return
	}
	defer file.Close()
	w, err := bridge.Watch(int(file.Fd()), bridge.Priority)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()

	// Without CAP_SYS_RESOURCE the kernel checks only every two seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go quarrel(ctx)
	go quarrel(ctx)
	select {
	case events := <-w.C():
		fmt.Println("pressure: some thread waits for a CPU:", events)
		if events != bridge.Priority {
			log.Fatal("want Priority alone")
		}
	case <-ctx.Done():
		log.Fatal("no alarm, though two threads shared a CPU")
	}
}

// alarm arms a trigger, which lasts until the file is closed.
func alarm(path, trigger string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(append([]byte(trigger), 0)); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// quarrel keeps the machine's first usable CPU busy, so that two goroutines that call it compete
// for one CPU. The thread ends with the goroutine, which has locked it.
func quarrel(ctx context.Context) {
	runtime.LockOSThread()
	var usable, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &usable); err != nil {
		log.Fatal(os.NewSyscallError("sched_getaffinity", err))
	}
	for cpu := 0; first.Count() == 0; cpu++ {
		if usable.IsSet(cpu) {
			first.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &first); err != nil {
		log.Fatal(os.NewSyscallError("sched_setaffinity", err))
	}
	for ctx.Err() == nil {
	}
}
