package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// process is a node process, seen by who has started it.
type process struct {
	name    string
	command *exec.Cmd
	in      io.WriteCloser // the node ends with it
	printed bytes.Buffer   // errors; only after ended

	mu       sync.Mutex // one request at a time
	requests *json.Encoder
	replies  chan said

	wanted chan struct{} // closed by who ends it
	once   sync.Once
	left   *Status // only after ended; nil: it did not leave
	err    error   // only after ended
	ended  chan struct{}
}

// hears is what the starter of a process is told.
type hears struct {
	done   func(starts int64) // from the process's own goroutine
	failed func(error)        // it has ended, and nobody wanted it to
}

// startProcess runs this program as a node.
func startProcess(o orders, to hears) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{
		name: o.Name, command: exec.Command(program), replies: make(chan said, 1), wanted: make(chan struct{}), ended: make(chan struct{}),
	}
	p.command.Env = append(os.Environ(), variable+"="+string(text))
	p.command.Stderr = &p.printed
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.requests = json.NewEncoder(p.in)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go p.run(out, to) // ends with the process
	return p, nil
}

// run hears what the process says, until it ends.
func (p *process) run(out io.Reader, to hears) {
	p.hear(out, to)
	err := p.command.Wait()
	select {
	case <-p.wanted:
	default:
		p.err = fmt.Errorf("node %q has ended: %w: %q", p.name, errors.Join(err, errUnwanted), strings.TrimSpace(p.printed.String()))
	}
	close(p.ended)
	if p.err != nil {
		to.failed(p.err)
	}
}

var errUnwanted = errors.New("nobody has ended it")

func (p *process) hear(out io.Reader, to hears) {
	for lines := json.NewDecoder(out); ; {
		var x said
		if err := lines.Decode(&x); err != nil {
			// What is not ours (a panic's last words) is not read on: the pipe must not fill.
			_, _ = io.Copy(io.Discard, out)
			return
		}
		switch {
		case x.Done > 0:
			to.done(x.Done)
		case x.Left != nil:
			p.left = x.Left
		default:
			select {
			case p.replies <- x:
			case <-p.wanted: // who asked has gone
			}
		}
	}
}

// ask makes a request and waits for the reply. After the end of ctx the process is of no more use.
func (p *process) ask(ctx context.Context, q request) (said, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.requests.Encode(q); err != nil {
		return said{}, fmt.Errorf("node %q: %w", p.name, err)
	}
	select {
	case x := <-p.replies:
		if x.Error != "" {
			return x, fmt.Errorf("node %q: %s", p.name, x.Error)
		}
		return x, nil
	case <-p.ended:
		return said{}, fmt.Errorf("node %q has ended", p.name)
	case <-ctx.Done():
		return said{}, context.Cause(ctx)
	}
}

func (p *process) status(ctx context.Context, do string) (Status, error) {
	x, err := p.ask(ctx, request{Do: do})
	if err != nil {
		return Status{}, err
	}
	if x.Status == nil {
		return Status{}, fmt.Errorf("node %q: no status in the reply to %q", p.name, do)
	}
	return *x.Status, nil
}

// signal ends the process, and does not wait.
func (p *process) signal(s syscall.Signal) error {
	p.once.Do(func() { close(p.wanted) })
	err := p.command.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// close ends the process at once, if it has not ended.
func (p *process) close() error {
	err := p.signal(syscall.SIGKILL)
	<-p.ended
	return err
}
