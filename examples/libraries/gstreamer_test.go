//go:build linux

package libraries

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestGStreamer(t *testing.T) {
	needLibrary(t, "gstreamer-app-1.0", "libgstreamer-plugins-base1.0-dev")
	plugins, err := exec.Command("pkg-config", "--variable=pluginsdir", "gstreamer-1.0").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(string(bytes.TrimSpace(plugins)), "libgstaudiotestsrc.so")); err != nil {
		skip(t, "apt-get install gstreamer1.0-plugins-base: %v", err)
	}
	t.Setenv("GST_REGISTRY", filepath.Join(t.TempDir(), "registry")) // not the user's
	run(t, []string{build(t, "gstreamer")},
		"5000 buffers of 64 frames arrived in order, then the end of the stream")
}
