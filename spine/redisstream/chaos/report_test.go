package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// report sums rounds up.
type report struct {
	seed      uint64
	began     time.Time
	rounds    map[string]int // by settings that matter for loss
	clustered int
	counts    map[string]int // by name of fault
	proxies   redistest.Counts
	accepted  int
	events    int
	letters   int
	lost      map[string]int // by policy of the server's log
	changes   int            // of owners
	longest   time.Duration
	findings  []string

	moves    int // of shards, from one life of a node to another
	vacant   time.Duration
	calmMost time.Duration
	asked    int
	excused  int
	refused  map[string]int
	mutants  string
}

func newReport(seed uint64) *report {
	return &report{seed: seed, began: time.Now(), rounds: map[string]int{}, counts: map[string]int{}, lost: map[string]int{}, refused: map[string]int{}}
}

// add adds a round that is over.
func (p *report) add(r *round, v verdict) {
	kind := r.setting.fsync
	if r.setting.slow {
		kind += " on a slow disk"
	}
	if r.counts[failover] > 0 {
		kind += ", with failovers"
	}
	if r.setting.cluster {
		p.clustered++
	}
	p.rounds[kind]++
	for name, n := range r.counts {
		p.counts[name] += n
	}
	for _, proxy := range r.proxies {
		c := proxy.Counts()
		p.proxies.Requests += c.Requests
		p.proxies.RepliesDropped += c.RepliesDropped
		p.proxies.ClosedBefore += c.ClosedBefore
		p.proxies.Blackholed += c.Blackholed
		p.proxies.RepliesBlackholed += c.RepliesBlackholed
		p.proxies.DeliveredLate += c.DeliveredLate
		p.proxies.Cut += c.Cut
	}
	p.accepted += v.accepted
	p.events += v.events
	p.letters += v.letters
	p.lost[kind] += v.lost
	r.watch.mu.Lock()
	p.changes += r.watch.tenure.changes
	p.longest = max(p.longest, r.watch.longest)
	p.moves += r.watch.vacancy.moves
	p.vacant, p.calmMost = max(p.vacant, r.watch.vacancy.longest), max(p.calmMost, r.watch.vacancy.calmMost)
	r.watch.mu.Unlock()
	p.asked += v.asked
	p.excused += v.excused
	for kind, n := range v.refused {
		p.refused[kind] += n
	}
	for _, f := range v.findings {
		p.findings = append(p.findings, fmt.Sprintf("%s, seed %d: %s", r.setting.name, r.setting.seed, f))
	}
}

func (p *report) String() string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%-44s %v\n", name, value) }
	line("seed", p.seed)
	line("took", time.Since(p.began).Round(time.Second))
	for _, kind := range slices.Sorted(maps.Keys(p.rounds)) {
		line("rounds, appendfsync "+kind, p.rounds[kind])
	}
	line("rounds with nodes of a cluster", p.clustered)
	for _, name := range slices.Sorted(maps.Keys(p.counts)) {
		line(name, p.counts[name])
	}
	line("requests through proxies", p.proxies.Requests)
	line("  done, reply and connection lost", p.proxies.RepliesDropped)
	line("  lost with the connection", p.proxies.ClosedBefore)
	line("  lost in silence", p.proxies.Blackholed)
	line("  done, reply lost in silence", p.proxies.RepliesBlackholed)
	line("  delivered late, after a repeat", p.proxies.DeliveredLate)
	line("  connections cut by partitions", p.proxies.Cut)
	line("events accepted", p.accepted)
	line("events in the stores", p.events)
	for _, kind := range slices.Sorted(maps.Keys(p.lost)) {
		line("accepted events lost, appendfsync "+kind, p.lost[kind])
	}
	line("effects doubled, missing or out of order", p.count("I1", "I2", "I3", "I4", "I5", "I8", "I9"))
	line("dead letters", p.letters)
	line("dead letters wrong", p.count("I7"))
	line("shards changed hands", p.changes)
	line("shards moved to another node", p.moves)
	line("longest time without progress", p.longest.Round(time.Millisecond))
	if p.clustered > 0 {
		p.cluster(line)
	}
	if p.mutants != "" {
		line("mutants that the checker catches", p.mutants)
	}
	line("violations", len(p.findings))
	for _, f := range p.findings {
		b.WriteString("  " + f + "\n")
	}
	return b.String()
}

// cluster tells what there is to tell of clusters alone.
func (p *report) cluster(line func(name string, value any)) {
	line("longest without an owner after a kill", p.vacant.Round(time.Millisecond))
	line("  when nothing else was amiss", p.calmMost.Round(time.Millisecond))
	line("questions answered", p.asked)
	line("  by a store that went back since", p.excused)
	for _, kind := range slices.Sorted(maps.Keys(p.refused)) {
		line("questions not answered: "+kind, p.refused[kind])
	}
	line("answers of states that never were", p.count("I13"))
	line("shards not served by one node", p.count("I14"))
	line("events worked on twice without need", p.count("I15"))
}

// ended is how many rounds were added.
func (p *report) ended() int {
	n := 0
	for _, rounds := range p.rounds {
		n += rounds
	}
	return n
}

// count is how many violations there are of some invariants.
func (p *report) count(invariants ...string) int {
	n := 0
	for _, f := range p.findings {
		for _, i := range invariants {
			if strings.Contains(f, ": "+i+": ") {
				n++
			}
		}
	}
	return n
}
