package harness

import (
	"bytes"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Tied starts a process that gets sig when the tests die before they could stop it,
// and calls ended with how it ended.
func Tied(cmd *exec.Cmd, sig syscall.Signal, ended func(error)) error {
	dieWithUs(cmd, sig)
	cmd.WaitDelay = 5 * time.Second // for the pipes of what it leaves behind
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal is sent when the thread that started it ends
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended(cmd.Wait())
		}
	}()
	return <-started
}

// Lines gives each whole line written to it to Line.
type Lines struct {
	Line func(string)

	mu   sync.Mutex
	rest []byte
}

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.rest = rest
		l.Line(string(line))
	}
}
