module github.com/eventchan/eventchan/examples/kmod

go 1.26.0

replace github.com/eventchan/eventchan => ../../

require (
	github.com/eventchan/eventchan v0.0.0-00010101000000-000000000000
	golang.org/x/sys v0.49.0
)
