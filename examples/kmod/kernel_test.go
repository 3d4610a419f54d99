package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A kernel is a stock kernel of Debian, unpacked in the cache and installed nowhere.
type kernel struct {
	image   string // bzImage, for QEMU
	headers string // KDIR of a module's build
}

// stockKernels finds kernels in the cache, and fetches what is not there from Debian's archive with apt, which
// checks the signatures.
func stockKernels(t *testing.T, series map[string]string) map[string]kernel {
	t.Helper()
	cache := cacheDir(t)
	missing := maps.Clone(series)
	maps.DeleteFunc(missing, func(name, _ string) bool {
		_, err := os.Stat(filepath.Join(cache, name))
		return err == nil
	})
	if len(missing) > 0 {
		apt := newApt(t)
		for name, headers := range missing {
			fetchKernel(t, apt, filepath.Join(cache, name), name, headers)
		}
	}
	kernels := map[string]kernel{}
	for name := range series {
		dir := filepath.Join(cache, name)
		kernels[name] = kernel{
			image:   onlyMatch(t, filepath.Join(dir, "boot/vmlinuz-*")),
			headers: onlyMatch(t, filepath.Join(dir, "usr/src/linux-headers-*-amd64")),
		}
	}
	return kernels
}

func fetchKernel(t *testing.T, apt apt, dir, series, headersPackage string) {
	t.Helper()
	// Unpacked beside its place and renamed: a run that is stopped leaves nothing half done behind.
	unpacked := filepath.Join(apt.dir, series)
	for _, deb := range apt.download(t, kernelPackages(t, apt, series, headersPackage)) {
		command(t, "", "dpkg", "-x", deb, unpacked)
	}
	headers := onlyMatch(t, filepath.Join(unpacked, "usr/src/linux-headers-*-amd64"))
	relocate(t, filepath.Join(headers, "Makefile"), dir)
	os.RemoveAll(filepath.Join(unpacked, "lib/modules")) // drivers: 100 MB that no test loads
	if err := os.Rename(unpacked, dir); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
}

// kernelPackages names what a module's build and a boot take, of the newest kernel of the series.
func kernelPackages(t *testing.T, apt apt, series, headersPackage string) []string {
	t.Helper()
	headers := apt.depends(t, headersPackage, "linux-headers-"+series+".")[0]
	image := strings.Replace(headers, "headers", "image", 1)
	other := apt.depends(t, headers, "linux-headers-"+series, "linux-kbuild-"+series)
	return append(other, headers, image)
}

// relocate makes the one absolute path in unpacked headers, an include of their other half, point below dir.
func relocate(t *testing.T, makefile, dir string) {
	t.Helper()
	text, err := os.ReadFile(makefile)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.ReplaceAll(string(text), "include /usr/src/", "include "+dir+"/usr/src/")
	if err := os.WriteFile(makefile, []byte(moved), 0o644); err != nil {
		t.Fatal(err)
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

// apt is apt with lists of its own, so that it needs no root, sees the newest packages and changes nothing outside dir.
type apt struct {
	dir     string
	options []string
}

func newApt(t *testing.T) apt {
	t.Helper()
	dir, err := os.MkdirTemp(cacheDir(t), "fetch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial"} {
		os.MkdirAll(filepath.Join(dir, sub), 0o755)
	}
	a := apt{dir, []string{
		"-oDir::State=" + dir + "/state", "-oDir::State::status=/var/lib/dpkg/status", "-oDir::Cache=" + dir + "/cache",
		"-oAPT::Sandbox::User=", "-qq",
	}}
	command(t, dir, "apt-get", slices.Concat(a.options, []string{"update"})...)
	return a
}

// depends lists the direct dependencies of a package that start with the prefixes: one of each.
func (a apt) depends(t *testing.T, name string, prefixes ...string) (names []string) {
	t.Helper()
	printed := command(t, a.dir, "apt-cache", slices.Concat(a.options, []string{"depends", name})...)
	for _, prefix := range prefixes {
		match := regexp.MustCompile(`Depends: (` + regexp.QuoteMeta(prefix) + `\S*)`).FindStringSubmatch(printed)
		if match == nil {
			t.Fatalf("%s depends on no %s*: %s", name, prefix, printed)
		}
		names = append(names, match[1])
	}
	return names
}

func (a apt) download(t *testing.T, names []string) (debs []string) {
	t.Helper()
	command(t, a.dir, "apt-get", slices.Concat(a.options, []string{"download"}, names)...)
	for _, name := range names {
		debs = append(debs, onlyMatch(t, filepath.Join(a.dir, name+"_*.deb")))
	}
	return debs
}
