package main

import (
	"fmt"
	"regexp"
	"strings"
)

// rules are words and phrases that a native reader stumbles over in this text, and what to write. A blank in a phrase
// also stands for the end of a line. What the third column matches is right.
var rules = compile([][3]string{
	{`(\w+ )?who(m|ever|mever)?`, "name the thread, goroutine, process or caller", `^(people|readers?|users?|authors?|maintainers?) `},
	{`he|him|his|himself`, "it", ``},
	{`(some|no|every|any)body`, "name the thread, goroutine, process or caller", ``},
	{`strangers?`, "unrelated", ``},
	{`tells|told`, "report, return or say", ``},
	{`in vain`, "without success", ``},
	{`to be had`, "available", ``},
	{`for want of`, "because there is no", ``},
	{`for ever`, "forever", ``},
	{`of late`, "recently", ``},
	{`([\w,'-]+ ){0,9}at once`, "immediately", `\b(all|both|many|more|most|much|several|some|two|three|\d+)\b`}, // "three at once" is right
	{`be it`, "whether", ``},
	{`meanwhile`, "at the same time, or until then", ``},
	{`wherefore`, "therefore", ``},
	{`also if`, "even if", ``},
	{`some \d[\d,.]*`, "about", ``},
	{`signall(ed|ing|er|ers)`, "signaled, signaling, signaler", ``},
	{`cancell(ed|ing)`, "canceled, canceling", ``},
	{`behaviours?|colou?red|colours?|favour\w*|neighbours?|honours?`, "the American spelling", ``},
	{`licence[sd]?`, "license", ``},
	{`towards`, "toward", ``},
	{`(recogni|synchroni|initiali|seriali|optimi|minimi|organi|reali)s(e|es|ed|ing|ation)`, "the American spelling, with z", ``},
	{`an eventfd\(2\)`, "an eventfd", ``},
	{`(\w+ )?(is|are) no \w+`, "is not a", `^(there|nor)\b|\bno (longer|more|less|different|other|such)$`},
})

type rule struct {
	pattern *regexp.Regexp
	say     string
	right   *regexp.Regexp // nil: nothing
}

func compile(table [][3]string) (rules []rule) {
	for _, row := range table {
		r := rule{pattern: phrase(`\b(?:` + row[0] + `)(?:\b|$)`), say: row[1]}
		if row[2] != "" {
			r.right = phrase(row[2])
		}
		rules = append(rules, r)
	}
	return rules
}

func phrase(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.ReplaceAll(pattern, " ", `\s+`))
}

// An exception allows a phrase where it is right. One that is no longer needed has to go.
type exception struct{ path, phrase, reason string }

var exceptions []exception

func checkWords(paths []string) (found []finding) {
	used := map[exception]bool{}
	for _, path := range paths {
		p := proseOf(path, read(path))
		if p == nil {
			continue
		}
		for _, f := range badWords(path, p) {
			if e, ok := allowed(path, f.text); ok {
				used[e] = true
				continue
			}
			found = append(found, f)
		}
	}
	for _, e := range exceptions {
		if !used[e] {
			found = append(found, finding{".ci/house/words.go", 1, fmt.Sprintf("%s no longer has %q (%s)", e.path, e.phrase, e.reason)})
		}
	}
	return found
}

func badWords(path string, p *prose) (found []finding) {
	for _, r := range rules {
		for _, at := range r.pattern.FindAllStringIndex(p.text, -1) {
			if r.right != nil && r.right.MatchString(p.text[at[0]:at[1]]) {
				continue
			}
			from, to := max(at[0]-40, 0), min(at[1]+30, len(p.text))
			context := strings.Join(strings.Fields(p.text[from:at[0]]+"["+p.text[at[0]:at[1]]+"]"+p.text[at[1]:to]), " ")
			found = append(found, finding{path, p.line(at[0]), fmt.Sprintf("%q: %s", context, r.say)})
		}
	}
	return found
}

func allowed(path, text string) (exception, bool) {
	for _, e := range exceptions {
		if e.path == path && strings.Contains(strings.NewReplacer("[", "", "]", "").Replace(text), e.phrase) {
			return e, true
		}
	}
	return exception{}, false
}
