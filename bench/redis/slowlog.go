package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// SlowLog is what a server wrote into its slow log.
type SlowLog struct {
	Count   int        `json:"count"`
	Longest []SlowCall `json:"longest"` // at most slowTold, the longest first
}

// SlowCall is an entry of the slow log.
type SlowCall struct {
	Time    time.Time     `json:"time"` // whole seconds
	Took    time.Duration `json:"took_ns"`
	Command string        `json:"command"`    // its beginning
	Machine time.Duration `json:"machine_ns"` // what a PING at an idle server took at most about then
}

const (
	// SlowFrom is what the slow log calls slow.
	SlowFrom = 10 * time.Millisecond
	// slowKept bounds the entries that a server keeps from one station to the next.
	slowKept = 1000
	slowTold = 10
)

// drain takes over the server's entries. They would be in its memory else: each has the arguments of its call.
func (l *SlowLog) drain(ctx context.Context, client *goredis.Client) error {
	entries, err := client.SlowLogGet(ctx, slowKept).Result()
	if err == nil {
		err = client.Do(ctx, "slowlog", "reset").Err()
	}
	if err != nil {
		return fmt.Errorf("drain the slow log: %w", err)
	}
	l.Count += len(entries)
	for _, x := range entries {
		l.Longest = append(l.Longest, SlowCall{Time: x.Time, Took: x.Duration, Command: beginning(x.Args)})
	}
	slices.SortStableFunc(l.Longest, func(a, b SlowCall) int { return cmp.Compare(b.Took, a.Took) })
	l.Longest = slices.Clone(l.Longest[:min(len(l.Longest), slowTold)])
	return nil
}

// compare notes what a client waited at an idle server when the calls took so long.
func (l *SlowLog) compare(idle *pings) {
	for i := range l.Longest {
		l.Longest[i].Machine = idle.worst(l.Longest[i].Time)
	}
}

// beginning is the name of a command; of a script what it is called by and its first key.
func beginning(args []string) string {
	const sum = 8 // digits of a checksum that tell scripts apart
	switch {
	case len(args) == 0:
		return ""
	case len(args) > 3 && args[0] == "evalsha" && len(args[1]) > sum:
		return args[0] + " " + args[1][:sum] + " " + args[3]
	default:
		return args[0]
	}
}
