package redisstream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// fetch brings from the server what there is.
func (b *Backend) fetch(w spine.Want) error {
	ctx, cancel := context.WithTimeout(context.Background(), b.settings.link.read)
	defer cancel()
	b.mu.Lock()
	before := b.pulled
	b.mu.Unlock()
	if err := b.pulls.enter(ctx); err != nil {
		return err
	}
	defer b.pulls.leave()
	if b.somebodyPulled(before) {
		return nil // what it has brought goes first
	}
	if err := b.promote(ctx); err != nil {
		return err
	}
	if err := b.refill(ctx); err != nil {
		return err
	}
	if err := b.prove(ctx); err != nil {
		return err
	}
	if err := b.pullAll(ctx, w); err != nil {
		return err
	}
	return b.prove(ctx)
}

// somebodyPulled reports whether another pull has been answered meanwhile, and has brought something.
func (b *Backend) somebodyPulled(before uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pulled != before
}

// promote moves delayed events that are due into their streams.
func (b *Backend) promote(ctx context.Context) error {
	now := b.micro()
	var shards []*shard
	var calls []*call
	b.mu.Lock()
	for _, s := range b.shards {
		// An owner that has nothing to do asks all the same: a store that has gone back may have again what it had promoted.
		// Once before each of its pulls: while other shards have their turn, the store is not asked again and again.
		if s.owned() && (s.nextLate != 0 && s.nextLate <= now || s.checkDue() && !s.promoted) {
			shards = append(shards, s)
			calls = append(calls, &call{
				script: promoteScript, keys: []string{s.in, s.shardKeys.delayed, s.delayedEntries}, args: []any{formatScore(now), window},
			})
			s.nextLate, s.promoted = 0, true // what is added meanwhile is noticed
		}
	}
	b.mu.Unlock()
	if len(calls) == 0 {
		return nil
	}
	err := b.once(ctx, calls...)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range shards {
		if err != nil || calls[i].err != nil {
			s.nextLate = -1
			continue
		}
		next := parseScore(text(calls[i].part(1)))
		if next > 0 && (s.nextLate == 0 || next < s.nextLate) {
			s.nextLate = next
		}
		if number(calls[i].part(0)) > 0 {
			s.stir()
		}
	}
	return b.broken(calls, err)
}

// broken reports an answer that only somebody else's hand in our keys explains. The lock must be held.
func (b *Backend) broken(calls []*call, err error) error {
	for _, c := range calls {
		if c.err != nil && classOf(c.err) == classAnswered && !isNoScript(c.err) {
			return b.fail(fmt.Errorf("%w: script %s, of keys %s: %w", spine.ErrStoreLost, c.script.name, clip(strings.Join(c.keys, " ")), c.err))
		}
	}
	return err
}

// pullAll sends the pulls of all shards that may have something, in one go.
func (b *Backend) pullAll(ctx context.Context, w spine.Want) error {
	shards, requests, cold := b.plan(w)
	if len(requests) == 0 {
		return nil
	}
	p := b.prepare(shards, requests)
	calls := p.calls
	var peek *call
	if len(cold) > 0 && time.Since(b.peekedAt) >= peekEvery {
		b.peekedAt = time.Now()
		b.mu.Lock()
		peek = plain(peekArgs(cold)...)
		b.mu.Unlock()
		calls = append(calls, peek)
	}
	b.server.do(ctx, nil, calls)
	if slices.ContainsFunc(calls, func(c *call) bool { return isOutOfMemory(c.err) }) {
		return b.pullStarved(ctx, shards, requests) // nothing of the transaction was executed
	}
	for _, c := range calls {
		switch {
		case c.err == nil:
		case isNoScript(c.err):
			return b.loadScripts(ctx) // and the pulls are repeated
		case classOf(c.err) != classAnswered:
			return c.err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if peek != nil {
		b.peeked(cold, peek)
	}
	if err := b.pullsAnswered(p); err != nil {
		return err
	}
	return b.usable()
}

// owner and deferredTo are the two consumers of a group: the owner's work, and what is deferred.
const (
	owner      = "o"
	deferredTo = "d"
)

// pullStarved pulls from a server that is out of memory: by one script for each shard, which costs more, but is
// allowed. What is pulled makes room when it is settled.
func (b *Backend) pullStarved(ctx context.Context, shards []*shard, requests []*pullRequest) error {
	calls := make([]*call, len(requests))
	for i, r := range requests {
		calls[i] = &call{script: guardScript, keys: r.guard.keys, args: append(slices.Clone(r.guard.args), r.lastSeen, r.count)}
	}
	if err := b.once(ctx, calls...); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, r := range requests {
		s := shards[i]
		if s.request != r {
			continue
		}
		if calls[i].err != nil {
			return b.pullRefused(calls[i].err)
		}
		r.guard.reply = calls[i].reply
		reads := list(calls[i].part(5))
		for len(reads) < 2 {
			reads = append(reads, nil)
		}
		b.pullAnswered(s, r, streamOf(reads[0]), streamOf(reads[1]))
	}
	return b.usable()
}

// pullRefused ends the use of a store in which somebody else has been at work: the error names the key.
func (b *Backend) pullRefused(err error) error {
	return b.fail(fmt.Errorf("%w: it cannot be pulled: %w", spine.ErrStoreLost, err))
}
