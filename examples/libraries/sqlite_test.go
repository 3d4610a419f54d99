//go:build linux

package libraries

import "testing"

func TestSQLite(t *testing.T) {
	needLibrary(t, "sqlite3", "libsqlite3-dev")
	run(t, []string{build(t, "sqlite")},
		"1001 commits and 8000 rows arrived; 100 commits after Close make 8100")
}
