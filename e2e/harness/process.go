package harness

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a running Postern.
type Process struct {
	URL string // where it is, without a slash at the end

	tb   testing.TB
	args []string
	env  []string
	cmd  *exec.Cmd
	log  *output
	done chan struct{} // closed once the process is gone
	err  error         // how it ended; read after done
}

const (
	startTime = 60 * time.Second // until it answers
	stopTime  = 45 * time.Second // from SIGTERM to the end
)

// Start runs the program with args and waits until it answers. It listens on a
// free port of the loopback unless args say otherwise, and stops with the test.
// A log that speaks of a panic or a data race fails the test.
func Start(tb testing.TB, args ...string) *Process {
	tb.Helper()
	p := &Process{tb: tb, args: args, log: &output{}}
	p.Again(tb)
	tb.Cleanup(func() {
		p.Stop(tb)
		if log := p.Log(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "msg=panic") || strings.Contains(log, "goroutine 1 [") {
			tb.Errorf("the log of %v speaks of a panic or a data race:\n%s", args, tail(log, 20_000))
		} else if tb.Failed() {
			tb.Logf("log of postern %v:\n%s", args, tail(log, 8_000))
		}
	})
	return p
}

// Again starts the program again, with the same settings.
func (p *Process) Again(tb testing.TB) {
	tb.Helper()
	cmd := exec.Command(Binary(tb), p.args...)
	cmd.Env = append(cleanEnv(), p.env...)
	cmd.Dir = tb.TempDir()
	if p.URL == "" && !strings.Contains(strings.Join(p.args, " "), "--listen") {
		cmd.Args = append(cmd.Args, "--listen", "127.0.0.1:0")
	} else if p.URL != "" {
		cmd.Args = append(cmd.Args, "--listen", "127.0.0.1:"+portOf(p.URL))
	}
	said := make(chan string, 1)
	cmd.Stdout = &Lines{Line: func(line string) {
		if u, ok := strings.CutPrefix(line, "Postern is at "); ok {
			said <- strings.TrimSuffix(u, "/")
		}
	}}
	cmd.Stderr = p.log
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	if err := Tied(cmd, syscall.SIGKILL, func(err error) { p.err = err; close(done) }); err != nil {
		tb.Fatal(err)
	}
	select {
	case p.URL = <-said:
	case <-p.done:
		tb.Fatalf("postern %v ended at once: %v\n%s", p.args, p.err, p.Log())
	case <-time.After(startTime):
		p.Kill(tb)
		tb.Fatalf("postern %v did not answer in %v\n%s", p.args, startTime, p.Log())
	}
}

// Stop ends the program as an operator does and waits for it.
func (p *Process) Stop(tb testing.TB) {
	tb.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.err != nil {
			tb.Errorf("postern stopped with %v", p.err)
		}
	case <-time.After(stopTime):
		p.Kill(tb)
		tb.Errorf("postern did not stop in %v", stopTime)
	}
}

// Kill ends the program with no chance to do anything about it.
func (p *Process) Kill(tb testing.TB) {
	tb.Helper()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Log is what the program logged so far.
func (p *Process) Log() string { return p.log.String() }

// Peak is the most memory the program held so far, in octets (VmHWM).
func (p *Process) Peak(tb testing.TB) int64 {
	tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		tb.Fatalf("no VmHWM in %s", b)
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return kb << 10
}

// Run runs the program to its end, with stdin and more environment, and returns
// what it wrote to stdout and stderr and its exit code.
func Run(tb testing.TB, stdin string, env []string, args ...string) (stdout, stderr string, code int) {
	tb.Helper()
	cmd := exec.Command(Binary(tb), args...)
	cmd.Dir = tb.TempDir()
	cmd.Env, cmd.Stdin = append(cleanEnv(), env...), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	timer := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		tb.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// cleanEnv is the environment without settings of ours.
func cleanEnv() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "POSTERN_") {
			env = append(env, e)
		}
	}
	return env
}

func portOf(u string) string {
	u = strings.TrimPrefix(u, "http://")
	host, _, _ := strings.Cut(u, "/")
	return host[strings.LastIndexByte(host, ':')+1:]
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// output keeps what a process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
