//go:build linux

package libraries

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestPostgres(t *testing.T) {
	needLibrary(t, "libpq", "libpq-dev")
	server := startPostgres(t)
	run(t, []string{build(t, "postgres"), server}, "20000 jobs arrived in order")
}

// startPostgres starts a server of the test's own, on a unix socket and no port, and
// returns the connection string for it once it accepts connections.
func startPostgres(t *testing.T) string {
	t.Helper()
	// Debian keeps these programs out of PATH.
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", strings.Join(append(debian, os.Getenv("PATH")), ":"))
	needPrograms(t, "postgresql", "initdb", "postgres", "pg_isready")

	folder := t.TempDir()
	as := unprivileged(t, folder)
	data := filepath.Join(folder, "data")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	initdb := exec.CommandContext(ctx, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = folder, as
	if output, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, output)
	}

	postgres := exec.Command("postgres", "-D", data, "-F", "-k", folder, "-p", "5432", "-c", "listen_addresses=")
	postgres.Dir, postgres.SysProcAttr = folder, as
	ready := func() error {
		output, err := exec.CommandContext(ctx, "pg_isready", "-h", folder, "-p", "5432", "-U", "postgres").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("pg_isready: %w\n%s", err, output)
		}
		return err
	}
	if err := serve(t, ready, postgres); err != nil {
		t.Fatal(err)
	}
	return "host=" + folder + " port=5432 user=postgres dbname=postgres"
}

// unprivileged returns the attributes with which to start a program that refuses to run as root,
// and makes folder, which comes from t.TempDir, accessible to it.
func unprivileged(t *testing.T, folder string) *syscall.SysProcAttr {
	t.Helper()
	as := &syscall.SysProcAttr{}
	if os.Getuid() != 0 {
		return as
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		skip(t, "as root, without an account to run the server: %v", err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		t.Fatal(err)
	}
	// t.TempDir creates the folder in another one, which only root can enter.
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(folder, uid, gid); err != nil {
		t.Fatal(err)
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return as
}
