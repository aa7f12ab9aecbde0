package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/measure"
)

// clusterPreamble is what the reader has to know before the first number.
const clusterPreamble = `# Cluster

Generated; do not edit.

Nodes are processes of one machine, made of cluster.Join, on one redis-server with appendfsync everysec, which has the same
machine; another process publishes. So on few cores more nodes are not faster: read processor time per event, and how it
changes, not events per second. Every row gets a new server and new processes in each round; rows take turns. Figures are medians
over the rounds, the lowest and the highest beside them. The machine is shared and noisy.

`

// Cluster is the document of nodes that share the work.
func Cluster(r cluster.Result, f Facts) Document {
	d := Document{File: "CLUSTER.md", Preamble: clusterPreamble, Facts: f, Data: struct {
		Facts Facts `json:"facts"`
		cluster.Result
	}{f, r}}
	if promises := r.Promises(); len(promises) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Targets", Tables: []Table{clusterPromises(promises)}})
	}
	if len(r.Loads) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Events", Tables: []Table{clusterLoad(r), clusterCost(r), clusterPaced(r), clusterCold(r)}})
	}
	if len(r.Changes) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Nodes that go and come", Tables: []Table{clusterChanges(r)}})
	}
	if len(r.Asks) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Questions", Tables: []Table{clusterAsks(r)}})
	}
	if len(r.Idles) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Nothing to do", Tables: []Table{clusterIdle(r)}})
	}
	if len(r.Beats) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Beats", Tables: []Table{clusterBeats(r)}})
	}
	return d
}

func clusterPromises(all []cluster.Promise) Table {
	t := Table{
		Title: "Until every shard of a node is served again",
		About: "Met is judged by the worst shard of all changes.",
		Head:  []string{"what", "at most", "worst shard of a change: median (low–high)", "met"},
	}
	for _, p := range all {
		met := "MISSED"
		if p.Met() {
			met = "met"
		}
		t.Rows = append(t.Rows, []string{p.What, short(p.Most), durations(p.Worst), met})
	}
	return t
}

// durations is the median of some with the extremes.
func durations(all []time.Duration) string {
	values := make([]float64, len(all))
	for i, d := range all {
		values[i] = float64(d)
	}
	s := measure.Of(values)
	brief := func(x float64) string { return short(time.Duration(x)) }
	return fmt.Sprintf("%s (%s)", brief(s.Median), bounds(s, brief))
}

func clusterLoad(r cluster.Result) Table {
	t := Table{
		Title: "As many events as there can be",
		About: fmt.Sprintf("Rounds of about %s: %d. A chain A→B→C→D, each handler emits one event of 250 bytes to the next, and where the row says so four organs "+
			"that each want every event and emit nothing; 4,096 starts in flight. The ratio is to one node in the same round. Busy is the part of the time in which "+
			"the server's one thread was at work.", r.Config.Duration, r.Config.Rounds),
		Head: []string{"nodes", "events/s", "low–high", "× 1 node (low–high)", "commits/s", "events per commit", "busy", "events of the busiest node × mean"},
	}
	for _, row := range r.Loads {
		events := row.Spread(cluster.Cost.Rate)
		against := "–"
		if base, ok := r.Alone(row.Kind); ok && base.Nodes != row.Nodes {
			against = spread(row.Against(base))
		}
		t.Rows = append(t.Rows, []string{
			row.Name, rate(events.Median), bounds(events, rate), against, rate(row.Spread(cluster.Cost.Commits).Median),
			times(row.Spread(cluster.Cost.Batch).Median), percent(row.Spread(cluster.Cost.Busy).Median), times(row.Spread(func(c cluster.Cost) float64 { return c.Busiest }).Median),
		})
	}
	return t
}

func clusterCost(r cluster.Result) Table {
	t := Table{
		Title: "What an event costs, with as many as there can be",
		About: "Processor time, user and kernel mode. An event is one that is handled: a start is four of them, published once. Bytes are those of the server's connections, " +
			"both ways, and of its append-only file.",
		Head: costHead,
	}
	for _, row := range r.Loads {
		t.Rows = append(t.Rows, append([]string{row.Name}, costs(row.Spread)...))
	}
	return t
}

var costHead = []string{"nodes", "nodes CPU µs/event", "low–high", "server CPU µs/event", "of it its one thread", "low–high", "publisher CPU µs/event", "network B/event", "file B/event"}

func costs(of func(func(cluster.Cost) float64) measure.Spread) []string {
	nodes, main := of(cluster.Cost.NodeWork), of(cluster.Cost.MainWork)
	return []string{
		micro(nodes.Median), bounds(nodes, micro), micro(of(cluster.Cost.ServerWork).Median), micro(main.Median), bounds(main, micro),
		micro(of(cluster.Cost.PublisherWork).Median), whole(of(cluster.Cost.NetBytes).Median), whole(of(cluster.Cost.FileBytes).Median),
	}
}

func clusterPaced(r cluster.Result) Table {
	t := Table{
		Title: fmt.Sprintf("What an event costs, at %s starts per second", rate(r.Config.Rate)),
		About: "The same nodes with little to do: commits hold few events, and each event costs more. Nobody is in need of what is used here.",
		Head:  append([]string{"nodes", "events per commit"}, costHead[1:]...),
	}
	for _, row := range r.Loads {
		line := []string{row.Name, times(row.PacedSpread(cluster.Cost.Batch).Median)}
		t.Rows = append(t.Rows, append(line, costs(row.PacedSpread)...))
	}
	return t
}

