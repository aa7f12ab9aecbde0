package redisstream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoStore reports that there is no store in the namespace.
var ErrNoStore = errors.New("redisstream: there is no store in this namespace")

// errResharded is what becomes of a handle that has resharded the store.
var errResharded = errors.New("redisstream: this handle has resharded the store; use a new one")

// Resharded is what Reshard has done.
type Resharded struct {
	From, To int
	Services []string
	Entries  int           // of the streams, settled ones that were not trimmed included
	Unsorted int           // entries that count as handed out now and were unread before, over all services
	Delayed  int           // events that are not due
	Cells    int           // states of keyed organs
	IDs      int           // published ids that are still remembered
	Closed   time.Duration // for how long the store was closed to all others
}

// Reshard moves the whole store to another number of shards, 1 to 4096. Nothing is lost, handled twice, or comes out of the order of
// its key: entries, settled or not, the progress of each organ, deferred work, delayed events, cells, published ids and dead
// letters are as before. Pins and what nodes have agreed on are forgotten: they name shards that are no more.
//
// No service may be served: Reshard waits until leases of nodes that have died run out, or ctx ends, with ErrServed and the names of those who
// serve. From then on the store is closed to everybody, publishers too; their handles report spine.ErrStoreLost when they
// use it, and have to be made anew, with the new number in WithShards. What this handle's WithShards says does not
// matter; afterwards it can do no more than Reshard and Close.
//
// The new shards are made beside the old ones, under names of a new generation; the old ones are read only. One script makes the
// new ones the store's, and only then the old ones are removed. So the server needs memory for both, and whenever it is
// broken off the store is whole: where the server can still be asked, Reshard opens it again as it was, else it stays closed
// until Reshard is called again, with any number: it begins anew, and with the number that the store has it just opens it.
// After an error the store has been moved if it can be opened with the new number only.
//
// It reads page by page, holds some thousands of entries at most, and asks for nothing that takes the server long: what one page
// writes is at most some 200 commands or 256 KiB, except that a single entry or field may be larger. The user of
// the server needs more rights than a service's: what is missing is named before anything is touched.
func (b *Backend) Reshard(ctx context.Context, shards int) (Resharded, error) {
	r, err := b.reshard(ctx, shards)
	if err != nil {
		return r, fmt.Errorf("redisstream: reshard to %d shards: %w", shards, err)
	}
	return r, nil
}

func (b *Backend) reshard(ctx context.Context, shards int) (Resharded, error) {
	if err := within("Reshard", shards, 1, maxShards); err != nil {
		return Resharded{}, err
	}
	b.mu.Lock()
	closed, serving := b.closed, b.serving
	b.mu.Unlock()
	switch {
	case closed:
		return Resharded{}, errClosed
	case serving:
		return Resharded{}, fmt.Errorf("%w: by this handle", ErrServed)
	}
	if err := checkServer(ctx, b.rdb, &b.settings, operatorCommands()); err != nil {
		return Resharded{}, err
	}
	m, err := b.newMover(ctx, shards)
	if err != nil {
		return Resharded{}, err
	}
	defer m.end()
	if err := m.takeAll(ctx); err != nil {
		return m.report, err
	}
	err = m.move(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.switched && b.failed == nil {
		b.failed = errResharded
	}
	return m.report, err
}

// move does it, once all shards of all services are this process's.
func (m *mover) move(ctx context.Context) error {
	if m.report.From == m.report.To && !m.wasMoving {
		return m.sweep(ctx, m.generation, "")
	}
	began := time.Now()
	if err := m.begin(ctx); err != nil {
		return err
	}
	err := m.build(ctx)
	if err == nil && m.report.From != m.report.To {
		err = m.finish(ctx)
	}
	m.report.Closed = time.Since(began)
	if m.switched {
		m.stopKeepers()
		return errors.Join(err, m.sweep(ctx, m.attempt, ""))
	}
	return errors.Join(err, m.abort())
}

// build makes the new generation.
func (m *mover) build(ctx context.Context) error {
	if err := m.sweep(ctx, m.generation, m.attempt); err != nil || m.report.From == m.report.To {
		return err
	}
	for _, part := range []func(context.Context) error{m.survey, m.moveStreams, m.moveDelayed, m.moveKeys, m.moveLeases} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return m.flush(ctx)
}

// StoredShards is the number of shards that the store at address has, for who is to make a handle on a store of somebody else's; what opts say
// of shards does not matter. It asks once. The error is ErrNoStore where there is none.
func StoredShards(ctx context.Context, address string, opts ...Option) (int, error) {
	b, err := New(address, opts...)
	if err != nil {
		return 0, err
	}
	defer b.server.close()
	c := plain("HGET", b.keys.meta(), "shards")
	if err := b.askAll(ctx, []*call{c}); err != nil {
		return 0, fmt.Errorf("redisstream: ask %s: %w", b.settings.target(), err)
	}
	n := int(parseNumber(text(c.reply)))
	if n == 0 {
		return 0, fmt.Errorf("%w: %q", ErrNoStore, b.settings.namespace)
	}
	return n, nil
}
