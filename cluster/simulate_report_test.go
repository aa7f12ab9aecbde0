package cluster_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// simStat is what is measured in the runs of one shape.
type simStat struct {
	seeds             int
	faults            map[string]*simEffect
	accepted, refused int
	balance           float64 // the highest load, in parts of the mean
	traffic           simTraffic
}

// simEffect is what a kind of fault has done.
type simEffect struct {
	moves           []int
	lossless, lossy simTimes
}

// simTimes are how long shards were without an owner.
type simTimes struct {
	takeovers []time.Duration // since the last owner fell silent
	handovers []time.Duration // since the last owner released it
}

// simTraffic counts messages to the store, and notices from it.
type simTraffic struct {
	phase   simPhase
	quiet   map[string]int // by kind
	seconds int            // how many were quiet
	start   simPeak
	later   simPeak
}

// simPhase is what a cluster is going through.
type simPhase int

const (
	simStart simPhase = iota
	simQuiet
	simLater
)

// simPeak is the busiest second.
type simPeak struct {
	present time.Duration
	second  map[string]int // in the present second, by kind
	peak    map[string]int
}

func newSimStat() *simStat {
	return &simStat{faults: make(map[string]*simEffect), traffic: simTraffic{quiet: make(map[string]int)}}
}

func (s *simStat) effect(fault string) *simEffect {
	e := s.faults[fault]
	if e == nil {
		e = &simEffect{}
		s.faults[fault] = e
	}
	return e
}

func (e *simEffect) times(lossy bool) *simTimes {
	if lossy {
		return &e.lossy
	}
	return &e.lossless
}

// count counts a message of a kind. Commits have none: they are the work, not the cluster's.
func (t *simTraffic) count(now time.Duration, kind string) {
	switch {
	case kind == "":
	case t.phase == simStart:
		t.start.count(now, kind)
	case t.phase == simQuiet:
		t.quiet[kind]++
	default:
		t.later.count(now, kind)
	}
}

func (p *simPeak) count(now time.Duration, kind string) {
	if at := now.Truncate(time.Second); at != p.present || p.second == nil {
		p.present, p.second = at, make(map[string]int)
	}
	p.second[kind]++
	if sum(p.second) > sum(p.peak) {
		p.peak = maps.Clone(p.second)
	}
}

func sum(counts map[string]int) int {
	n := 0
	for _, count := range counts {
		n += count
	}
	return n
}

// report is the table of all shapes.
func report(shapes []simShape, stats []*simStat) string {
	var b strings.Builder
	for i, shape := range shapes {
		stats[i].write(&b, shape)
	}
	return b.String()
}

func (s *simStat) write(b *strings.Builder, shape simShape) {
	fmt.Fprintf(b, "\n%d nodes, %d shards, lease %v, beat %v; %d seeds; takeover to be within %v\n",
		shape.nodes, shape.shards, shape.lease, shape.beat, s.seeds, shape.takeover())
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  \tshards moved\t\ttakeover\t\thandover\t\tmessages lost: takeover\thandover")
	fmt.Fprintln(w, "  \tmedian\tmax\tmedian\tmax\tmedian\tmax\tmax\tmax")
	for _, fault := range slices.Sorted(maps.Keys(s.faults)) {
		e := s.faults[fault]
		fmt.Fprintf(w, "  %s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", fault, median(e.moves), highest(e.moves),
			show(median(e.lossless.takeovers)), show(highest(e.lossless.takeovers)),
			show(median(e.lossless.handovers)), show(highest(e.lossless.handovers)),
			show(highest(e.lossy.takeovers)), show(highest(e.lossy.handovers)))
	}
	_ = w.Flush() // a strings.Builder takes everything
	for kind := range s.traffic.quiet {
		s.traffic.quiet[kind] /= s.traffic.seconds
	}
	fmt.Fprintf(b, "  highest load %.3f of the mean; %d commits accepted, %d refused\n", s.balance, s.accepted, s.refused)
	fmt.Fprintf(b, "  messages a second when quiet: %s\n", kinds(s.traffic.quiet))
	fmt.Fprintf(b, "  messages in the busiest second of the start: %s\n", kinds(s.traffic.start.peak))
	fmt.Fprintf(b, "  messages in the busiest second after it: %s\n", kinds(s.traffic.later.peak))
}

func kinds(counts map[string]int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	return fmt.Sprintf("%d (%s)", sum(counts), strings.Join(parts, ", "))
}

func show(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.Round(time.Millisecond).String()
}

func median[N int | time.Duration](xs []N) N {
	if len(xs) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(xs))[len(xs)/2]
}

func highest[N int | time.Duration](xs []N) N {
	if len(xs) == 0 {
		return 0
	}
	return slices.Max(xs)
}
