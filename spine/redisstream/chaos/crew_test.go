package chaos_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is the test binary that the other processes run: this one, or, where this one has the race
// detector, one without, which does not take ten times as long.
var program = sync.OnceValues(func() (string, error) {
	if !underRace {
		return os.Executable()
	}
	path := filepath.Join(buildFolder, "chaos.test")
	out, err := exec.Command("go", "test", "-c", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the processes: %w: %s", err, out)
	}
	return path, nil
})

// buildFolder is where program builds, while the tests run.
var buildFolder string

// member is one process of a round, over all its lives.
type member struct {
	orders  orders
	log     string // file
	process *process
	stopped bool
}

// process is one life of a member.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer // its end ends the process
	ended chan struct{}
	err   error // valid once ended is closed
}

// start begins a life.
func (m *member) start() error {
	path, err := program()
	if err != nil {
		return err
	}
	text, err := json.Marshal(m.orders)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // The process has its own.
	if m.orders.Holding != "" {
		_ = os.Remove(m.orders.Holding) // It is what another life has held.
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	go func() { // ends with the process
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	m.process, m.stopped = p, false
	return nil
}

// kill ends a life by SIGKILL.
func (m *member) kill() {
	m.signal(syscall.SIGKILL)
	<-m.process.ended
	m.stopped = false
}

// pause stops the process where it is.
func (m *member) pause() {
	m.signal(syscall.SIGSTOP)
	m.stopped = true
}

// resume lets a paused process go on.
func (m *member) resume() {
	m.signal(syscall.SIGCONT)
	m.stopped = false
}

// finish ends a life in good order.
func (m *member) finish(limit time.Duration) error {
	m.signal(syscall.SIGTERM)
	select {
	case <-m.process.ended:
		if m.process.err == nil {
			return nil
		}
		return fmt.Errorf("%s: %w; its log ends with:\n%s", m.orders.Label, m.process.err, m.tail())
	case <-time.After(limit):
		tail := m.tail()
		m.signal(syscall.SIGQUIT) // what it is about goes into its log, which -artifacts keeps
		time.Sleep(200 * time.Millisecond)
		m.kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM; its log ends with:\n%s", m.orders.Label, limit, tail)
	}
}

func (m *member) alive() bool {
	select {
	case <-m.process.ended:
		return false
	default:
		return true
	}
}

// exitCode of a life that is over.
func (m *member) exitCode() int {
	var exit *exec.ExitError
	if errors.As(m.process.err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// signal does nothing to a process that has ended.
func (m *member) signal(s syscall.Signal) {
	if m.alive() {
		_ = m.process.cmd.Process.Signal(s)
	}
}

func (m *member) tail() string {
	const most = 2000 // bytes
	text, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// hire makes a member whose process ends with the test at the latest.
func hire(t *testing.T, o orders) *member {
	t.Helper()
	if o.Label == "" {
		o.Label = o.Name
	}
	m := &member{orders: o, log: filepath.Join(t.ArtifactDir(), o.Label+".log")}
	require.NoError(t, m.start())
	t.Cleanup(m.kill)
	return m
}