func clusterCold(r cluster.Result) Table {
	t := Table{
		Title: "The first event of each key",
		About: "Nobody has the cells yet: each is read when its first event comes, and then stays in memory. So it is after a shard has moved. The beginnings of the processes are in " +
			"it, too, which is what stateless rows show.",
		Head: []string{"nodes", "events", "events/s", "server CPU µs/event", "nodes CPU µs/event"},
	}
	for _, row := range r.Loads {
		if row.Kind == cluster.Stateless || row.Kind == cluster.Keyed {
			t.Rows = append(t.Rows, []string{
				row.Name, whole(row.ColdSpread(func(c cluster.Cost) float64 { return float64(c.Events) }).Median), rate(row.ColdSpread(cluster.Cost.Rate).Median),
				micro(row.ColdSpread(cluster.Cost.ServerWork).Median), micro(row.ColdSpread(cluster.Cost.NodeWork).Median),
			})
		}
	}
	return t
}

func micro(ns float64) string { return times(ns / 1e3) }

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

func clusterChanges(r cluster.Result) Table {
	t := Table{
		Title: "How long a shard is without an owner",
		About: fmt.Sprintf("Three nodes, %d shards, a lease of %s, an event of each shard every %s. After SIGKILL from the kill to the first event that another node has settled; after "+
			"SIGTERM and at a join from the last event that the shard's former owner has settled. No pause is seen more exactly than these %[3]s.",
			r.Config.Shards, r.Config.Short, cluster.ChangeEvery),
		Head: []string{"change", "times", "shards moved", "shard: median", "p90", "worst", "worst of a change: median (low–high)"},
	}
	for _, k := range []cluster.ChangeKind{cluster.Killed, cluster.Left, cluster.Joined} {
		var pauses, worst []time.Duration
		changes := r.Of(k)
		for _, c := range changes {
			if len(c.Pauses) > 0 {
				pauses, worst = append(pauses, c.Pauses...), append(worst, c.Worst())
			}
		}
		if len(pauses) == 0 {
			continue
		}
		slices.Sort(pauses)
		at := func(part float64) string { return short(pauses[int(part*float64(len(pauses)-1))]) }
		t.Rows = append(t.Rows, []string{
			string(k), fmt.Sprint(len(changes)), fmt.Sprint(len(pauses)), at(0.5), at(0.9), at(1), durations(worst),
		})
	}
	return t
}

func clusterAsks(r cluster.Result) Table {
	t := Table{
		Title: "Ask",
		About: fmt.Sprintf("Two nodes; one question after the other, each for a cell of another shard than the one before, for %s a round. What a question costs is what was used in that time beyond what "+
			"is used in the same time without questions. Beside load: %s starts per second of the keyed chain.", r.Config.Duration, rate(r.Config.Rate)),
		Head: []string{"who is asked", "questions/s", "p50", "p99", "highest", "round trips at the server", "scripts", "server CPU µs", "nodes CPU µs", "errors"},
		Note: "Beside load the costs are small differences of large figures; a negative one says that nothing is seen.",
	}
	for _, row := range r.Asks {
		at := func(f func(cluster.Asked) time.Duration) string {
			return short(time.Duration(row.Spread(func(x cluster.AskRound) float64 { return float64(f(x.Asked)) }).Median))
		}
		median := func(f func(cluster.AskRound) float64) float64 { return row.Spread(f).Median }
		t.Rows = append(t.Rows, []string{
			row.Name, rate(median(cluster.AskRound.Rate)),
			at(func(a cluster.Asked) time.Duration { return a.P50 }), at(func(a cluster.Asked) time.Duration { return a.P99 }),
			at(func(a cluster.Asked) time.Duration { return a.Max }),
			fmt.Sprintf("%.2f", median(cluster.AskRound.Trips)), fmt.Sprintf("%.2f", median(cluster.AskRound.Scripts)),
			fmt.Sprintf("%.1f", median(cluster.AskRound.ServerWork)/1e3), fmt.Sprintf("%.1f", median(cluster.AskRound.NodeWork)/1e3),
			whole(median(func(x cluster.AskRound) float64 { return float64(x.Asked.Errors) })),
		})
	}
	return t
}

func clusterIdle(r cluster.Result) Table {
	t := Table{
		Title: "What a cluster costs that has nothing to do",
		About: fmt.Sprintf("A lease of %s, for %s a round. Every node beats six times in a lease, renews the lease of each of its shards and asks each whether it has something five times.", r.Config.Lease, r.Config.Rest),
		Head:  []string{"cluster", "round trips/s", "scripts/s", "server's one thread", "low–high", "one node, of one core", "server, bytes/s"},
	}
	for _, row := range r.Idles {
		main := row.Spread(cluster.Cost.MainRate)
		perThousand := func(ns float64) string { return fmt.Sprintf("%.2f %%", ns/1e7) }
		t.Rows = append(t.Rows, []string{
			row.Name, whole(row.Spread(cluster.Cost.Trips).Median), whole(row.Spread(cluster.Cost.Scripts).Median),
			perThousand(main.Median), bounds(main, perThousand), perThousand(row.Spread(cluster.Cost.NodeRate).Median / float64(row.Nodes)),
			rate(row.Spread(cluster.Cost.Bytes).Median),
		})
	}
	return t
}

func clusterBeats(r cluster.Result) Table {
	t := Table{
		Title: "A beat, by the size of the cluster",
		About: "A member writes its record, and reads those of all and the plan. One after the other, nothing beside; records and plan are as long as those of nodes with four organs.",
		Head:  []string{"cluster", "server CPU µs/beat", "low–high", "bytes/beat"},
	}
	for _, b := range r.Beats {
		main := b.Spread(cluster.Cost.MainWork)
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%d nodes, %d shards", b.Members, b.Shards), micro(main.Median), bounds(main, micro), whole(b.Spread(cluster.Cost.NetBytes).Median),
		})
	}
	return t
}
