package redisstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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
	c := &simCell{saved: h.Snapshot.Seq, at: h.At}
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
			c.events = append(c.events, stepOf(r.Event.ID().String(), r.At.UnixMicro()))
		}
	}
	if uint64(len(c.events)) != h.Last {
		s.fail("cell %s: %d changes, the store says %d", cell, len(c.events), h.Last)
	}
	return c
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
		hs, err := b.Load(ctx, []persistence.Cell{cell}, nil)
		return func() { n.loaded(cell, shard, token, hs, err) }
	})
}

// glance loads a cell as a question does: it is looked at, and does not stay.
func (n *simNode) glance(organ int) {
	cell := persistence.Cell{Organ: n.service.spec.Organs[organ].Name, Key: fmt.Sprintf("k%d", n.s.rnd.IntN(5))}
	b := n.b
	ctx, stop := contextFor(n, time.Second)
	n.glancing = n.begin(func() func() {
		defer stop()
		hs, err := b.Load(ctx, []persistence.Cell{cell}, nil)
		return func() {
			if err == nil {
				n.s.cellOf(cell, hs[0])
			}
		}
	})
}

func (n *simNode) loaded(cell persistence.Cell, shard *shard, token string, hs []persistence.History, err error) {
	if err != nil {
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
	n.s.cover["cell loaded"]++
	n.cells[cell] = n.s.cellOf(cell, hs[0])
}

// save saves a snapshot of some cell, or forgets cells that are old.
func (n *simNode) save() {
	if n.s.expires && n.s.chance(3) {
		n.expire()
		return
	}
	n.takeSnapshot()
	// It may be saved later, when the shard has been lost and is owned again; and once more.
	if len(n.taken) == 0 || n.s.chance(3) {
		return
	}
	i := n.s.rnd.IntN(len(n.taken))
	x := n.taken[i]
	if n.s.chance(3) {
		n.taken = slices.Delete(n.taken, i, i+1)
	}
	b := n.b
	ctx, stop := contextFor(n, time.Second)
	n.saving = n.begin(func() func() {
		defer stop()
		err := b.Save(ctx, x.cell, x.snapshot)
		return func() { n.saved(x, err) }
	})
}

// simSnapshot is a snapshot on its way to the store.
type simSnapshot struct {
	cell     persistence.Cell
	snapshot persistence.Snapshot
}

// takeSnapshot takes a snapshot of a cell that has changed.
func (n *simNode) takeSnapshot() {
	for _, cell := range slices.SortedFunc(maps.Keys(n.cells), func(a, b persistence.Cell) int {
		return cmp.Or(cmp.Compare(a.Organ, b.Organ), cmp.Compare(a.Key, b.Key))
	}) {
		c := n.cells[cell]
		if n.changing(cell) || uint64(len(c.events)) <= c.saved {
			continue
		}
		c.saved = uint64(len(c.events))
		state := c.encode()
		n.taken = append(n.taken, simSnapshot{cell, persistence.Snapshot{
			Seq: c.saved, Version: 1, State: state, Sum: sha256.Sum256(state), At: c.at,
		}})
		return
	}
}

func (n *simNode) saved(x simSnapshot, err error) {
	n.s.trace("%s has saved change %d of %s: %v", n.name, x.snapshot.Seq, x.cell, err)
	switch {
	case err == nil:
		n.s.cover["snapshot saved"]++
	case errors.Is(err, persistence.ErrConflict):
		n.s.cover["snapshot refused"]++
	case errors.Is(err, persistence.ErrCorrupt):
		n.s.fail("%s: save %s: %v", n.name, x.cell, err)
	}
}

// expire forgets cells that are old.
func (n *simNode) expire() {
	b := n.b
	i := n.s.rnd.IntN(len(n.service.spec.Organs))
	organ := n.service.spec.Organs[i].Name
	before := n.now().Add(-time.Duration(n.s.rnd.IntN(200)) * time.Millisecond)
	ctx, stop := contextFor(n, time.Second)
	n.saving = n.begin(func() func() {
		defer stop()
		forgotten, _ := b.Expire(ctx, organ, before, 10)
		return func() { n.s.cover["expired"] += forgotten }
	})
	if n.glancing == nil { // what is forgotten while somebody reads it
		n.glance(i)
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
