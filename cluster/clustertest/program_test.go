package clustertest_test

import (
	"context"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

const service = "desk"

// link is an event of the chain of a key.
type link struct {
	Key string
	N   int
}

func (link) EventType() string  { return "LINK" }
func (l link) EventKey() string { return l.Key }

// chain is the state of a key: the number of its last link, and what came instead of the next one.
type chain struct {
	Last  int
	Gaps  int // how often links were missing
	Lost  int // links that were missing
	Again int // links that came once more, or too late
}

func (c *chain) add(n int) {
	switch missing := n - c.Last - 1; {
	case missing < 0:
		c.Again++
		return
	case missing > 0:
		c.Gaps++
		c.Lost += missing
	}
	c.Last = n
}

// heir is the state of the same organ in version 2, which reads that of version 1.
type heir struct {
	chain
	Since int // the first link that version 2 has added
}

// whole asks for all of a state.
type whole struct{}

// program is what a node runs.
//
//	chains  keyed      LINK   in version 2 its Step and its state are others
//	mail    stateless  LINK   has an effect outside: a line of the diary
//	audit   keyed      LINK   new in version 2
type program struct {
	Version int
	Retired []string // organs that it gives up
	Records bool     // cells are kept by records, as large ones are
}

var (
	one = program{Version: 1}
	two = program{Version: 2}
)

func (p program) options(d *diary) []spine.Option {
	of := []spine.Option{
		spine.WithService(service), spine.WithRetired(p.Retired...),
		spine.WithOrgan(actors.NewOrgan("mail", actors.Sink(func(ctx context.Context, ev actors.EventOf[link]) error {
			return d.write("mail", ev.Payload, actors.Attempt(ctx))
		}))),
	}
	if p.Records {
		of = append(of, spine.WithSnapshots(persistence.SnapshotPolicy{InPlace: -1, Records: 1 << 20}))
	}
	if p.Version == 1 {
		return append(of, spine.WithOrgan(chainsOne(d)))
	}
	return append(of, spine.WithOrgan(chainsTwo(d)), spine.WithOrgan(audit()))
}

func chainsOne(d *diary) *actors.Keyed[chain] {
	return actors.NewKeyed("chains", func(string) *chain { return &chain{} },
		actors.Step(func(c *chain, ev actors.EventOf[link]) ([]actors.Payload, error) {
			c.add(ev.Payload.N)
			return nil, d.write("chains", ev.Payload, 1)
		}),
		actors.Answer(func(c *chain, _ whole) (chain, error) { return *c, nil }))
}

func chainsTwo(d *diary) *actors.Keyed[heir] {
	return actors.NewKeyed("chains", func(string) *heir { return &heir{} },
		actors.Step(func(h *heir, ev actors.EventOf[link]) ([]actors.Payload, error) {
			if h.Since == 0 {
				h.Since = ev.Payload.N
			}
			h.add(ev.Payload.N)
			return nil, d.write("chains2", ev.Payload, 1)
		}),
		actors.Answer(func(h *heir, _ whole) (heir, error) { return *h, nil }),
		actors.Version[heir](2))
}

// audited is the state of audit.
type audited struct {
	First int
	chain
}

func audit() *actors.Keyed[audited] {
	return actors.NewKeyed("audit", func(string) *audited { return &audited{} },
		actors.Step(func(a *audited, ev actors.EventOf[link]) ([]actors.Payload, error) {
			if a.First == 0 {
				a.First, a.Last = ev.Payload.N, ev.Payload.N-1
			}
			a.add(ev.Payload.N)
			return nil, nil
		}),
		actors.Answer(func(a *audited, _ whole) (audited, error) { return *a, nil }))
}
