package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// apt is Debian's apt, which checks the signatures of what it fetches, with lists of its own in the cache. So it needs no
// root, sees the newest packages, and changes nothing in the system.
type apt struct {
	dir     string // where it downloads to
	options []string
}

func newApt(t *testing.T) apt {
	t.Helper()
	cache := cacheDir(t)
	dir, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	lists := filepath.Join(cache, "apt")
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial"} {
		os.MkdirAll(filepath.Join(lists, sub), 0o755)
	}
	a := apt{dir, []string{
		"-oDir::State=" + lists + "/state", "-oDir::State::status=/var/lib/dpkg/status", "-oDir::Cache=" + lists + "/cache",
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
