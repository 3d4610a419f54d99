package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

var (
	// linkTarget is what a link or picture leads to, also that of a picture with a link.
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)`)
	// onGitHub is a file of ours by its full address, as in templates, which have no folder.
	onGitHub = regexp.MustCompile(`github\.com/eventchan/eventchan/(?:blob|tree)/main/([\w./-]*[\w/])`)
	// ownPath is a file or folder of ours that text names from the root.
	ownPath  = regexp.MustCompile(`(?:^|[\s("` + "`" + `])((?:docs|examples|tests|bench|internal|\.ci|\.github)/[\w./-]*\w)`)
	heading  = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	code     = regexp.MustCompile("`[^`]*`")
	linkText = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
)

// notOurs are paths that look like ours.
var notOurs = map[string]string{
	"internal/poll": "a package of Go's",
}

func checkLinks(paths []string) (found []finding) {
	for _, path := range paths {
		content := read(path)
		if filepath.Ext(path) == ".md" {
			for i, line := range outsideFences(content) {
				for _, m := range linkTarget.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
					if why := deadLink(path, m[1]); why != "" {
						found = append(found, finding{path, i + 1, why})
					}
				}
			}
		}
		if p := proseOf(path, content); p != nil {
			found = append(found, deadPaths(path, p)...)
		}
	}
	return found
}

// deadLink returns why a relative link leads nowhere, or "".
func deadLink(path, target string) string {
	if strings.Contains(target, ":") {
		return "" // to another site
	}
	file, anchor, _ := strings.Cut(target, "#")
	to := path
	if file != "" {
		to = filepath.Join(filepath.Dir(path), file)
	}
	if !exists(to) {
		return fmt.Sprintf("the link to %s leads nowhere", target)
	}
	if anchor != "" && filepath.Ext(to) == ".md" && !anchors(read(to))[anchor] {
		return fmt.Sprintf("%s has no heading #%s", to, anchor)
	}
	return ""
}

// anchors returns the anchors that GitHub gives the headings of a page.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, line := range outsideFences(page) {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		anchor := anchorOf(m[1])
		name := anchor
		for n := 1; found[name]; n++ {
			name = fmt.Sprint(anchor, "-", n)
		}
		found[name] = true
	}
	return found
}

func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, linkText.ReplaceAllString(heading, "$1"))
}

// outsideFences returns the lines of a page, and empty ones for those of fenced code.
func outsideFences(page string) []string {
	lines := strings.Split(page, "\n")
	fenced := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			fenced = !fenced
		}
		if fence || fenced {
			lines[i] = ""
		}
	}
	return lines
}

// deadPaths finds paths that are not in the repository, neither from its root nor from the folder of the file.
func deadPaths(path string, p *prose) (found []finding) {
	for _, pattern := range []*regexp.Regexp{onGitHub, ownPath} {
		for _, at := range pattern.FindAllStringSubmatchIndex(p.text, -1) {
			named := strings.TrimSuffix(p.text[at[2]:at[3]], "/...")
			if !isPath(named) && !isPath(filepath.Join(filepath.Dir(path), named)) {
				found = append(found, finding{path, p.line(at[2]), "there is no " + named})
			}
		}
	}
	return found
}

// isPath reports whether a file, a folder, or NAME of a package in folder.NAME exists.
func isPath(named string) bool {
	folder := strings.TrimSuffix(named, filepath.Ext(named))
	return exists(named) || notOurs[named] != "" || notOurs[folder] != "" ||
		exists(folder) && filepath.Ext(named) != ".go" && filepath.Ext(named) != ".md"
}
