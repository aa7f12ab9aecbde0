package cluster

import (
	"time"

	"github.com/necrostack/necrostack/bench/measure"
)

// Cost is what a stretch of time has cost, and what was done in it.
type Cost struct {
	Took      time.Duration `json:"took_ns"`
	Events    int64         `json:"events"` // acknowledged
	Server    Work          `json:"server"`
	Nodes     time.Duration `json:"nodes_ns"`     // processor time of all nodes together
	Publisher time.Duration `json:"publisher_ns"` // of the process that publishes and measures
	Busiest   float64       `json:"busiest"`      // events of the node that had most, by the mean of all
}

// moment is what all have used up to a time.
type moment struct {
	at    time.Time
	work  Work
	nodes []Status
	own   time.Duration
}

func (m moment) since(before moment) Cost {
	c := Cost{Took: m.at.Sub(before.at), Server: m.work.since(before.work), Publisher: m.own - before.own}
	most := int64(0)
	for i, n := range m.nodes {
		acked := n.Acked - before.nodes[i].Acked
		c.Nodes += n.CPU - before.nodes[i].CPU
		c.Events += acked
		most = max(most, acked)
	}
	if c.Events > 0 {
		c.Busiest = float64(most) * float64(len(m.nodes)) / float64(c.Events)
	}
	return c
}

// Rate is events per second.
func (c Cost) Rate() float64 { return c.perSecond(float64(c.Events)) }

// Commits is commits per second.
func (c Cost) Commits() float64 { return c.perSecond(float64(c.Server.Commits)) }

// Batch is events per commit.
func (c Cost) Batch() float64 { return ratio(float64(c.Events), float64(c.Server.Commits)) }

// NodeWork is nanoseconds of the nodes' processor time per event.
func (c Cost) NodeWork() float64 { return c.perEvent(float64(c.Nodes)) }

// ServerWork is nanoseconds of the server's processor time per event.
func (c Cost) ServerWork() float64 { return c.perEvent(float64(c.Server.CPU)) }

// MainWork is nanoseconds of the server's one thread that executes commands, per event.
func (c Cost) MainWork() float64 { return c.perEvent(float64(c.Server.Main)) }

// PublisherWork is nanoseconds of processor time per event of who publishes.
func (c Cost) PublisherWork() float64 { return c.perEvent(float64(c.Publisher)) }

// FileBytes is bytes of the append-only file per event.
func (c Cost) FileBytes() float64 { return c.perEvent(float64(c.Server.File)) }

// NetBytes is bytes from and to the server per event.
func (c Cost) NetBytes() float64 { return c.perEvent(float64(c.Server.In + c.Server.Out)) }

// Busy is the part of the time in which the server's one thread was at work.
func (c Cost) Busy() float64 { return ratio(float64(c.Server.Main), float64(c.Took)) }

// Trips is round trips per second.
func (c Cost) Trips() float64 { return c.perSecond(float64(c.Server.Trips)) }

// Bytes is bytes from and to the server per second.
func (c Cost) Bytes() float64 { return c.perSecond(float64(c.Server.In + c.Server.Out)) }

// Scripts is calls of scripts per second.
func (c Cost) Scripts() float64 { return c.perSecond(float64(c.Server.Scripts)) }

// MainRate is nanoseconds per second of the server's one thread.
func (c Cost) MainRate() float64 { return c.perSecond(float64(c.Server.Main)) }

// NodeRate is nanoseconds per second of all nodes together.
func (c Cost) NodeRate() float64 { return c.perSecond(float64(c.Nodes)) }

func (c Cost) perSecond(x float64) float64 { return ratio(x, c.Took.Seconds()) }
func (c Cost) perEvent(x float64) float64  { return ratio(x, float64(c.Events)) }

// ratio is 0 where there is nothing to divide by.
func ratio(x, by float64) float64 {
	if by <= 0 {
		return 0
	}
	return x / by
}

// spreadOf is the spread of a figure over rounds.
func spreadOf(rounds []Cost, f func(Cost) float64) measure.Spread {
	values := make([]float64, len(rounds))
	for i, c := range rounds {
		values[i] = f(c)
	}
	return measure.Of(values)
}
