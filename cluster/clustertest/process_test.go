package clustertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
)

// executable is what the processes of nodes run: this program, or, where it has the race detector, one without, of which
// many have room beside each other.
var executable = sync.OnceValues(func() (string, error) {
	if !underRace {
		return os.Executable()
	}
	path := filepath.Join(buildFolder, "clustertest.test")
	if out, err := exec.Command("go", "test", "-c", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the nodes: %w: %s", err, out)
	}
	return path, nil
})

// buildFolder is where executable builds, while the tests run.
var buildFolder string

// roleVariable holds the orders of a process that is to be a node instead of the test.
const roleVariable = "NECROSTACK_CLUSTERTEST"

// orders are what a node's process is told.
type orders struct {
	Name, URL, Namespace string
	Program              program
	Diary                string // file
}

// perform is the main function of a node's process.
func perform(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() { // ends with the process: the test holds the other end, and is no more
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(2)
	}()
	d, err := openDiary(o.Diary)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	b, err := openStore(o.URL, o.Namespace, o.Name, lease, log)
	if err != nil {
		return err
	}
	n, err := cluster.Join(b, append(o.Program.options(d), spine.WithLogger(log)), cluster.WithName(o.Name), cluster.WithLogger(log))
	if err != nil {
		return err
	}
	err = n.Run(ctx)
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, b.Close(closing))
}

// process is a node in a process of its own: this program once more.
type process struct {
	orders orders
	log    string // file
	cmd    *exec.Cmd
	stdin  io.Closer // its end ends the process
	ended  chan struct{}
	err    error // valid once ended is closed
}

// hire starts a node's process, which ends with the test at the latest.
func (c *company) hire(name string, program program) *process {
	c.Helper()
	life := filepath.Join(c.folder, fmt.Sprintf("%d-%s", len(c.processes), name))
	p := &process{log: life + ".log", ended: make(chan struct{})}
	p.orders = orders{Name: name, URL: c.url, Namespace: c.ns, Program: program, Diary: life + ".diary"}
	text, err := json.Marshal(p.orders)
	require.NoError(c, err)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(c, err)
	defer func() { _ = log.Close() }() // The process has its own.
	path, err := executable()
	require.NoError(c, err)
	p.cmd = exec.Command(path)
	p.cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(c, err)
	require.NoError(c, p.cmd.Start())
	go func() { // ends with the process
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	c.Cleanup(p.kill)
	c.processes = append(c.processes, p)
	return p
}

// signal does nothing to a process that has ended.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = p.cmd.Process.Signal(s)
	}
}

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// finished waits for the end in good order of a process that was told to end.
func (p *process) finished() error {
	const limit = 20 * time.Second
	select {
	case <-p.ended:
		if p.err != nil {
			return fmt.Errorf("%s: %w; its log ends with:\n%s", p.orders.Name, p.err, p.tail())
		}
		return nil
	case <-time.After(limit):
		p.kill()
		return fmt.Errorf("%s did not end within %s; its log ends with:\n%s", p.orders.Name, limit, p.tail())
	}
}

// leave ends the process in good order.
func (p *process) leave() error {
	p.signal(syscall.SIGTERM)
	return p.finished()
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// says reports whether its log has these words.
func (p *process) says(words string) bool {
	text, _ := os.ReadFile(p.log)
	return strings.Contains(string(text), words)
}

func (p *process) tail() string {
	const most = 2000 // bytes
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}
