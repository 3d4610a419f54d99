//go:build linux

package eventchan_test

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

	"github.com/eventchan/eventchan/notify"
)

// The environment of a process that a test starts from its own binary.
const (
	roleKey    = "EVENTCHAN_TEST_ROLE"
	timesKey   = "EVENTCHAN_TEST_TIMES"
	permitsKey = "EVENTCHAN_TEST_PERMITS"
	fdKey      = "EVENTCHAN_TEST_FD"
)

// inherited is the number of the first of exec.Cmd.ExtraFiles in the child.
const inherited = 3

// roles are what such a process can be. It prints its result, if any, as one line.
var roles map[string]func(ctx context.Context) (result string, err error)

func init() { // the roles below refer to roles
	roles = map[string]func(context.Context) (string, error){
		"signal":   playSignal,
		"receive":  playReceive,
		"permits":  playPermits,
		"find":     playFind,
		"toParent": playToParent,
		"owner":    playOwner,
		"passed":   playPassed,
		"signalfd": playSignalfd,
	}
}

// play ends a process whose test is gone, and returns its exit status.
func play(role string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	defer cancel()
	result, err := roles[role](ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s in process %d: %v\n", role, os.Getpid(), err)
		return 1
	}
	if result != "" {
		fmt.Println(result)
	}
	return 0
}

func number(key string) int {
	n, err := strconv.Atoi(os.Getenv(key))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", key, err))
	}
	return n
}

// untilTold returns a context that ends when the parent closes our standard
// input, as its death does too.
func untilTold(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}

// A child is a process that a test has started.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// startChild starts a process in a role, which inherits the files; they are
// closed here.
func startChild(role string, env []string, files ...*os.File) (*child, error) {
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &child{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), roleKey+"="+role, "GORACE=atexit_sleep_ms=0") // which is 1 s
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.ExtraFiles = files
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

// mustStart is startChild for the goroutine of a test.
func mustStart(t testing.TB, role string, env []string, files ...*os.File) *child {
	t.Helper()
	p, err := startChild(role, env, files...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	return p
}

// line returns the next line that the process prints.
func (p *child) line() (string, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the output of a %s: %w", p.cmd.Args[0], err)
	}
	return line[:len(line)-1], nil
}

// wait waits for the end of the process.
func (p *child) wait() error {
	io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}

// finish tells the process to end and returns the number that it prints.
func (p *child) finish(t testing.TB) uint64 {
	t.Helper()
	p.stdin.Close()
	line, err := p.line()
	if err := errors.Join(err, p.wait()); err != nil {
		t.Error(err)
		return 0
	}
	n, err := strconv.ParseUint(line, 10, 64)
	if err != nil {
		t.Error(err)
	}
	return n
}

// playSignal adds 1 as often as it is told, half of it with a Notifier.
func playSignal(context.Context) (string, error) {
	n, err := notify.FromFD(inherited)
	if err != nil {
		return "", err
	}
	for i := range number(timesKey) {
		if i%2 == 0 {
			err = n.Notify()
		} else {
			err = rawAdd(inherited, 1)
		}
		if err != nil {
			return "", err
		}
	}
	return "", n.Close()
}

// playReceive takes what it gets until it is told to stop, and prints the sum.
func playReceive(ctx context.Context) (string, error) {
	ctx, cancel := untilTold(ctx)
	defer cancel()
	n, err := notify.FromFD(inherited)
	if err != nil {
		return "", err
	}
	var sum atomic.Uint64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				ctx, cancel := someCancel(ctx)
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
