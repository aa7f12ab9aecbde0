package report

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/redis"
)

// steadySection is the long runs; false for none.
func steadySection(r redis.Result) (Section, bool) {
	if len(r.Steady) == 0 {
		return Section{}, false
	}
	section := Section{
		Title:  fmt.Sprintf("Steady, redis-server %s, appendfsync everysec", r.Server),
		Tables: []Table{steadyThirds(r.Steady)},
	}
	for _, s := range r.Steady {
		section.Tables = append(section.Tables, steadyHoldings(s))
	}
	section.Tables = append(section.Tables, steadyPings(r.Steady))
	for _, s := range r.Steady {
		if s.Slow.Count > 0 {
			section.Tables = append(section.Tables, steadySlow(s))
		}
	}
	return section, true
}

func steadyThirds(all []redis.Steady) Table {
	t := Table{
		Title: "Steady run",
		About: fmt.Sprintf("%d events each through a bounded window, on one server. After every fiftieth of them, when nothing is in flight, "+
			"memory is read: of the server, and of this process after a collection. Means of each third.", all[0].Hops()),
		Head: []string{"contender", "hops/s", "used_memory, kB", "heap, kB", "entries of all streams"},
		Note: "At rest a stream still has what is left of its last node: it is trimmed in whole nodes.",
	}
	for _, s := range all {
		if !s.Long() {
			t.Note += fmt.Sprintf(" %s: too short to tell a leak from a warm-up.", s.Name)
		}
		for i, x := range s.Thirds() {
			name := fmt.Sprintf("%s, %s third", s.Name, [...]string{"first", "second", "last"}[i])
			t.Rows = append(t.Rows, []string{name, rate(x.Rate()), kilo(x.Memory), kilo(int64(x.Heap)), fmt.Sprint(x.Entries)})
		}
	}
	return t
}

func kilo(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/1000) }

func steadyHoldings(s redis.Steady) Table {
	t := Table{
		Title: "What the store holds: " + s.Name,
		About: "By kind of key, when two thirds were done and at the end, each time with nothing in flight. Entries are those of streams, fields of " +
			"hashes, members of sets; bytes are what MEMORY USAGE estimates.",
		Head: []string{"kind", "keys, two thirds", "end", "entries, two thirds", "end", "bytes, two thirds", "end", "pending at the end"},
	}
	for _, now := range s.Holdings {
		was := holdingOf(s.Earlier, now.Kind)
		t.Rows = append(t.Rows, []string{
			now.Kind, fmt.Sprint(was.Keys), fmt.Sprint(now.Keys), fmt.Sprint(was.Entries), fmt.Sprint(now.Entries),
			fmt.Sprint(was.Bytes), fmt.Sprint(now.Bytes), fmt.Sprint(now.Pending),
		})
	}
	return t
}

func holdingOf(all []redis.Holding, kind string) redis.Holding {
	for _, h := range all {
		if h.Kind == kind {
			return h
		}
	}
	return redis.Holding{}
}

func steadyPings(all []redis.Steady) Table {
	t := Table{
		Title: "How long a PING took during the steady run",
		About: "Two clients that asked for nothing else, every 5 ms, from when a PING was due: one at the same server, one at a server that had " +
			"nothing else to do. What the second one waits for is the machine and this process.",
		Head: []string{"contender", "p50", "p99", "p99.9", "highest", "above " + redis.SlowFrom.String()},
	}
	for _, s := range all {
		t.Rows = append(t.Rows, pingRow(s.Name+": same server", s.Pings), pingRow(s.Name+": idle server", s.Machine))
	}
	return t
}

func pingRow(name string, p redis.Pings) []string {
	share := float64(p.Slow) / float64(max(p.Count, 1))
	return []string{name, short(p.P50), short(p.P99), short(p.P999), short(p.Max), fmt.Sprintf("%.2f %%", 100*share)}
}

func steadySlow(s redis.Steady) Table {
	t := Table{
		Title: "Slow log: " + s.Name,
		About: fmt.Sprintf("The longest of the %d calls that took the server more than %s, by its clock: it counts time in which the machine ran "+
			"something else, too. Beside each, what a PING at an idle server took at most within a second of it.", s.Slow.Count, redis.SlowFrom),
		Head: []string{"call", "at", "took", "PING at an idle server"},
	}
	for _, c := range s.Slow.Longest {
		t.Rows = append(t.Rows, []string{c.Command, c.Time.UTC().Format(time.TimeOnly), short(c.Took), short(c.Machine)})
	}
	return t
}
