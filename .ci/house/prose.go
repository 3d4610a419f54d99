package main

import (
	"go/scanner"
	"go/token"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// A prose is what people read of a file: all of a page, the comments of code. Phrases can be looked for across lines.
type prose struct {
	text   string
	starts []int // where each line of text starts
	lines  []int // and its number in the file
}

func (p *prose) add(number int, line string) {
	if n := len(p.lines); n > 0 && number > p.lines[n-1]+1 {
		p.text += "|" // a phrase ends where code follows
	}
	p.starts = append(p.starts, len(p.text))
	p.lines = append(p.lines, number)
	p.text += line + "\n"
}

// line returns the number of the line that has this byte of the text.
func (p *prose) line(offset int) int {
	return p.lines[sort.SearchInts(p.starts, offset+1)-1]
}

// proseOf returns nil for files that have no text for readers.
func proseOf(path, content string) *prose {
	switch filepath.Ext(path) {
	case ".go":
		return commentsOfGo(content)
	case ".c", ".h", ".cpp", ".pml", ".s":
		return commentsOfC(content)
	case ".sh", ".py", ".yml", ".gitignore":
		return commentsAfter(hash, content)
	case ".md", ".skip":
		return commentsAfter(all, content)
	}
	if strings.HasPrefix(content, "#") { // a script, Makefile or Kbuild
		return commentsAfter(hash, content)
	}
	return nil
}

func commentsOfGo(content string) *prose {
	p := new(prose)
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(content))
	var s scanner.Scanner
	s.Init(file, []byte(content), nil, scanner.ScanComments)
	for {
		position, kind, literal := s.Scan()
		if kind == token.EOF {
			return p
		}
		if kind != token.COMMENT || strings.HasPrefix(literal, "//go:") {
			continue
		}
		number, end := file.Line(position), file.Offset(position)+len(literal)
		if end <= len(content) && beforeImportC.MatchString(content[end:]) {
			p.addCommentsOfC(number, strings.Trim(literal, "/*"))
		} else {
			p.addComment(number, literal)
		}
	}
}

// beforeImportC matches what follows a comment that is C code.
var beforeImportC = regexp.MustCompile(`^\s*import "C"`)

func (p *prose) addComment(number int, comment string) {
	for i, line := range strings.Split(comment, "\n") {
		p.add(number+i, strings.Trim(line, "/* \t"))
	}
}

// literalOrComment finds comments of C that are not in a string, because it finds strings as well.
var literalOrComment = regexp.MustCompile(`(?s)"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|/\*.*?\*/|//[^\n]*`)

func commentsOfC(content string) *prose {
	p := new(prose)
	p.addCommentsOfC(1, content)
	return p
}

// addCommentsOfC adds the comments of code that starts in a line.
func (p *prose) addCommentsOfC(number int, code string) {
	for _, at := range literalOrComment.FindAllStringIndex(code, -1) {
		if text := code[at[0]:at[1]]; text[0] == '/' {
			p.addComment(number+strings.Count(code[:at[0]], "\n"), text)
		}
	}
}

var (
	all  = regexp.MustCompile(`^(.*)$`)
	hash = regexp.MustCompile(`(?:^|\s)#(.*)$`)
)

func commentsAfter(start *regexp.Regexp, content string) *prose {
	p := new(prose)
	for i, line := range strings.Split(content, "\n") {
		if m := start.FindStringSubmatch(line); m != nil {
			p.add(i+1, strings.TrimSpace(m[1]))
		}
	}
	return p
}
