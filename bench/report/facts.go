package report

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Facts are what numbers mean nothing without.
type Facts struct {
	Command string            `json:"command"`
	Time    time.Time         `json:"time"`
	Took    time.Duration     `json:"took_ns"`
	CPU     string            `json:"cpu"`
	Cores   int               `json:"cores"`
	System  string            `json:"system"`
	Go      string            `json:"go"`
	Commit  string            `json:"commit"`
	Peers   map[string]string `json:"peers"` // version by module
}

// peers are the modules that are compared with.
var peers = []string{
	"github.com/ThreeDotsLabs/watermill", "github.com/ThreeDotsLabs/watermill-redisstream", "github.com/asynkron/protoactor-go",
	"github.com/hibiken/asynq", "github.com/redis/go-redis/v9",
}

// Gather collects the facts. What cannot be found out is "unknown".
func Gather(command string, began time.Time) Facts {
	f := Facts{
		Command: command, Time: began.UTC().Truncate(time.Second), Took: time.Since(began).Truncate(time.Second),
		CPU: cpu(), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Commit: commit(), Peers: map[string]string{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return f
	}
	for _, m := range info.Deps {
		if slices.Contains(peers, m.Path) {
			f.Peers[m.Path] = m.Version
		}
	}
	return f
}

const unknown = "unknown"

func cpu() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// commit is the revision of the work tree, marked where that has been changed.
func commit() string {
	head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return unknown
	}
	id := strings.TrimSpace(string(head))
	changes, err := exec.Command("git", "status", "--porcelain", "--", ":/", ":!/bench").Output()
	if err == nil && len(changes) > 0 {
		id += ", with changes that are not committed"
	}
	return id
}

// Markdown writes the facts as a list.
func (f Facts) Markdown(w io.Writer) {
	fmt.Fprintf(w, "- command: `%s`, %s, took %s\n", f.Command, f.Time.Format("2006-01-02 15:04 MST"), f.Took)
	fmt.Fprintf(w, "- machine: %s, %d cores, %s, %s\n", f.CPU, f.Cores, f.System, f.Go)
	fmt.Fprintf(w, "- commit: %s\n", f.Commit)
	for _, p := range peers {
		if v := f.Peers[p]; v != "" {
			fmt.Fprintf(w, "- peer: %s %s\n", p, v)
		}
	}
}
