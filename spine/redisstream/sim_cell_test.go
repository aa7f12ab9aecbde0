package redisstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// encode writes the state: its events, in order.
func (c *simCell) encode() []byte { return []byte(strings.Join(c.events, " ")) }

// cellOf rebuilds a cell, and reports whether what the store has of it belongs together.
func (s *redisSim) cellOf(cell persistence.Cell, h persistence.History) *simCell {
	c := &simCell{saved: h.Snapshot.Seq}
	if len(h.Snapshot.State) > 0 {
		c.events = strings.Fields(string(h.Snapshot.State))
	}
	if h.Snapshot.Seq > 0 && sha256.Sum256(h.Snapshot.State) != h.Snapshot.Sum {
		s.fail("cell %s: the snapshot is damaged", cell)
	}
	for _, r := range h.Records {
		if r.Seq > h.Snapshot.Seq {
			if r.Seq != uint64(len(c.events))+1 {
				s.fail("cell %s: record %d follows on %d changes", cell, r.Seq, len(c.events))
			}
			c.events = append(c.events, r.Event.ID().String())
		}
	}
	if uint64(len(c.events)) != h.Last {
		s.fail("cell %s: %d changes, the store says %d", cell, len(c.events), h.Last)
	}
	return c
}

// torn reports whether parts of a history are not there.
func torn(h persistence.History) bool {
	if h.Snapshot.Seq > 0 && sha256.Sum256(h.Snapshot.State) != h.Snapshot.Sum {
		return true
	}
	last := h.Snapshot.Seq
	for _, r := range h.Records {
		if r.Seq == last+1 {
			last++
		}
	}
	return last != h.Last
}

// load brings a cell into memory.
func (n *simNode) load(w *simWork) {
	cell, b := n.cell(w), n.b
	ctx, stop := contextFor(n, time.Duration(1+n.s.rnd.Int64N(int64(2*time.Second))))
	shard := n.b.shards[w.shard]
	n.b.mu.Lock()
	token := shard.token
	n.b.mu.Unlock()
	n.loading = n.begin(func() func() {
		defer stop()
		hs, err := b.Load(ctx, []persistence.Cell{cell})
		return func() { n.loaded(cell, shard, token, hs, err) }
	})
}

func (n *simNode) loaded(cell persistence.Cell, shard *shard, token string, hs []persistence.History, err error) {
	switch {
	case errors.Is(err, persistence.ErrCorrupt):
		n.s.fail("%s: load %s: %v", n.name, cell, err)
		return
	case err != nil:
		return
	}
	n.b.mu.Lock()
	same := token != "" && shard.token == token
	n.b.mu.Unlock()
	for _, w := range n.works {
		same = same && !(n.keyed(w) && n.cell(w) == cell && w.state == simOnItsWay)
	}
	if !same || n.cells[cell] != nil {
		return // the shard was lost meanwhile
	}
	if n.s.expires && torn(hs[0]) {
		return // it was forgotten between its head and the rest
	}
	n.s.cover["cell loaded"]++
	n.cells[cell] = n.s.cellOf(cell, hs[0])
}

// save saves a snapshot of some cell, or forgets cells that are old.
func (n *simNode) save() {
	b := n.b
	if n.s.expires && n.s.chance(3) {
		organ := n.service.spec.Organs[n.s.rnd.IntN(len(n.service.spec.Organs))].Name
		before := n.now().Add(-time.Duration(n.s.rnd.IntN(200)) * time.Millisecond)
		ctx, stop := contextFor(n, time.Second)
		n.saving = n.begin(func() func() {
			defer stop()
			forgotten, _ := b.Expire(ctx, organ, before, 10)
			return func() { n.s.cover["expired"] += forgotten }
		})
		return
	}
	for _, cell := range slices.SortedFunc(maps.Keys(n.cells), func(a, b persistence.Cell) int {
		return cmp.Or(cmp.Compare(a.Organ, b.Organ), cmp.Compare(a.Key, b.Key))
	}) {
		c := n.cells[cell]
		if n.changing(cell) || uint64(len(c.events)) <= c.saved {
			continue
		}
		c.saved = uint64(len(c.events))
		state := c.encode()
		ctx, stop := contextFor(n, time.Second)
		n.saving = n.begin(func() func() {
			defer stop()
			err := b.Save(ctx, cell, persistence.Snapshot{Seq: c.saved, Version: 1, State: state, Sum: sha256.Sum256(state), At: time.Now()})
			return func() {
				if err == nil {
					n.s.cover["snapshot saved"]++
				}
			}
		})
		return
	}
}

// changing reports whether a change of the cell is not stored yet.
func (n *simNode) changing(cell persistence.Cell) bool {
	for _, w := range n.works {
		if n.keyed(w) && n.cell(w) == cell && w.state >= simStaged {
			return true
		}
	}
	return false
}

func contextFor(n *simNode, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(n.ctx, d)
	return ctx, cancel
}

func sortedKeys[V any](m map[uint32]V) []uint32 { return slices.Sorted(maps.Keys(m)) }
