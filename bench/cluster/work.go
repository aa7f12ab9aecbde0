package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Work is what a server has done, since it started or between two moments.
type Work struct {
	CPU     time.Duration `json:"cpu_ns"`  // processor time of all its threads
	Main    time.Duration `json:"main_ns"` // of the one that executes commands
	Trips   int64         `json:"trips"`   // reads of its sockets that brought something: about the round trips
	Scripts int64         `json:"scripts"` // calls of scripts
	Commits int64         `json:"commits"` // of them, those that acknowledged events
	In      int64         `json:"in"`      // bytes from its clients
	Out     int64         `json:"out"`     // bytes to them
	File    int64         `json:"file"`    // bytes of its append-only file
}

func workOf(ctx context.Context, client *goredis.Client) (Work, error) {
	text, err := client.Info(ctx, "cpu", "stats", "commandstats", "persistence").Result()
	if err != nil {
		return Work{}, err
	}
	return parseWork(text)
}

// parseWork reads what INFO says. Of commands that were never called it says nothing.
func parseWork(text string) (w Work, err error) {
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	seconds := func(name string) time.Duration {
		s, bad := strconv.ParseFloat(facts[name], 64)
		if bad != nil && err == nil {
			err = fmt.Errorf("%s of redis-server: %w", name, bad)
		}
		return time.Duration(s * float64(time.Second))
	}
	count := func(name string) int64 {
		n, bad := strconv.ParseInt(facts[name], 10, 64)
		if bad != nil && err == nil {
			err = fmt.Errorf("%s of redis-server: %w", name, bad)
		}
		return n
	}
	w.CPU = seconds("used_cpu_user") + seconds("used_cpu_sys")
	w.Main = seconds("used_cpu_user_main_thread") + seconds("used_cpu_sys_main_thread")
	w.Trips, w.In, w.Out = count("total_reads_processed"), count("total_net_input_bytes"), count("total_net_output_bytes")
	if facts["aof_enabled"] == "1" {
		w.File = count("aof_current_size")
	}
	w.Scripts, w.Commits = calls(facts["cmdstat_evalsha"]), calls(facts["cmdstat_xack"])
	return w, err
}

// calls reads calls=12,usec=34,…
func calls(stat string) int64 {
	for field := range strings.SplitSeq(stat, ",") {
		if text, ok := strings.CutPrefix(field, "calls="); ok {
			n, _ := strconv.ParseInt(text, 10, 64) // 0 for what is no number, as for what is not there
			return n
		}
	}
	return 0
}

// since is what was done after an earlier moment.
func (w Work) since(before Work) Work {
	return Work{
		CPU: w.CPU - before.CPU, Main: w.Main - before.Main, Trips: w.Trips - before.Trips, Scripts: w.Scripts - before.Scripts,
		Commits: w.Commits - before.Commits, In: w.In - before.In, Out: w.Out - before.Out, File: w.File - before.File,
	}
}
