package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	deviceModule = "eventchan"
	pidModule    = "eventchan_pid"
)

// load does what insmod(8) does. The kernel links the file into itself and calls the module's init function, whose
// error it returns.
func load(name, parameters string) error {
	file, err := os.Open("/" + name + ".ko")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.FinitModule(int(file.Fd()), parameters, 0); err != nil {
		return fmt.Errorf("finit_module %s %s: %w", name, parameters, err)
	}
	return nil
}

// unload does what rmmod(8) does. The kernel refuses with EWOULDBLOCK while something uses the module.
func unload(name string) error {
	if err := unix.DeleteModule(name, unix.O_NONBLOCK); err != nil {
		return fmt.Errorf("delete_module %s: %w", name, err)
	}
	return nil
}

// moduleFile returns what a file in /sys says about the loaded module.
func moduleFile(path string) (string, error) {
	text, err := os.ReadFile("/sys/module/" + deviceModule + "/" + path)
	return strings.TrimSpace(string(text)), err
}

// nothingHeld checks that the module has no users and holds no eventfd.
func nothingHeld() error {
	for _, path := range []string{"refcnt", "parameters/held"} {
		if got, err := moduleFile(path); err != nil || got != "0" {
			return fmt.Errorf("%s is %q, want 0 (%v)", path, got, err)
		}
	}
	return nil
}

func loadModules() error { return load(deviceModule, "") }

func unloadModules() error { return errors.Join(nothingHeld(), unload(deviceModule)) }
