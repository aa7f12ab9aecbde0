package redisstream

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// planAhead plans pulls that go to the server with the commits of a stage, and are executed after them: what these append
// comes with their answers, and what else is known to be there. It plans them where a Pull waits for it and no other
// is on its way; nil: nothing. The lock must be held; what is not nil keeps the turnstile of pulls.
func (b *Backend) planAhead(g *stage, pieces []*piece) *pulls {
	if b.pulling == 0 || !b.pulls.try() {
		return nil
	}
	var shards []*shard
	b.planTurn++
	for i := range b.shards {
		if s := b.shards[(b.planTurn+i)%len(b.shards)]; s.simple() && (s.hot || g.feeds(s, pieces)) {
			shards = append(shards, s)
		}
	}
	if len(shards) == 0 {
		b.pulls.leave()
		return nil
	}
	b.behind = true
	return b.prepare(b.request(shards, b.want, b.micro(), g))
}

// simple reports whether a pull of s is its next one, and needs nothing done before.
func (s *shard) simple() bool {
	return s.owned() && s.request == nil && s.drained && len(s.unproven) == 0 && !s.full()
}

// feeds reports whether one of pieces appends to s.
func (g *stage) feeds(s *shard, pieces []*piece) bool {
	return slices.ContainsFunc(pieces, func(p *piece) bool { return slices.Contains(p.targets(), s) })
}

// insistAhead insists on commits, with pulls behind them in the first go. Where that goes without an answer it returns no
// pulls: the next Pull repeats them.
func (b *Backend) insistAhead(ctx context.Context, commits []*call, x *pulls) (*pulls, error) {
	if x == nil {
		return nil, b.insist(ctx, commits...)
	}
	left, err := b.send(ctx, commits, x.calls)
	if len(left) == 0 {
		return x, nil
	}
	b.mu.Lock()
	b.aheadOver()
	b.mu.Unlock()
	b.trouble(err)
	if stop := b.rest(ctx, 1); stop != nil {
		return nil, fmt.Errorf("%w (last: %w)", stop, err)
	}
	return nil, b.insist(ctx, left...)
}

// aheadAnswered takes the answers of pulls that went with commits. What got none is repeated by the next Pull. The lock must
// be held.
func (b *Backend) aheadAnswered(x *pulls) {
	defer b.aheadOver()
	for _, c := range x.calls {
		if c.err != nil {
			return
		}
	}
	_ = b.pullsAnswered(x)
}

// aheadOver lets the next pull go. The lock must be held.
func (b *Backend) aheadOver() {
	b.behind = false
	b.pulls.leave()
	b.broadcast()
}

// lingerTime is for how long a Pull that has a reason to ask the server lets a commit come first. What was handed out was
// little, so its handlers will be done soon, and one request for commit and pull costs half of two. A handler that takes
// longer makes no difference after that.
const lingerTime = 300 * time.Microsecond
