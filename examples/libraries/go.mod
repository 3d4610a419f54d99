module github.com/eventchan/eventchan/examples/libraries

go 1.26.3

replace github.com/eventchan/eventchan => ../../

require github.com/eventchan/eventchan v0.0.0-00010101000000-000000000000

require golang.org/x/sys v0.49.0 // indirect
