//go:build linux

package guestkernel

import (
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/eventchan/eventchan/examples/internal/newc"
)

// image writes an initramfs with the files, and with the folders on which the guest mounts.
func image(t *testing.T, contents ...Files) string {
	t.Helper()
	var compressed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&compressed, gzip.BestSpeed)
	archive := newc.NewWriter(zip)
	for _, dir := range []string{"bin", "dev", "modules", "proc", "suites", "sys", "tmp"} {
		archive.Dir(dir)
	}
	for _, set := range contents {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			data, err := os.ReadFile(set[name])
			if err != nil {
				t.Fatal(err)
			}
			archive.File(name, 0o755, data)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	zip.Close()
	path := filepath.Join(t.TempDir(), "initramfs.gz")
	if err := os.WriteFile(path, compressed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
