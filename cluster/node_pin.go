package cluster

import (
	"context"
	"fmt"
	"maps"

	"github.com/necrostack/necrostack/actors"
)

// Pin says who is to own a shard: a member's ID, or its configured name; see Pins. It is agreed when Pin returns, and carried out
// by the nodes that run. This node need not run.
func (n *Node) Pin(ctx context.Context, shard uint32, member string) error {
	if err := actors.CheckName("member", member); err != nil {
		return fmt.Errorf("cluster: pin shard %d: %w", shard, err)
	}
	return n.repin(ctx, shard, func(pins Pins) { pins[shard] = member })
}

// Unpin takes back Pin. The shard stays where it is until a plan moves it.
func (n *Node) Unpin(ctx context.Context, shard uint32) error {
	return n.repin(ctx, shard, func(pins Pins) { delete(pins, shard) })
}

// repin changes the pins, again where somebody else has changed them in between.
func (n *Node) repin(ctx context.Context, shard uint32, change func(Pins)) error {
	if shards := n.store.Shards(); int64(shard) >= int64(shards) {
		return fmt.Errorf("%w: pin of shard %d, there are %d", ErrMember, shard, shards)
	}
	for {
		_, agreed, err := n.store.Beat(ctx, n.service.Name, "", "")
		if err != nil {
			return fmt.Errorf("cluster: pin shard %d: %w", shard, err)
		}
		now, err := decodePins(agreed[pinsName], n.store.Shards())
		n.sound(pinsName, err)
		next := pinning{Version: now.Version + 1, Pins: maps.Clone(now.Pins)}
		if next.Pins == nil {
			next.Pins = make(Pins)
		}
		change(next.Pins)
		if maps.Equal(next.Pins, now.Pins) {
			return nil
		}
		done, err := n.store.Agree(ctx, n.service.Name, pinsName, now.text, next.encode())
		if err != nil {
			return fmt.Errorf("cluster: pin shard %d: %w", shard, err)
		}
		if done {
			return nil
		}
	}
}
