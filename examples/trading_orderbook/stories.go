package main

import (
	"slices"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

// stories is a read model: for each command, what has become of it so far. It is fed by the Spine as
// organs finish; the same answer twice changes nothing. Safe for concurrent use.
type stories struct {
	mu    sync.Mutex
	keep  int
	byID  map[actors.ID]*story
	order []actors.ID // as they came
	more  int         // that are not kept
}

// story is one command, or one row that is none, and what became of it.
type story struct {
	ID      actors.ID
	Asked   desk.OrderSubmitted
	Told    bool                // the desk has answered
	Row     *RowUnreadable      // nil: it is a command
	Refused *desk.OrderRejected // by ValidateOrder
	Events  []actors.Event      // of MatchingEngine
	Failed  []desk.SettlementFailed
}

// newStories keeps the first so many commands.
func newStories(keep int) *stories { return &stories{keep: keep, byID: map[actors.ID]*story{}} }

func (s *stories) hooks() spine.Hooks {
	if s.keep == 0 {
		return spine.Hooks{}
	}
	return spine.Hooks{Received: s.received, Settled: s.settled}
}

// received begins a story. Commands arrive in the order in which they were published.
func (s *stories) received(ev actors.Event) {
	asked, isCommand := decodeIf[desk.OrderSubmitted](ev)
	row, isRow := decodeIf[RowUnreadable](ev)
	if !isCommand && !isRow {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.byID[ev.ID()] != nil: // handed out again
	case len(s.order) == s.keep:
		s.more++
	default:
		x := &story{ID: ev.ID(), Asked: asked}
		if isRow {
			x.Row = &row
		}
		s.byID[ev.ID()] = x
		s.order = append(s.order, ev.ID())
	}
}

func (s *stories) settled(r spine.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID[r.Event.Correlation()]
	if x == nil {
		return
	}
	switch r.Organ {
	case desk.ValidateOrder:
		for _, ev := range r.Emitted {
			if refused, ok := decodeIf[desk.OrderRejected](ev); ok {
				x.Refused, x.Told = &refused, true
			}
		}
	case desk.MatchingEngine:
		x.Events, x.Told = r.Emitted, true
	case desk.Settlement:
		for _, ev := range r.Emitted {
			if failed, ok := decodeIf[desk.SettlementFailed](ev); ok {
				x.Failed = append(x.Failed, failed)
			}
		}
	}
}

// began reports whether a command was handed out in this run, of those that are kept; where there were too many of
// them nothing is known, and it says so of all.
func (s *stories) began(id actors.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.more > 0 || s.byID[id] != nil
}

// list returns the stories that are kept, in order, and how many more commands there were.
func (s *stories) list() (all []story, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = make([]story, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, s.byID[id].copy())
	}
	return all, s.more
}

// of returns one story.
func (s *stories) of(id actors.ID) (story, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID[id]
	if x == nil {
		return story{}, false
	}
	return x.copy(), true
}

func (x *story) copy() story {
	c := *x
	c.Failed = slices.Clone(x.Failed)
	return c
}
