package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func main() {
	err := whole()
	if err != nil {
		fmt.Println("RESULT FAIL:", err)
	} else {
		fmt.Println("RESULT ok")
	}
	end(err == nil)
}

// whole does all that the machine is for.
func whole() error {
	for _, step := range []func() error{machine, loadModules, program, kernelLogClean} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// loadModules loads the modules in the order of their file names. /program itself loads the
// modules that it checks.
func loadModules() error {
	paths, _ := filepath.Glob("/modules/*.ko")
	for _, path := range paths {
		if err := load(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.FinitModule(int(file.Fd()), "", 0)
}

func program() error {
	c := exec.Command("/program", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c.Run()
}
