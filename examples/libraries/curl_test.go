//go:build linux

package libraries

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
)

// The server does not answer a request before all have arrived, so that the program passes
// only if it has all transfers in flight together.
func TestCurl(t *testing.T) {
	needLibrary(t, "libcurl", "libcurl4-openssl-dev")
	program := build(t, "curl")
	const pages = 200
	var arrived atomic.Int32
	all := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil || page < 1 || page > pages {
			http.NotFound(w, r)
			return
		}
		if arrived.Add(1) == pages {
			close(all)
		}
		select {
		case <-all:
			w.Write(bytes.Repeat([]byte{'x'}, 1000*page))
		case <-r.Context().Done(): // the program has ended
		}
	}))
	t.Cleanup(server.Close)
	run(t, []string{program, server.URL + "/"}, "200 pages arrived")
}
