package cluster

import "time"

// Costs are what a run says of how far one server carries: nanoseconds of its one thread, unless it says otherwise.
type Costs struct {
	Event, KeyedEvent   float64 // with as many as there can be, on the most nodes there were
	Organ               float64 // each organ of an event beyond the first
	Sparse, KeyedSparse float64 // an event where there are few
	Cell                float64 // the first event of a key, beyond what the next cost
	NodeEvent           float64 // processor time of a node
	NodeKeyedEvent      float64
	IdleShard, IdleNode float64 // per second, with the lease of the run
	Ask                 float64 // of a cell of another node
	File, Net           float64 // bytes per event
	KeyedFile, KeyedNet float64
	Lease               time.Duration
	Beats               []Beat
}

// Costs returns what the run says; zeros for what was not measured.
func (r Result) Costs() Costs {
	c := Costs{Lease: r.Config.Lease, Beats: r.Beats}
	median := func(k Kind, f func(Cost) float64) float64 {
		row, _ := r.Together(k)
		return row.Spread(f).Median
	}
	c.Event, c.KeyedEvent = median(Stateless, Cost.MainWork), median(Keyed, Cost.MainWork)
	c.NodeEvent, c.NodeKeyedEvent = median(Stateless, Cost.NodeWork), median(Keyed, Cost.NodeWork)
	c.File, c.KeyedFile = median(Stateless, Cost.FileBytes), median(Keyed, Cost.FileBytes)
	c.Net, c.KeyedNet = median(Stateless, Cost.NetBytes), median(Keyed, Cost.NetBytes)
	c.Organ = r.organ()
	plain, _ := r.Together(Stateless)
	keyed, _ := r.Together(Keyed)
	c.Sparse, c.KeyedSparse = plain.PacedSpread(Cost.MainWork).Median, keyed.PacedSpread(Cost.MainWork).Median
	c.Cell = max(keyed.ColdSpread(Cost.MainWork).Median-plain.ColdSpread(Cost.MainWork).Median, 0)
	c.IdleNode, c.IdleShard = r.resting()
	for _, row := range r.Asks {
		if !row.Local && !row.Busy {
			c.Ask = row.Spread(AskRound.ServerWork).Median
		}
	}
	return c
}

// organ is what an organ of an event costs beyond the first, by rows of as many nodes.
func (r Result) organ() float64 {
	fan, ok := r.Alone(Fanned)
	if !ok || fan.Relay.Places < 2 {
		return 0
	}
	for _, row := range r.Loads {
		if row.Kind == Stateless && row.Nodes == fan.Nodes {
			more := fan.Spread(Cost.MainWork).Median - row.Spread(Cost.MainWork).Median
			return max(more/float64(fan.Relay.Places-1), 0)
		}
	}
	return 0
}

// resting is what nodes and shards cost that have nothing to do: the plane through nothing that is nearest to all rows, in parts of each: else
// the noise of the largest rows would be taken for what a node costs.
func (r Result) resting() (node, shard float64) {
	var nn, ns, ss, ny, sy float64
	for _, row := range r.Idles {
		n, s, y := float64(row.Nodes), float64(row.Shards), row.Spread(Cost.MainRate).Median
		if y <= 0 {
			continue
		}
		n, s = n/y, s/y
		nn, ns, ss, ny, sy = nn+n*n, ns+n*s, ss+s*s, ny+n, sy+s
	}
	det := nn*ss - ns*ns
	if det == 0 {
		return 0, 0
	}
	return max((ny*ss-sy*ns)/det, 0), max((sy*nn-ny*ns)/det, 0)
}

// Beat is what a beat costs where there are so many nodes, and how many bytes it moves: measured, and on the straight line between what
// was measured.
func (c Costs) Beat(nodes int) (work, bytes float64) {
	type point struct{ nodes, work, bytes float64 }
	var low, high point
	for i, b := range c.Beats {
		p := point{float64(b.Members), b.Spread(Cost.MainWork).Median, b.Spread(Cost.NetBytes).Median}
		if i == 0 || p.nodes <= float64(nodes) {
			low = p
		}
		high = p
		if p.nodes >= float64(nodes) {
			break
		}
	}
	if high.nodes <= low.nodes {
		return low.work, low.bytes
	}
	part := max((float64(nodes)-low.nodes)/(high.nodes-low.nodes), 0)
	return low.work + part*(high.work-low.work), low.bytes + part*(high.bytes-low.bytes)
}

// BeatsPerLease is how often a node beats in a lease.
const BeatsPerLease = 6

// Rest is the part of the server's thread that so many nodes and shards need with nothing to do.
func (c Costs) Rest(nodes, shards int, lease time.Duration) float64 {
	n, often := float64(nodes), ratio(c.Lease.Seconds(), lease.Seconds())
	few, _ := c.Beat(1)
	beat, _ := c.Beat(nodes)
	larger := n * BeatsPerLease / lease.Seconds() * max(beat-few, 0) // those of few nodes are in IdleNode
	return ((n*c.IdleNode+float64(shards)*c.IdleShard)*often + larger) / float64(time.Second)
}

// Full is the part of the server's thread that is reckoned with: more is left for what comes at once.
const Full = 0.8

// Most is events per second with which the thread is at Full, where an event costs so much.
func (c Costs) Most(rest, event float64) float64 {
	return ratio(max(Full-rest, 0)*float64(time.Second), event)
}
