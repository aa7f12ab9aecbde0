package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/load"
)

// AskRow is one way to ask, and its rounds.
type AskRow struct {
	Name   string     `json:"name"`
	Local  bool       `json:"local"` // the node that is asked has the cell
	Busy   bool       `json:"busy"`  // events are handled beside
	Rounds []AskRound `json:"rounds"`
}

// AskRound is one question after the other for a while, and the same while without.
type AskRound struct {
	Asked Asked `json:"asked"`
	With  Cost  `json:"with"`
	Base  Cost  `json:"base"`
}

// Rate is questions per second.
func (a AskRound) Rate() float64 { return a.With.perSecond(float64(a.Asked.Count)) }

// more is by how much something is more with questions, per question.
func (a AskRound) more(f func(Cost) float64) float64 {
	return ratio((f(a.With)-f(a.Base))*a.With.Took.Seconds(), float64(a.Asked.Count))
}

// ServerWork is nanoseconds of the server's one thread per question. Beside events it is a difference of two large figures.
func (a AskRound) ServerWork() float64 { return a.more(Cost.MainRate) }

// Trips is round trips per question.
func (a AskRound) Trips() float64 { return a.more(Cost.Trips) }

// Scripts is calls of scripts per question.
func (a AskRound) Scripts() float64 { return a.more(Cost.Scripts) }

// NodeWork is nanoseconds of both nodes' processor time per question.
func (a AskRound) NodeWork() float64 { return a.more(Cost.NodeRate) }

// askNodes is the least that has another node, and askBurst how often starts come beside.
const (
	askNodes = 2
	askBurst = 10 * time.Millisecond
)

func (r *Result) ask(ctx context.Context, progress func(string)) error {
	c := r.Config
	r.Asks = []AskRow{
		{Name: "the node that has the cell, idle", Local: true}, {Name: "another node, idle"},
		{Name: "the node that has the cell, beside load", Local: true, Busy: true}, {Name: "another node, beside load", Busy: true},
	}
	x := c.setting("questions", askNodes, c.Shards, load.Relay{Places: places, Keyed: true})
	return turns(c.Rounds, 1, func(round, _ int) {
		progress(fmt.Sprintf("cluster: ask, round %d of %d", round+1, c.Rounds))
	}, func(int) error {
		return x.on(ctx, keysOfEach(c.Shards, 1), func(ctx context.Context, s *stand) error {
			r.Server = s.server.Version
			return s.asked(ctx, c, r.Asks)
		})
	})
}

// asked is a round of all rows.
func (s *stand) asked(ctx context.Context, c Config, rows []AskRow) error {
	if err := s.feed(ctx, len(s.keys)); err != nil { // then every key has cells
		return err
	}
	of, err := s.formed(ctx)
	if err != nil {
		return err
	}
	if err := s.askAll(ctx, c.Duration, of, rows, false); err != nil {
		return err
	}
	n := max(int(c.Rate*askBurst.Seconds()), 1)
	return s.beside(ctx, askBurst, n, func(ctx context.Context) error { return s.askAll(ctx, c.Duration, of, rows, true) })
}

// askAll asks in all ways that are busy, or in those that are not.
func (s *stand) askAll(ctx context.Context, d time.Duration, of owners, rows []AskRow, busy bool) error {
	base, err := s.cost(ctx, func(ctx context.Context) error { return pause(ctx, d) })
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].Busy != busy {
			continue
		}
		x := AskRound{Base: base}
		asker := s.nodes[0]
		keys := slices.DeleteFunc(slices.Clone(s.keys), func(key string) bool { return (of[shardOf(key, s.setting.Shards)] == asker) != rows[i].Local })
		x.With, err = s.cost(ctx, func(ctx context.Context) error {
			reply, err := asker.ask(ctx, request{Do: doAsk, Keys: keys, For: d})
			if err == nil && reply.Asked == nil {
				err = errors.New("the reply to ask has no answers")
			}
			if err == nil {
				x.Asked = *reply.Asked
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", rows[i].Name, err)
		}
		rows[i].Rounds = append(rows[i].Rounds, x)
	}
	return nil
}
