//go:build linux

package guestkernel

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// cacheDir returns the folder in which kernels are kept from one run to the next. Delete it to get
// the newest ones.
func cacheDir(t *testing.T) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "eventchan-kernels")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fetchMissing unpacks packages into dir and arranges them there, unless dir exists.
func fetchMissing(t *testing.T, dir, suite string, packages func(apt) []string, arrange func(unpacked string)) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		return
	}
	defer lockCache(t)()
	if _, err := os.Stat(dir); err == nil { // another test has fetched it
		return
	}
	apt := newApt(t, suite)
	// Unpack in another folder and rename that, so that a run that is stopped leaves no incomplete
	// kernel in the cache.
	unpacked := filepath.Join(apt.dir, "unpacked")
	for _, deb := range apt.download(t, packages(apt)) {
		command(t, "", "dpkg", "-x", deb, unpacked)
	}
	arrange(unpacked)
	if err := os.Rename(unpacked, dir); err != nil {
		t.Fatal(err)
	}
}

// lockCache lets only one process at a time fetch, because apt's lists allow only one and go test
// runs packages side by side.
func lockCache(t *testing.T) (unlock func()) {
	t.Helper()
	file, err := os.Create(filepath.Join(cacheDir(t), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	for {
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err == nil {
			return func() { file.Close() } // unlocks
		} else if err != syscall.EINTR {
			t.Fatal(err)
		}
	}
}

func onlyMatch(t *testing.T, pattern string) string {
	t.Helper()
	paths, _ := filepath.Glob(pattern)
	if len(paths) != 1 {
		t.Fatalf("%s matches %q, want one file; delete the cache to fetch again", pattern, paths)
	}
	return paths[0]
}
