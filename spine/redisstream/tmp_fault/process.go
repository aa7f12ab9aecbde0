package redistest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is one redis-server from its start to its end.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and is no more
}

// startProcess starts one that writes what it has to say to a file, for whoever looks after a failure.
func startProcess(conf string, log *os.File) (*process, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is not installed, `make setup` installs it: %w", err)
	}
	p := &process{cmd: exec.Command(path, conf), ended: make(chan struct{})}
	p.cmd.SysProcAttr = attributes()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	started := make(chan error)
	// It ends with the process.
	go p.live(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %q: %w", path, err)
	}
	return p, nil
}

func (p *process) live(started chan<- error) {
	defer close(p.ended)
	// What ends the server with the tests counts from the thread that has started it: the thread
	// must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is its log's to tell
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end, also a paused one, and kills it when it does not.
func (p *process) stop(limit time.Duration) error {
	if err := errors.Join(p.signal(syscall.SIGTERM), p.signal(syscall.SIGCONT)); err != nil {
		return err
	}
	if p.await(limit) {
		return nil
	}
	return errors.Join(fmt.Errorf("redis-server did not stop within %s and was killed", limit), p.kill())
}

func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if !p.await(stopLimit) {
		return fmt.Errorf("process %d did not end within %s of SIGKILL", p.pid(), stopLimit)
	}
	return nil
}

func (p *process) pause() error {
	if p.hasEnded() {
		return errEnded
	}
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	late := time.Now().Add(stopLimit)
	for !isStopped(p.pid()) {
		if time.Now().After(late) {
			return fmt.Errorf("process %d did not halt within %s of SIGSTOP", p.pid(), stopLimit)
		}
		time.Sleep(time.Millisecond) // The system tells nobody but a debugger.
	}
	return nil
}

func (p *process) resume() error {
	if p.hasEnded() {
		return errEnded
	}
	return p.signal(syscall.SIGCONT)
}

// signal sends to the process, if there still is one.
func (p *process) signal(s syscall.Signal) error {
	if p.hasEnded() {
		return nil
	}
	// Signal knows whether the process was waited for, so that no stranger gets what was meant for it.
	if err := p.cmd.Process.Signal(s); err != nil && !p.await(time.Second) {
		return fmt.Errorf("signal %q: %w", s, err)
	}
	return nil
}

func (p *process) hasEnded() bool { return p.await(0) }

// await tells whether the process ended within a time.
func (p *process) await(limit time.Duration) bool {
	select {
	case <-p.ended:
		return true
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}
