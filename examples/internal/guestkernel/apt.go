//go:build linux

package guestkernel

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// apt is Debian's apt with its own package lists, in the cache. It therefore does not need root,
// sees the newest packages, and changes nothing in the system. apt checks the signatures of what
// it downloads.
type apt struct {
	dir     string // to which it downloads
	options []string
}

// newApt returns an apt with the system's sources, or with those of a suite of Debian and its
// backports.
func newApt(t *testing.T, suite string) apt {
	t.Helper()
	cache := cacheDir(t)
	dir, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	lists := filepath.Join(cache, "apt", suite)
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial"} {
		os.MkdirAll(filepath.Join(lists, sub), 0o755)
	}
	a := apt{dir, []string{
		"-oDir::State=" + lists + "/state", "-oDir::State::status=/var/lib/dpkg/status", "-oDir::Cache=" + lists + "/cache",
		"-oAPT::Sandbox::User=", "-qq",
	}}
	if suite != "" {
		a.options = append(a.options, a.sources(t, suite)...)
	}
	command(t, dir, "apt-get", slices.Concat(a.options, []string{"update"})...)
	return a
}

// sources returns the options for a suite. The suite's backports have priority over the suite.
func (a apt) sources(t *testing.T, suite string) (options []string) {
	t.Helper()
	const line = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian %s main\n"
	list := filepath.Join(a.dir, "sources.list")
	text := fmt.Sprintf(line+line, suite, suite+"-backports")
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{
		"-oDir::Etc::sourcelist=" + list, "-oDir::Etc::sourceparts=/dev/null",
		"-oAPT::Default-Release=" + suite + "-backports", "-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
	}
}

// depends returns the direct dependencies of a package that match the pattern.
func (a apt) depends(t *testing.T, name, pattern string) (names []string) {
	t.Helper()
	printed := command(t, a.dir, "apt-cache", slices.Concat(a.options, []string{"depends", name})...)
	for _, match := range regexp.MustCompile(`(?m) Depends: (`+pattern+`)$`).FindAllStringSubmatch(printed, -1) {
		names = append(names, match[1])
	}
	return names
}

// depend is depends for exactly one dependency, which must be there.
func (a apt) depend(t *testing.T, name, pattern string) string {
	t.Helper()
	names := a.depends(t, name, pattern)
	if len(names) != 1 {
		t.Fatalf("of %s's dependencies %q match %s, want one", name, names, pattern)
	}
	return names[0]
}

func (a apt) download(t *testing.T, names []string) (debs []string) {
	t.Helper()
	command(t, a.dir, "apt-get", slices.Concat(a.options, []string{"download"}, names)...)
	for _, name := range names {
		debs = append(debs, onlyMatch(t, filepath.Join(a.dir, name+"_*.deb")))
	}
	return debs
}
