package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/necrostack/necrostack/bench/load"
)

// Change is a node that has come or gone, and what became of its shards.
type Change struct {
	Kind   ChangeKind      `json:"kind"`
	Pauses []time.Duration `json:"pauses_ns"` // of each shard that has moved, ascending
}

// ChangeKind is how the members change.
type ChangeKind string

// The kinds, and what a pause is.
const (
	Killed ChangeKind = "SIGKILL" // from the kill to the first event settled
	Left   ChangeKind = "SIGTERM" // from the last event that it has settled to the first that another has
	Joined ChangeKind = "join"    // as Left
)

// Median is that of the shards.
func (c Change) Median() time.Duration {
	if len(c.Pauses) == 0 {
		return 0
	}
	return c.Pauses[len(c.Pauses)/2]
}

// Worst is that of the shard that was last.
func (c Change) Worst() time.Duration {
	if len(c.Pauses) == 0 {
		return 0
	}
	return c.Pauses[len(c.Pauses)-1]
}

const (
	// changeNodes is how many there are before one goes.
	changeNodes = 3
	// ChangeEvery is between two events of a shard: no pause is seen more exactly.
	ChangeEvery = 20 * time.Millisecond
)

// change lets nodes be killed, leave and join in turn, under load.
func (r *Result) change(ctx context.Context, progress func(string)) error {
	c := r.Config
	x := Setting{Name: "three nodes", Nodes: changeNodes, Shards: c.Shards, Lease: c.Short, Relay: load.Relay{Places: 1, Keyed: true}}
	return x.on(ctx, keysOfEach(c.Shards, 1), func(ctx context.Context, s *stand) error {
		r.Server = s.server.Version
		return s.beside(ctx, ChangeEvery, c.Shards, func(ctx context.Context) error {
			for i := range c.Changes {
				progress(fmt.Sprintf("cluster: takeover, %d of %d", i+1, c.Changes))
				for _, kind := range []ChangeKind{Killed, Left} {
					gone, come, err := s.replace(ctx, kind)
					if err != nil {
						return fmt.Errorf("%s: %w", kind, err)
					}
					r.Changes = append(r.Changes, gone, come)
				}
			}
			return nil
		})
	})
}

// replace lets the oldest node go, and then another one come.
func (s *stand) replace(ctx context.Context, kind ChangeKind) (gone, come Change, err error) {
	if gone, err = s.leave(ctx, kind); err != nil {
		return gone, come, err
	}
	come, err = s.come(ctx)
	return gone, come, err
}

// leave lets the oldest node go.
func (s *stand) leave(ctx context.Context, kind ChangeKind) (Change, error) {
	x := Change{Kind: kind}
	of, err := s.busy(ctx)
	if err != nil {
		return x, err
	}
	p, rest := s.nodes[0], s.nodes[1:]
	if err := mark(ctx, rest); err != nil {
		return x, err
	}
	since, err := s.end(p, kind)
	if err != nil {
		return x, err
	}
	first, err := s.firsts(ctx, of.shards(p), rest)
	if err != nil {
		return x, err
	}
	s.nodes = slices.Clone(rest)
	<-p.ended
	if kind == Left && p.left == nil {
		return x, errors.Join(fmt.Errorf("node %q did not leave in good order", p.name), p.err)
	}
	for shard, at := range first {
		from := since
		if kind == Left {
			from = p.left.Last[shard]
		}
		x.Pauses = append(x.Pauses, at.Sub(from))
	}
	slices.Sort(x.Pauses)
	return x, nil
}

// end ends a node, and returns when it did. The time has no reading of this process's own clock: it is compared with those of
// others.
func (s *stand) end(p *process, kind ChangeKind) (time.Time, error) {
	signal := syscall.SIGKILL
	if kind == Left {
		signal = syscall.SIGTERM
	}
	at := time.Now().Round(0)
	return at, p.signal(signal)
}

// come starts a node.
func (s *stand) come(ctx context.Context) (Change, error) {
	x := Change{Kind: Joined}
	before, err := s.busy(ctx)
	if err != nil {
		return x, err
	}
	p, err := s.start()
	if err != nil {
		return x, err
	}
	after, err := s.formed(ctx)
	if err != nil {
		return x, err
	}
	moved := after.shards(p)
	first, err := s.firsts(ctx, moved, []*process{p})
	if err != nil {
		return x, err
	}
	last := map[*process][]time.Time{}
	for _, q := range s.nodes {
		status, err := q.status(ctx, doStatus)
		if err != nil {
			return x, err
		}
		last[q] = status.Last
	}
	for _, shard := range moved {
		x.Pauses = append(x.Pauses, first[shard].Sub(last[before[shard]][shard]))
	}
	slices.Sort(x.Pauses)
	return x, nil
}

// busy waits until every node serves its shards, and something of each was settled.
func (s *stand) busy(ctx context.Context) (owners, error) {
	of, err := s.formed(ctx)
	if err != nil {
		return nil, err
	}
	if err := mark(ctx, s.nodes); err != nil {
		return nil, err
	}
	for _, p := range s.nodes {
		if _, err := s.firsts(ctx, of.shards(p), []*process{p}); err != nil {
			return nil, err
		}
	}
	return of, nil
}

// shards are those of a node, ascending.
func (o owners) shards(p *process) (shards []int) {
	for shard, owner := range o {
		if owner == p {
			shards = append(shards, shard)
		}
	}
	slices.Sort(shards)
	return shards
}

// mark lets nodes forget which shards have settled something.
func mark(ctx context.Context, nodes []*process) error {
	for _, p := range nodes {
		if _, err := p.status(ctx, doMark); err != nil {
			return err
		}
	}
	return nil
}

// firsts waits until each of the shards has settled something at one of the nodes since the mark, and returns when it did.
func (s *stand) firsts(ctx context.Context, shards []int, nodes []*process) (map[int]time.Time, error) {
	first := map[int]time.Time{}
	err := s.until(ctx, "shards are served", func(ctx context.Context) (bool, error) {
		for _, p := range nodes {
			x, err := p.status(ctx, doStatus)
			if err != nil {
				return false, err
			}
			for _, shard := range shards {
				at := x.First[shard]
				if was, seen := first[shard]; !at.IsZero() && (!seen || at.Before(was)) {
					first[shard] = at
				}
			}
		}
		return len(first) == len(shards), nil
	})
	return first, err
}
