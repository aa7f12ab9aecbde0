package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// buildTime is what a run may take on top of the tests' own timeout before it
// is killed from outside. Generous for a cold build cache: it is there for a go
// command that hangs, and a healthy run never meets it.
const buildTime = 5 * time.Minute

// goTest runs one package's tests and says how they ended. An overlay of ""
// tests the code as it is.
type goTest struct {
	root    string
	pkg     string
	run     string
	overlay string
	timeout time.Duration
	work    string // for the go command's own files; a killed one leaves them behind
}

func (t goTest) do(ctx context.Context) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout+buildTime)
	defer cancel()
	// No vet: it would refuse mutants for their looks before a test saw them.
	args := []string{"test", "-json", "-count=1", "-vet=off", "-timeout=" + t.timeout.String(), "-run=" + t.run}
	if t.overlay != "" {
		args = append(args, "-overlay="+t.overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, t.pkg)...)
	cmd.Dir = t.root
	cmd.Env = append(cmd.Environ(), "GOTMPDIR="+t.work)
	ownGroup(cmd)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return report{}, fmt.Errorf("go test %s: %w", t.pkg, ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return report{}, err
	}
	r := readReport(stdout.Bytes())
	r.failed = err != nil
	if text := strings.TrimSpace(stderr.String()); text != "" {
		r.output = append(r.output, strings.Split(text, "\n")...)
	}
	return r, nil
}

// ownGroup makes cancelling reach the test binary as well: killing the go
// command alone would leave it running.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
}

// report is what go test -json told.
type report struct {
	failed   bool
	built    bool     // false when code or tests did not compile
	hung     bool     // the tests' own timeout ended the run
	ran      int      // tests started, subtests included
	failures []string // names of failed tests, in the order of their end
	open     []string // tests that began and never ended: a crash or a hang
	output   []string // what was printed, for people
}

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action      string
	Test        string
	Output      string
	FailedBuild string
}

func readReport(out []byte) report {
	r := report{built: true}
	text := bufio.NewScanner(bytes.NewReader(out))
	text.Buffer(nil, len(out)+1)
	for text.Scan() {
		var ev event
		if json.Unmarshal(text.Bytes(), &ev) != nil {
			r.output = append(r.output, text.Text())
			continue
		}
		r.add(ev)
	}
	return r
}

func (r *report) add(ev event) {
	switch ev.Action {
	case "build-fail":
		r.built = false
	case "build-output", "output":
		r.output = append(r.output, strings.TrimSuffix(ev.Output, "\n"))
		r.hung = r.hung || strings.HasPrefix(ev.Output, "panic: test timed out after")
	case "run":
		r.ran++
		r.open = append(r.open, ev.Test)
	case "pass", "skip":
		r.end(ev.Test)
	case "fail":
		r.built = r.built && ev.FailedBuild == ""
		if ev.Test != "" {
			r.failures = append(r.failures, ev.Test)
		}
		r.end(ev.Test)
	}
}

func (r *report) end(test string) {
	r.open = slices.DeleteFunc(r.open, func(t string) bool { return t == test })
}

// blame names the test that noticed first. A crash outside of every test, or a
// failing TestMain, has no name of its own.
func (r *report) blame() string {
	switch {
	case len(r.failures) > 0 && r.hung:
		return r.failures[0] + " (timeout)"
	case len(r.failures) > 0:
		return r.failures[0]
	case len(r.open) > 0 && r.hung:
		return r.open[len(r.open)-1] + " (timeout)"
	case len(r.open) > 0:
		return r.open[len(r.open)-1] + " (crash)"
	default:
		return "TestMain"
	}
}

// tail is the end of what was printed, for a line that people read.
func (r *report) tail(lines int) string {
	return strings.Join(r.output[max(0, len(r.output)-lines):], "\n")
}
