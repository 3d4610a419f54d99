package main

import (
	"os/exec"
	"regexp"
	"strings"
	"sync"
)

// flags are those of "go build" and "go test", and whether a value follows as a word of its own.
var flags = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, page := range []string{"build", "test", "testflag"} {
		for _, m := range regexp.MustCompile(`(?m)^\t-([a-z]+)( [^\n]+)?$`).FindAllStringSubmatch(output("go", "help", page), -1) {
			known[m[1]] = m[2] != ""
		}
	}
	known["o"] = true // "go help build" has it in its text only
	return known
})

// brokenGo returns why a command of Go's does not work in a folder, or "".
func brokenGo(folder, verb string, words []string) string {
	switch verb {
	case "run", "build", "test", "vet":
	default:
		return ""
	}
	values, rest, unknown := parse(words)
	if unknown != "" {
		return "go " + verb + " has no flag " + unknown
	}
	packages, arguments := rest, []string(nil)
	if verb == "run" && len(rest) > 0 {
		packages, arguments = rest[:1], rest[1:]
	}
	folders, why := list(folder, values["tags"], packages)
	switch {
	case strings.Contains(strings.Join(packages, " "), "@"):
		return ""
	case why != "":
		return why
	case verb == "run" && len(arguments) > 0:
		return brokenArguments(folder, packages[0], arguments)
	}
	for _, flag := range []string{"run", "fuzz", "bench"} {
		if name := strings.Trim(values[flag], `^$'"`); isName(name) && !hasFunction(folders, name) {
			return "no test is called " + name
		}
	}
	return ""
}

// parse splits the words into values of flags and what is left after the first word that is not a flag.
func parse(words []string) (values map[string]string, rest []string, unknown string) {
	values = map[string]string{}
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		name, value, joined := strings.Cut(strings.TrimLeft(words[0], "-"), "=")
		words = words[1:]
		takesValue, known := flags()[name]
		if !known {
			return values, words, "-" + name
		}
		if takesValue && !joined && len(words) > 0 {
			value, words = words[0], words[1:]
		}
		values[name] = value
	}
	return values, words, ""
}

// list returns the folders of packages, or why there are none.
func list(folder, tags string, packages []string) (folders []string, why string) {
	arguments := append([]string{"-C", folder, "list", "-tags", tags, "-f", "{{.Dir}}"}, packages...)
	text, err := exec.Command("go", arguments...).CombinedOutput()
	if err != nil {
		return nil, strings.TrimSpace(string(text))
	}
	return strings.Fields(string(text)), ""
}

var flagName = regexp.MustCompile(`^-+([a-z]+)`)

// brokenArguments asks a program for its flags.
func brokenArguments(folder, program string, arguments []string) string {
	for _, argument := range arguments {
		m := flagName.FindStringSubmatch(argument)
		if m != nil && !regexp.MustCompile(`(?m)^\s+-`+m[1]+`\b`).MatchString(help(folder, program)) {
			return "the program has no flag " + argument
		}
	}
	return ""
}

var helps = map[[2]string]string{}

// help returns what a program prints for -h.
func help(folder, program string) string {
	key := [2]string{folder, program}
	if helps[key] == "" {
		text, _ := exec.Command("go", "-C", folder, "run", program, "-h").CombinedOutput() // exits with status 1 or 2
		helps[key] = string(text)
	}
	return helps[key]
}

func isName(pattern string) bool { return regexp.MustCompile(`^[A-Z]\w+$`).MatchString(pattern) }

// hasFunction reports whether tests in the folders have a function whose name has this part.
func hasFunction(folders []string, part string) bool {
	arguments := append([]string{"-qE", `^func (Test|Fuzz|Benchmark|Example)?\w*` + part + `\w*\(`, "-r", "--include=*_test.go"}, folders...)
	return exec.Command("grep", arguments...).Run() == nil
}
