package spine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
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
//
// Where several nodes share a backend that is a Switchboard, the node that has the cell answers, whichever is asked. Its answer
// counts only if the cell is still that node's when it is given; where the cell has gone to another, that one is asked. A cell
// of the asked node itself is read without that check: a node that was cut off, and does not know yet that it has lost the
// cell, answers with the last state that it has committed. An error of another node's Answer keeps its text and its kind
// (actors.Classify), not its type. At the end of ctx the error wraps that of ctx and, where there is one, the reason:
// ErrNoOwner, ErrMoved, or ErrBusy.
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

// Switchboard is the ability of a backend that several nodes share to carry questions to the node that has the cell. Between
// nodes a query and its reply have a bound, which the backend sets: a *actors.LimitError reports it.
type Switchboard interface {
	// Serve says what answers the questions for cells of this node. nil: nothing does any more. An answer that
	// wraps ErrMoved or ErrNotRunning is none, and the asker tries again.
	Serve(answer AnswerFunc)
	// Owns reports whether the cells of key are this node's, and the caller knows of every loss of them before.
	Owns(key string) bool
	// Forward has the node that owns the cells of key answer, this one too. Where there is none, or the cells move, it
	// tries again until ctx ends. More questions than it carries at a time it refuses with ErrBusy.
	Forward(ctx context.Context, organ, key string, query actors.Query) (json.RawMessage, error)
}

// AnswerFunc answers a question that another node has asked.
type AnswerFunc func(ctx context.Context, organ, key string, query actors.Query) (json.RawMessage, error)

// AskCell implements Asker; see Ask.
func (s *Spine) AskCell(ctx context.Context, organ, key string, query any) (json.RawMessage, error) {
	if err := actors.CheckName("key", key); err != nil {
		return nil, fmt.Errorf("spine: ask organ %q: %w", organ, err)
	}
	r := s.current()
	if r == nil {
		return nil, ErrNotRunning
	}
	if r.board == nil {
		return r.ask(ctx, organ, key, query)
	}
	if r.board.Owns(key) {
		data, err := r.ask(ctx, organ, key, query)
		if !errors.Is(err, ErrMoved) {
			return data, err
		}
	}
	return r.forward(ctx, organ, key, query)
}

// ask asks a cell of this node.
func (r *run) ask(ctx context.Context, organ, key string, query any) (json.RawMessage, error) {
	a := &ask{organ: organ, key: key, hash: actors.HashKey(key), query: query, reply: make(chan askReply, 1)}
	r.tell(askMsg{a})
	select {
	case reply := <-a.reply:
		return reply.data, reply.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.over:
		return nil, ErrNotRunning
	}
}

// answer is the AnswerFunc of this node.
func (r *run) answer(ctx context.Context, organ, key string, q actors.Query) (json.RawMessage, error) {
	return r.ask(ctx, organ, key, q)
}

// forward asks a cell of whichever node has it.
func (r *run) forward(ctx context.Context, organ, key string, query any) (json.RawMessage, error) {
	if i, ok := r.core.route.byName[organ]; !ok || !r.core.organs[i].keyed {
		return nil, noKeyedOrgan(organ)
	}
	q, err := actors.NewQuery(query)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the question
		select {
		case <-r.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	data, err := r.board.Forward(ctx, organ, key, q)
	select {
	case <-r.over:
		if err != nil {
			err = ErrNotRunning
		}
	default:
	}
	return data, err
}

func noKeyedOrgan(name string) error { return fmt.Errorf("%w: keyed organ %q", ErrNoOrgan, name) }

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
		a.fail(noKeyedOrgan(a.organ))
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
