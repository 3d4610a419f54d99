//go:build linux

package libraries

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Without a GPU, the program prints the reason why it cannot run.
func TestCUDA(t *testing.T) {
	needPrograms(t, "gcc", "gcc")
	run(t, []string{build(t, "cuda")}, "(2000 batches ended in order|no CUDA: .+)")
}

// With a stand-in for the driver, the program does everything that it does with a GPU.
func TestCUDAStandIn(t *testing.T) {
	needPrograms(t, "gcc", "gcc")
	program, dir := build(t, "cuda"), t.TempDir()
	output, err := exec.Command("gcc", "-shared", "-fPIC", "-pthread", "-o", filepath.Join(dir, "libcuda.so.1"), "testdata/libcuda.c").CombinedOutput()
	if err != nil {
		t.Fatalf("gcc: %v\n%s", err, output)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
	run(t, []string{program}, "2000 batches ended in order")
}
