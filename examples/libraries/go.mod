module github.com/eventchan/eventchan/examples/libraries

go 1.26.3

replace github.com/eventchan/eventchan => ../../
