//go:build linux && cgo

// Command sqlite follows the changes of an SQLite database in a Go select: each row that
// is inserted or deleted arrives as a value, and each commit as a signal. No C is
// written. It keeps the set of rows, and exits with status 1 if the table has another.
package main

/*
#cgo pkg-config: sqlite3
#include <sqlite3.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"log"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/notify"
)

// run runs a statement, and returns the first number of its first row, if it has one.
func run(db *C.sqlite3, statement string) int64 {
	sql := C.CString(statement)
	defer C.free(unsafe.Pointer(sql))
	var prepared *C.sqlite3_stmt
	C.sqlite3_prepare_v2(db, sql, -1, &prepared, nil)
	defer C.sqlite3_finalize(prepared)
	if code := C.sqlite3_step(prepared); code != C.SQLITE_DONE && code != C.SQLITE_ROW {
		log.Fatalf("%s: %s", statement, C.GoString(C.sqlite3_errmsg(db)))
	}
	return int64(C.sqlite3_column_int64(prepared, 0))
}

func main() {
	var db *C.sqlite3
	C.sqlite3_open(C.CString(":memory:"), &db)
	run(db, "CREATE TABLE reading (id INTEGER PRIMARY KEY, value)")
	changes, _ := queue.New[callback.Args](1 << 14) // room for all, should the loop below be late
	commits, _ := notify.New()
	// void (*)(void *, int operation, const char *database, const char *table, sqlite3_int64 row)
	C.sqlite3_update_hook(db, (*[0]byte)(callback.SendAt(0)), changes.Handle())
	// int (*)(void *); a result other than 0 would roll back
	C.sqlite3_commit_hook(db, (*[0]byte)(callback.Signal()), commits.Handle())
	go func() {
		for range 1000 {
			run(db, "INSERT INTO reading (value) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)")
		}
		run(db, "DELETE FROM reading WHERE id % 5 = 0") // without WHERE, SQLite would not call the hook
		changes.Close()                                 // what was sent before is still received
	}()

	rows, signals := map[int64]bool{}, uint64(0)
	for open := true; open; {
		select {
		case change, ok := <-changes.C():
			switch operation, row := int32(change[1]), int64(change[4]); {
			case operation == C.SQLITE_INSERT && row == int64(len(rows)+1): // in order
				rows[row] = true
			case operation == C.SQLITE_DELETE && rows[row]:
				delete(rows, row)
			case ok:
				log.Fatalf("with %d rows, operation %d of row %d arrived", len(rows), operation, row)
			}
			open = ok
		case n := <-commits.C():
			signals += n
		}
	}
	commits.Close()
	signals += <-commits.C() // what was pending, or 0
	for range 100 {          // commits still succeed after Close
		run(db, "INSERT INTO reading (value) VALUES (0)")
	}
	count := run(db, "SELECT count(*) FROM reading")
	fmt.Printf("%d commits and %d rows arrived; 100 commits after Close make %d\n", signals, len(rows), count)
	if signals != 1001 || count != int64(len(rows)+100) || changes.Refused() != 0 {
		log.Fatalf("want 1001 commits and as many rows as in the table; %d changes were refused", changes.Refused())
	}
}
