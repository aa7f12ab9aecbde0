package redisstream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Lease is for how long a silent owner keeps its shards: see WithLease.
func (b *Backend) Lease() time.Duration { return b.settings.lease }

// Enter makes a process a member of a service, and does what Beat does.
func (b *Backend) Enter(ctx context.Context, service, id, record string) (members, agreed map[string]string, err error) {
	return b.beat(ctx, service, id, record, "1")
}

// Beat writes what a member of a service says of itself, and returns what all members say, and what they have agreed on, by
// name. Nil members: the others have struck it off. With an empty id it only reads. One call, without a repeat: whoever
// beats does so again.
func (b *Backend) Beat(ctx context.Context, service, id, record string) (members, agreed map[string]string, err error) {
	return b.beat(ctx, service, id, record, "")
}

func (b *Backend) beat(ctx context.Context, service, id, record, enter string) (members, agreed map[string]string, err error) {
	c := &call{script: beatScript, keys: []string{b.keys.nodes(service), b.keys.agreed(service)}, args: []any{id, record, enter}}
	if err := b.askOnce(ctx, c); err != nil {
		return nil, nil, fmt.Errorf("beat of %q: %w", id, err)
	}
	if c.word() != "OK" {
		return nil, nil, nil
	}
	return pairsOf(c.part(1)), pairsOf(c.part(2)), nil
}

// Agree sets what the members of a service have agreed on under a name, and reports whether it did: it does not where the value is
// not the one that was seen any more; an empty one is none. After an error it may have been set.
func (b *Backend) Agree(ctx context.Context, service, name, seen, next string) (bool, error) {
	c := &call{script: agreeScript, keys: []string{b.keys.agreed(service)}, args: []any{name, seen, next}}
	if err := b.askOnce(ctx, c); err != nil {
		return false, fmt.Errorf("agree on %q: %w", name, err)
	}
	return c.word() == "OK", nil
}

// Strike removes a member whose record is still the one that was seen. Nobody's shards depend on it.
func (b *Backend) Strike(ctx context.Context, service, id, seen string) error {
	c := &call{script: strikeScript, keys: []string{b.keys.nodes(service)}, args: []any{id, seen}}
	if err := b.askOnce(ctx, c); err != nil {
		return fmt.Errorf("strike %q: %w", id, err)
	}
	return nil
}

// askOnce makes a call of a store that was found fit.
func (b *Backend) askOnce(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.found(ctx); err != nil {
		return err
	}
	return errors.Join(b.once(ctx, c), c.err)
}

// pairsOf reads fields and values.
func pairsOf(reply any) map[string]string {
	words := list(reply)
	m := make(map[string]string, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		m[text(words[i])] = text(words[i+1])
	}
	return m
}
