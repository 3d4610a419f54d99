package main

import (
	"path/filepath"
	"regexp"
	"strings"
)

// clone is the folder that git clone makes, which is the root.
const clone = "eventchan"

// A command is one that a page shows.
type command struct {
	path    string
	line    int
	folders []string // where it may be meant: where a line above it went, the root, the folder of the page
	words   []string
}

// checkCommands reports commands in the code of pages whose program, package, test or flag does not exist.
func checkCommands(paths []string) (found []finding) {
	for _, path := range paths {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, c := range commandsOf(path, read(path)) {
			if why := c.broken(); why != "" {
				found = append(found, finding{path, c.line, strings.Join(c.words, " ") + ": " + why})
			}
		}
	}
	return found
}

// commandsOf returns what is in code that is indented or that a fence says is for a shell.
func commandsOf(path, page string) (found []command) {
	fenced, shell, went := false, false, ""
	for i, line := range strings.Split(page, "\n") {
		if info, fence := strings.CutPrefix(strings.TrimSpace(line), "```"); fence {
			fenced, shell, went = !fenced, info == "sh", ""
			continue
		}
		if !(fenced && shell) && !(!fenced && strings.HasPrefix(line, "    ")) {
			if !fenced && line != "" {
				went = "" // the next code starts at the root again
			}
			continue
		}
		for _, words := range split(line) {
			if words[0] == "cd" && len(words) == 2 {
				went = strings.TrimPrefix(filepath.Clean(words[1]), clone)
			}
			found = append(found, command{path, i + 1, folders(went, path), words})
		}
	}
	return found
}

func folders(went, path string) []string {
	own := filepath.Dir(path)
	if went == "" {
		return []string{".", own}
	}
	return []string{went, filepath.Join(own, went), ".", own}
}

// word is a word of a shell's, with its quotes, or an operator; a comment is left out.
var word = regexp.MustCompile(`(?:"(?:[^"\\]|\\.)*"|'[^']*'|\$\([^)]*\)|[^\s"'&|;()#]|[^\s&|;()]#)+|&&|\|\|?|[;()]|#.*`)

// split returns the simple commands of a line.
func split(line string) (commands [][]string) {
	var words []string
	for _, w := range append(word.FindAllString(strings.TrimPrefix(strings.TrimSpace(line), "$ "), -1), ";") {
		switch w[0] {
		case '#':
		case '&', '|', ';', '(', ')':
			if len(words) > 0 {
				commands = append(commands, words)
			}
			words = nil
		default:
			words = append(words, w)
		}
	}
	return commands
}

var assignment = regexp.MustCompile(`^([A-Z_][A-Z0-9_]*)=`)

// broken returns why a command cannot work, or "".
func (c command) broken() string {
	words := c.words
	for len(words) > 0 {
		m := assignment.FindStringSubmatch(words[0])
		if m == nil {
			break
		}
		if strings.HasPrefix(m[1], "EVENTCHAN_") && !isUsed(m[1]) {
			return "nothing asks for " + m[1]
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	return c.inSomeFolder(func(folder string) string { return brokenIn(folder, words) })
}

// inSomeFolder returns "" if the command works in one of its folders, or why it does not in the first.
func (c command) inSomeFolder(broken func(folder string) string) (why string) {
	for _, folder := range c.folders {
		if !exists(folder) {
			continue
		}
		answer := broken(folder)
		if answer == "" {
			return ""
		}
		if why == "" {
			why = answer
		}
	}
	return why
}

func brokenIn(folder string, words []string) string {
	switch name := words[0]; {
	case name == "go" && len(words) > 1:
		return brokenGo(folder, words[1], words[2:])
	case name == "cd" && len(words) == 2 && words[1] != clone && !exists(words[1]) && !exists(filepath.Join(folder, words[1])):
		return "there is no such folder"
	case name == "make" && len(words) > 2 && words[1] == "-C" && !exists(filepath.Join(folder, words[2], "Makefile")):
		return "there is no Makefile"
	case strings.HasPrefix(name, ".ci/") && !exists(name):
		return "there is no such program"
	}
	return ""
}

// isUsed reports whether code or CI asks for an environment variable.
func isUsed(variable string) bool {
	return strings.TrimSpace(output("sh", "-c", `git grep -l "$0" -- '*.go' .ci || true`, variable)) != ""
}
