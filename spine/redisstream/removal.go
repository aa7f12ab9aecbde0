package redisstream

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// Remove implements supervision.DeadLetters.
func (b *Backend) Remove(ctx context.Context, rs []supervision.Removal) []error {
	own, err := b.ownLetters()
	if err != nil {
		return fillErrors(make([]error, len(rs)), err)
	}
	return own.Remove(ctx, rs)
}

// Remove implements supervision.DeadLetters. A request without an answer is repeated until it has one, and
// answered then as the first time.
func (l serviceLetters) Remove(ctx context.Context, rs []supervision.Removal) []error {
	b, answers := l.b, make([]error, len(rs))
	err := ctx.Err()
	if err == nil {
		err = b.found(ctx) // the events go to its shards
	}
	var lane *publishLane
	if err == nil {
		lane, err = b.lanes.take(ctx)
	}
	if err != nil {
		return fillErrors(answers, err)
	}
	x := &removing{b: b, letters: l.key(), lane: lane, removals: rs, answers: answers}
	if err := x.run(ctx); err != nil {
		lane = newPublishLane() // what the last number of the old one did is not known
	}
	b.lanes.give(lane)
	return answers
}

func fillErrors(answers []error, err error) []error {
	for i := range answers {
		answers[i] = err
	}
	return answers
}

// removing is one Remove.
type removing struct {
	b        *Backend
	letters  string
	lane     *publishLane
	removals []supervision.Removal
	answers  []error
	next     int // of the removals
}

// removalPiece is what one call removes.
type removalPiece struct {
	call   call
	bytes  int
	places []int // of its letters among the answers
	shards []*shard
}

// run sends piece after piece. The error says that the outcome of one is not known; what was to come after it is not done.
func (x *removing) run(ctx context.Context) error {
	for {
		p := x.piece()
		if p == nil {
			return nil
		}
		if err := x.b.insist(ctx, &p.call); err != nil {
			for _, i := range p.places {
				x.answers[i] = fmt.Errorf("redisstream: it is not known whether the letter was removed: %w", err)
			}
			fillErrors(x.answers[x.next:], err)
			return err
		}
		x.answered(p)
	}
}

// piece makes the next call, nil when there is nothing left to be sent.
func (x *removing) piece() *removalPiece {
	b := x.b
	p := &removalPiece{call: call{script: removeScript, keys: []string{x.letters, b.keys.load(), b.keys.publisher(x.lane.id)}}}
	var letters []any
	for ; x.next < len(x.removals) && len(p.places) < pieceSettlements && p.bytes < pieceBytes; x.next++ {
		r := &x.removals[x.next]
		events, err := p.encode(b, r)
		if err != nil {
			x.answers[x.next] = err
			continue
		}
		letters = append(append(letters, r.ID, len(r.Events)), events...)
		p.places = append(p.places, x.next)
	}
	if len(p.places) == 0 {
		return nil
	}
	x.lane.letters++
	p.call.args = append([]any{formatNumber(x.lane.letters), b.answersLive().Milliseconds(), len(p.places)}, letters...)
	return p
}

// encode returns the words of a removal's events: which stream, field and entry of each.
func (p *removalPiece) encode(b *Backend, r *supervision.Removal) ([]any, error) {
	if !isLetterID(r.ID) {
		return nil, noLetter(r.ID)
	}
	words := make([]any, 0, 3*len(r.Events))
	for _, ev := range r.Events {
		if ev.IsZero() {
			return nil, errZeroEvent
		}
		field, entry, err := encodeEntry(ev, b.settings.original)
		if err != nil {
			return nil, err
		}
		p.bytes += len(entry)
		words = append(words, p.stream(b.shardFor(ev)), field, entry)
	}
	return words, nil
}

func (b *Backend) shardFor(ev actors.Event) *shard { return b.shards[ev.Shard(len(b.shards))] }

// stream returns the place of a shard's stream among the streams of the call.
func (p *removalPiece) stream(s *shard) int {
	for i, x := range p.shards {
		if x == s {
			return i + 1
		}
	}
	p.shards = append(p.shards, s)
	p.call.keys = append(p.call.keys, s.in)
	return len(p.shards)
}

// answered takes the answer to a piece.
func (x *removing) answered(p *removalPiece) {
	answer, err := text(p.call.reply), p.call.err
	if err == nil && len(answer) != len(p.places) {
		err = fmt.Errorf("the store answers %q for %d letters", clip(answer), len(p.places))
	}
	for k, i := range p.places {
		switch {
		case err != nil:
			x.answers[i] = fmt.Errorf("redisstream: dead letter %q: %w", x.removals[i].ID, err)
		case answer[k] == '0':
			x.answers[i] = noLetter(x.removals[i].ID)
		}
	}
	x.b.mu.Lock()
	defer x.b.mu.Unlock()
	for _, s := range p.shards {
		s.stir()
	}
	x.b.broadcast()
}
