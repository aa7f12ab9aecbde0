package cluster

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/bench/load"
)

// idle measures clusters that have nothing to do.
func (r *Result) idle(ctx context.Context, progress func(string)) error {
	c := r.Config
	rows := c.idles()
	err := turns(c.Rounds, len(rows), func(round, i int) {
		progress(fmt.Sprintf("cluster: idle, round %d of %d, %s", round+1, c.Rounds, rows[i].Name))
	}, func(i int) error {
		return rows[i].on(ctx, keysOfEach(rows[i].Shards, 1), func(ctx context.Context, s *stand) error {
			r.Server = s.server.Version
			// What comes with the beginning is over by then: each shard was asked once whether it has something.
			if err := pause(ctx, s.setting.Lease/4); err != nil {
				return err
			}
			x, err := s.cost(ctx, func(ctx context.Context) error { return pause(ctx, c.Rest) })
			rows[i].Rounds = append(rows[i].Rounds, x)
			return err
		})
	})
	r.Idles = rows
	return err
}

// idles are the rows: some nodes, and the fewest and the most of them with many shards.
func (c Config) idles() (rows []Row) {
	add := func(nodes, shards int) {
		name := fmt.Sprintf("%s, %d shards", nodesText(nodes), shards)
		rows = append(rows, Row{Setting: c.setting(name, nodes, shards, load.Relay{Places: places}), Kind: Resting})
	}
	for _, n := range c.Nodes {
		add(n, c.Shards)
	}
	add(c.Nodes[0], c.Many)
	if last := c.Nodes[len(c.Nodes)-1]; last != c.Nodes[0] {
		add(last, c.Many)
	}
	return rows
}
