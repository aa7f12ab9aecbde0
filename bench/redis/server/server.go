// Package server runs a redis-server for one measurement: a process of its own on a free loopback port, in a
// folder of its own, and nothing left of it afterwards.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Fsync is when a server writes its append-only file to the disk.
type Fsync string

// The policies of a server; Off has no file.
const (
	Off      Fsync = "off"
	Everysec Fsync = "everysec"
	Always   Fsync = "always"
)

// Fsyncs are all policies.
var Fsyncs = []Fsync{Off, Everysec, Always}

// Server is a running redis-server.
type Server struct {
	Addr    string // host and port
	Version string

	folder  string
	process *exec.Cmd
	printed bytes.Buffer
	exited  chan struct{}
	client  *goredis.Client
}

const (
	// patience bounds how long a server may take to be there.
	patience = 10 * time.Second
	// look is how often one looks whether it is.
	look = 2 * time.Millisecond
	// attempts is how often a port is tried that was free a moment ago.
	attempts = 3
)

var (
	errLate   = fmt.Errorf("redis-server did not answer within %s", patience)
	errExited = errors.New("redis-server has ended")
)

// Start returns when the server answers. It ends with Close, not with ctx.
func Start(ctx context.Context, fsync Fsync) (*Server, error) {
	if !slices.Contains(Fsyncs, fsync) {
		return nil, fmt.Errorf("fsync policy is %q, want one of %q", fsync, Fsyncs)
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("the benchmark needs redis-server: %w", err)
	}
	for n := 1; ; n++ {
		s, err := start(ctx, program, fsync)
		if err == nil || n == attempts || !errors.Is(err, errExited) {
			return s, err
		}
	}
}

func start(ctx context.Context, program string, fsync Fsync) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "bench-redis-")
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: net.JoinHostPort(loopback, port), folder: folder, exited: make(chan struct{})}
	s.process = exec.Command(program, arguments(port, folder, fsync)...)
	s.process.Stdout, s.process.Stderr = &s.printed, &s.printed
	if err := s.process.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	go func() { // ends with the process
		_ = s.process.Wait() // killed, as a rule
		close(s.exited)
	}()
	s.client = Connect(s.Addr, 1)
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

const loopback = "127.0.0.1"

func freePort() (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// arguments has no snapshots and no rewriting of the file: both would come in the middle of one round, and not
// of another.
func arguments(port, folder string, fsync Fsync) []string {
	args := []string{
		"--bind", loopback, "--port", port, "--dir", folder, "--save", "", "--loglevel", "warning",
		"--maxmemory-policy", "noeviction", "--auto-aof-rewrite-percentage", "0",
	}
	if fsync == Off {
		return append(args, "--appendonly", "no")
	}
	return append(args, "--appendonly", "yes", "--appendfsync", string(fsync))
}

// ready waits for the answer of this very process: the port may have been taken by another one meanwhile.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errLate)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		facts, err := s.info(ctx, "server")
		if err == nil && facts["process_id"] == strconv.Itoa(s.process.Process.Pid) {
			s.Version = facts["redis_version"]
			return nil
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return fmt.Errorf("%w: %q", errExited, strings.TrimSpace(s.printed.String()))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Usage is what a server has used of its machine so far.
type Usage struct {
	CPU    time.Duration // of all its threads, in user and kernel mode
	Memory int64         // bytes of data
}

// Usage asks the server.
func (s *Server) Usage(ctx context.Context) (u Usage, err error) {
	facts, err := s.info(ctx, "cpu", "memory")
	if err != nil {
		return u, err
	}
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(facts[name], 64)
		if err != nil {
			return u, fmt.Errorf("%s of redis-server: %w", name, err)
		}
		u.CPU += time.Duration(seconds * float64(time.Second))
	}
	if u.Memory, err = strconv.ParseInt(facts["used_memory"], 10, 64); err != nil {
		return u, fmt.Errorf("used_memory of redis-server: %w", err)
	}
	return u, nil
}

func (s *Server) info(ctx context.Context, sections ...string) (map[string]string, error) {
	text, err := s.client.Info(ctx, sections...).Result()
	if err != nil {
		return nil, err
	}
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	return facts, nil
}

// Close ends the process and removes its folder. Nothing of the data is kept, so it is killed.
func (s *Server) Close() error {
	err := s.client.Close()
	if kill := s.process.Process.Kill(); !errors.Is(kill, os.ErrProcessDone) {
		err = errors.Join(err, kill)
	}
	<-s.exited
	return errors.Join(err, os.RemoveAll(s.folder))
}

// Connect returns a client with at most so many connections. It does not repeat what has failed: a
// repeated write is a second one.
func Connect(addr string, connections int) *goredis.Client {
	return goredis.NewClient(&goredis.Options{
		Addr: addr, PoolSize: connections, MaxRetries: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
