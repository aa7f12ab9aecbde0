package redisstream

import (
	"context"
	"errors"

	"github.com/necrostack/necrostack/actors"
)

// What waits in the order of a key stays pending at this owner, and is in memory. How much that can be is bounded: beyond
// parkedBytes of a shard an event is let go, all but its id and key, and read again when it is its turn; at
// mostInHand entries the shard is pulled no further until some are settled.
const (
	parkedBytes = 4 << 20
	mostInHand  = 65_536
)

// full reports whether the shard has as much in hand as it may.
func (s *shard) full() bool { return len(s.entries) >= mostInHand }

// park notes that all that is left of e is held.
func (s *shard) park(e *entry) {
	if e.parked || e.gone || e.active > 0 || e.open == 0 {
		return
	}
	e.parked = true
	s.parked += e.size
	if s.parked > parkedBytes {
		s.parked -= e.size
		e.event, e.away = actors.Event{}, true
	}
}

// unpark notes that e goes on.
func (s *shard) unpark(e *entry) {
	if !e.parked {
		return
	}
	e.parked = false
	if !e.away {
		s.parked -= e.size
	}
}

// refill reads the events of those whose turn has come, or comes soon.
func (b *Backend) refill(ctx context.Context) error {
	var shards []*shard
	var entries []*entry
	var calls []*call
	b.mu.Lock()
	for _, s := range b.shards {
		if !s.owned() || !s.missed {
			continue
		}
		s.missed = false
		for i := range s.lines {
			for _, e := range s.lines[i].awayNext() {
				shards, entries = append(shards, s), append(entries, e)
				calls = append(calls, plain("XRANGE", s.in, e.id.String(), e.id.String()))
			}
		}
	}
	b.mu.Unlock()
	if len(calls) == 0 {
		return nil
	}
	if err := b.askAll(ctx, calls); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, s := range shards {
			s.missed = true
		}
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, e := range entries {
		if e.gone || !e.away || shards[i].entries[e.number] != e {
			continue
		}
		if err := e.refill(entriesOf(list(calls[i].reply))); err != nil {
			b.settings.log.Error("an entry that waited is gone", "shard", shards[i].index, "entry", e.id.String(), "error", err)
			b.lose(shards[i], false) // read anew, it becomes a dead letter
			continue
		}
		shards[i].parked += e.size
	}
	return nil
}

var errEntryGone = errors.New("redisstream: the entry is not in the stream any more")

func (e *entry) refill(raw []rawEntry) error {
	if len(raw) == 0 || raw[0].values == nil {
		return errEntryGone
	}
	ev, err := decodeEntry(raw[0].values)
	if err != nil {
		return err
	}
	e.event, e.away = ev, false
	return nil
}

// awayNext lists entries without their event that come next: the first of the holds that are first in line, no more than
// may be parked.
func (l *line) awayNext() []*entry {
	var away []*entry
	bytes := 0
	for _, heap := range []holdHeap{l.open, l.due} {
		if len(heap) == 0 {
			continue
		}
		h := heap[0]
		for _, e := range h.entries[h.start:min(len(h.entries), h.start+window)] {
			if !e.away {
				continue
			}
			if len(away) > 0 && bytes+e.size > parkedBytes {
				return away
			}
			away, bytes = append(away, e), bytes+e.size
		}
	}
	return away
}
