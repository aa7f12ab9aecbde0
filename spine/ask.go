package spine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Asker reaches cells: a Spine, or a cluster node.
type Asker interface {
	// AskCell runs the organ's Answer for the query on the cell of key and returns the reply
	// as JSON. Use Ask, which decodes it.
	AskCell(ctx context.Context, organ, key string, query any) (json.RawMessage, error)
}

// Ask reads from the cell of key of a keyed organ. The reply shows committed state only. It
// returns ErrNoCell when there is no such cell, and makes none; ErrNoOrgan, ErrNotRunning, ErrBusy, or the
// Answer's own error.
func Ask[R any](ctx context.Context, a Asker, organ, key string, query any) (R, error) {
	var r R
	data, err := a.AskCell(ctx, organ, key, query)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("spine: reply of organ %s to %T: %w", organ, query, err)
	}
	return r, nil
}

// ask is a question on its way to a cell.
type ask struct {
	organ string
	key   string
	hash  uint64
	query any
	reply chan askReply // holds one: the lane never waits for the asker
}

type askReply struct {
	data json.RawMessage
	err  error
}

func (a *ask) fail(err error) { a.reply <- askReply{err: err} }

func (a *ask) answer(data json.RawMessage, err error) { a.reply <- askReply{data, err} }

// question takes a question for the cell of a key: it waits until the lane has nothing
// uncommitted.
func (c *core) question(now time.Time, a *ask) {
	c.begin(now)
	i, ok := c.route.byName[a.organ]
	switch {
	case !ok || !c.organs[i].keyed:
		a.fail(fmt.Errorf("%w: keyed organ %q", ErrNoOrgan, a.organ))
		return
	case c.stop.draining:
		a.fail(ErrNotRunning)
		return
	}
	o := c.organs[i]
	l := o.lanes[(a.hash>>32)%uint64(len(o.lanes))]
	if len(l.asks) >= c.config.maxAsks {
		a.fail(fmt.Errorf("%w: %d of at most %d at one lane of organ %q", ErrBusy, len(l.asks), c.config.maxAsks, a.organ))
		return
	}
	l.asks = append(l.asks, a)
	c.touch(l)
}
