package rawefd

import (
	"bytes"
	"strconv"
)

// Numbers returns the descriptor numbers that are registered, from /proc. A registration that
// has ended because its file was closed for good is not among them; one that lives on because of
// a duplicate is. On a system that does not list registrations, the result is empty.
func (e Epoll) Numbers() (map[int]bool, error) {
	info, err := readInfo(int(e))
	if err != nil {
		return nil, err
	}
	numbers := make(map[int]bool)
	for line := range bytes.Lines(info) {
		value, ok := bytes.CutPrefix(line, []byte("tfd:"))
		if !ok {
			continue
		}
		digits, _, _ := bytes.Cut(bytes.TrimLeft(value, " "), []byte(" "))
		num, err := strconv.Atoi(string(digits))
		if err != nil {
			return nil, err
		}
		numbers[num] = true
	}
	return numbers, nil
}
