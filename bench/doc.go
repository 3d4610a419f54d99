// Command bench compares eventchan with what a program would use instead, all in
// one run, and prints medians and ratios:
//
//	go run .                      # everything, some minutes
//	go run . -svg ../docs         # and draws the charts
//	go run . -run Real-time       # a callback in a thread that has deadlines, 4 minutes
//	go run . -quick               # a few seconds, for CI: are all counts right?
//	go run . -endure 1m           # endurance instead: is anything lost or left behind?
//	go run . -endure 1e9 -run handle  # until a billion signals through handles have been received
//
// Absolute times differ from machine to machine, and on one machine from hour to
// hour. The contestants of a comparison therefore take turns, round after round. Each
// round gives a ratio, and the table shows the median of the ratios.
//
// A Notifier or Semaphore is in one of three modes, which the name of a row ends
// with: see mode.go.
package main
