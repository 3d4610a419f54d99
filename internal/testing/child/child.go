//go:build linux

// Package child starts processes for tests. Each runs the test binary again, in a role: it
// signals, takes, or does what its test has named.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

// These are variables in the environment of a process that Start starts.
const (
	roleKey  = "EVENTCHAN_TEST_ROLE"
	TimesKey = "EVENTCHAN_TEST_TIMES" // how often Signal signals
)

// Inherited is the number of the first of the files that Start gives to a process.
const Inherited = 3

// limit is how long a process lives at most, so that it ends even if its test is gone.
const limit = time.Minute

// A Role is what a process does. If its result is not empty, the process prints it as one line.
type Role func(ctx context.Context) (result string, err error)

// Play plays the role of a process that Start has started, and then ends the process. The role is
// one of roles or of this package's own: "signal" and "receive". In any other process
// Play does nothing. TestMain calls it first.
func Play(roles map[string]Role) {
	name := os.Getenv(roleKey)
	if name == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	role := roles[name]
	switch {
	case name == "signal":
		role = signal
	case name == "receive":
		role = receive
	case role == nil:
		panic("no role " + name)
	}
	result, err := role(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s in process %d: %v\n", name, os.Getpid(), err)
		os.Exit(1)
	}
	if result != "" {
		fmt.Println(result)
	}
	os.Exit(0)
}

// Number returns the number that the environment variable key has.
func Number(key string) int {
	n, err := strconv.Atoi(os.Getenv(key))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", key, err))
	}
	return n
}

// UntilStdinCloses returns a context that is canceled when the parent closes this process's standard
// input, or ends.
func UntilStdinCloses(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}

// A Process is a process that a test has started.
type Process struct {
	Cmd   *exec.Cmd
	Stdin io.WriteCloser
	out   *bufio.Reader
}

// Start starts a process in a role. The process inherits the files, which Start then closes here.
func Start(role string, env []string, files ...*os.File) (*Process, error) {
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{Cmd: exec.Command(exe)}
	p.Cmd.Env = append(os.Environ(), roleKey+"="+role, "GORACE=atexit_sleep_ms=0") // not 1 s, the default
	p.Cmd.Env = append(p.Cmd.Env, env...)
	p.Cmd.ExtraFiles = files
	p.Cmd.Stderr = os.Stderr
	if p.Stdin, err = p.Cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.Cmd.Start()
}

// MustStart is Start for the goroutine of a test. If Start fails, the test fails.
func MustStart(t testing.TB, role string, env []string, files ...*os.File) *Process {
	t.Helper()
	p, err := Start(role, env, files...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.Cmd.ProcessState == nil {
			p.Cmd.Process.Kill()
			p.Cmd.Wait()
		}
	})
	return p
}

// Line returns the next line that the process prints.
func (p *Process) Line() (string, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the output of a %s: %w", p.Cmd.Args[0], err)
	}
	return line[:len(line)-1], nil
}

// Wait waits until the process has ended.
func (p *Process) Wait() error {
	io.Copy(io.Discard, p.out)
	return p.Cmd.Wait()
}

// Finish closes the process's standard input, for which a role can wait. It returns the
// number that the process prints.
func (p *Process) Finish(t testing.TB) uint64 {
	t.Helper()
	p.Stdin.Close()
	line, err := p.Line()
	if err := errors.Join(err, p.Wait()); err != nil {
		t.Error(err)
		return 0
	}
	n, err := strconv.ParseUint(line, 10, 64)
	if err != nil {
		t.Error(err)
	}
	return n
}

// signal adds 1 as often as TimesKey says, every second time with a Notifier.
func signal(context.Context) (string, error) {
	n, err := notify.FromFD(Inherited)
	if err != nil {
		return "", err
	}
	for i := range Number(TimesKey) {
		if i%2 == 0 {
			err = n.Notify()
		} else {
			err = rawio.Add(Inherited, 1)
		}
		if err != nil {
			return "", err
		}
	}
	return "", n.Close()
}

// receive takes counts until its standard input is closed, and returns their sum.
func receive(ctx context.Context) (string, error) {
	ctx, cancel := UntilStdinCloses(ctx)
	defer cancel()
	n, err := notify.FromFD(Inherited)
	if err != nil {
		return "", err
	}
	var sum atomic.Uint64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				ctx, cancel := hammer.Cancel(ctx)
				if count, err := n.Wait(ctx); err == nil {
					sum.Add(count)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	return strconv.FormatUint(sum.Load(), 10), n.Close()
}
