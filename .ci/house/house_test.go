package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWordsAreFoundInCommentsOnly(t *testing.T) {
	for _, test := range []struct {
		path, content string
		lines         []int
	}{
		{"a.go", "package a\n\n// A thread looks in\n// vain.\nvar s = \"who\" // for ever\n", []int{3, 5}},
		{"a.go", "package a\n\n// looks in\nvar x int\n// vain\n", nil},
		{"a.go", "package a\n\n/*\nint told; // the owner and his lock\n*/\nimport \"C\"\n", []int{4}},
		{"a.go", "package a\n\n// It ends at once.\n//\n// It runs three threads at\n// once for people\n// who look.\n/* told\n*/\n", []int{3, 8}},
		{"a.c", "char *s = \"// who\"; /* nobody\n told */ char c = '\"'; // him\n", []int{1, 2, 2}},
		{"a.sh", "echo who # tells\n", []int{1}},
		{"a.md", "This whole page, whose words are fine.\nAt\nonce: some 20 ns.\n", []int{2, 3}},
		{"a.md", "There\nis no end; it is no longer\none, but that is no\nend.\n", []int{3}},
		{"a.svg", "who\n", nil},
		{"run", "#!/bin/sh\nwho\n# who\n", []int{3}},
	} {
		var lines []int
		if p := proseOf(test.path, test.content); p != nil {
			for _, f := range badWords(test.path, p) {
				lines = append(lines, f.line)
			}
		}
		slices.Sort(lines)
		if !slices.Equal(lines, test.lines) {
			t.Errorf("%s %q: findings in lines %v, want %v", test.path, test.content, lines, test.lines)
		}
	}
}

// write makes files in a folder, which becomes the current one.
func write(t *testing.T, files map[string]string) (paths []string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// hold compares findings with the beginnings that they should have.
func hold(t *testing.T, found []finding, want ...string) {
	t.Helper()
	for i := range max(len(found), len(want)) {
		switch {
		case i >= len(found):
			t.Errorf("not found: %s", want[i])
		case i >= len(want) || !strings.HasPrefix(found[i].path+": "+found[i].text, want[i]):
			t.Errorf("found: %+v", found[i])
		}
	}
}

func TestLinks(t *testing.T) {
	paths := write(t, map[string]string{
		"docs/a.md": "# The `C` side: a [link](b.md)\n## Twice\n## Twice\n[a](b.md) [b](../x.go#L1) [c](#the-c-side-a-link)" +
			" [d](#twice-1) [e](https://example.org/f)\n```\n[f](none)\n# none\n```\n`[g](none)`\n",
		"docs/b.md": "[a](none.md)\n[b](a.md#none)\n[![c](none.svg)](a.md)\n[d](a.md#twice-2)\nSee docs/a.md and docs/c.md.\n",
		"x.go":      "package x\n\n// See docs/a.md, internal/poll.FD and github.com/eventchan/eventchan/blob/main/y.go.\n",
	})
	hold(t, checkLinks(paths), "docs/b.md: the link to none.md", "docs/b.md: docs/a.md has no heading #none",
		"docs/b.md: the link to none.svg", "docs/b.md: docs/a.md has no heading #twice-2", "docs/b.md: there is no docs/c.md",
		"x.go: there is no y.go")
}

func TestSizesAndLicenses(t *testing.T) {
	longFiles = map[string]int{"long.go": 400, "short.go": 400, "grown.go": 400}
	paths := write(t, map[string]string{
		"new.go": strings.Repeat("\n", 301), "long.go": strings.Repeat("\n", 400), "grown.go": strings.Repeat("\n", 401),
		"short.go": strings.Repeat("\n", 300), "README.md": strings.Repeat("\n", 151), "ok.go": strings.Repeat("\n", 300),
		"ok.h": "/* SPDX-License-Identifier: MIT */\n#include <a.h>\n", "late.h": "#define A\n/* SPDX-License-Identifier: MIT */\n",
	})
	hold(t, checkSizes(paths), "README.md: more than 150", "grown.go: more than 400", "new.go: more than 300",
		"short.go: is no longer too long")
	hold(t, checkLicenses(paths), "late.h: no SPDX")
}

func TestCommands(t *testing.T) {
	paths := write(t, map[string]string{
		"go.mod":             "module example.org/m\n\ngo 1.26.0\n",
		"main.go":            "package main\n\nimport \"flag\"\n\nfunc main() {\n\tflag.Int(\"n\", 0, \"\")\n\tflag.Parse()\n}\n",
		"sub/sub.go":         "package sub\n",
		"sub/sub_test.go":    "package sub\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {}\n",
		"sub/README.md":      "Here:\n\n    go test -v .\n",
		"module/Makefile":    "all:\n",
		"bad.md":             "    go run ./none    # comment\n\n```sh\ncd sub && go test -run Sums .\n```\n\n    go run . -m 1\n    (cd none && make)\n    make -C sub\n    .ci/none\n    go test -vv ./...\n",
		"good.md":            "    go run . -n 1\n    FOO=1 go test -run Sum -exec \"$PWD/a b\" ./sub    # go run ./none\n    cd sub && go test .\n    cd eventchan && go vet .\n    make -C module\n\nText:\n\n```go\ngo run(none)\n```\n",
		".ci/present/run.sh": "",
	})
	hold(t, checkCommands(paths), "bad.md: go run ./none: ", "bad.md: go test -run Sums .: no test", "bad.md: go run . -m 1: the program has no flag",
		"bad.md: cd none: there is no such folder", "bad.md: make -C sub: there is no Makefile", "bad.md: .ci/none: there is no such program",
		"bad.md: go test -vv ./...: go test has no flag -vv")
}
