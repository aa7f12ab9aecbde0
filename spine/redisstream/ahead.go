package redisstream

import (
	"context"
	"errors"
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
	return s.serves() && s.request == nil && s.drained && len(s.unproven) == 0 && !s.full()
}

// feeds reports whether one of pieces appends to s.
func (g *stage) feeds(s *shard, pieces []*piece) bool {
	return slices.ContainsFunc(pieces, func(p *piece) bool { return slices.Contains(p.targets, s) })
}

// joined is a commit that does what the guard of a pull of its shard would do.
type joined struct{ commit, guard *call }

// mostJoined is how many settlements a transaction of commits may have: nothing else is served while it runs.
const mostJoined = 64

// join has commits do what the guards of pulls behind them would do, where these ask for nothing but what is new; then commits
// and pulls are one transaction. It is of use where a commit is of few events, and costs little more than a guard.
func (p *pulls) join(pieces []*piece, commits []*call, most int) {
	if p == nil {
		return
	}
	settled := 0
	for _, c := range pieces {
		settled += c.settled
	}
	if settled > most {
		return
	}
	p.whole = true
	for i, c := range pieces {
		k := slices.Index(p.shards, c.shard)
		if k < 0 || len(p.requests[k].organs) > 0 {
			continue
		}
		r := p.requests[k]
		commits[i].args[5], commits[i].args[6] = formatNumber(r.number), c.shard.handed
		p.joins = append(p.joins, joined{commits[i], &r.guard})
		p.calls = slices.DeleteFunc(p.calls, func(x *call) bool { return x == &r.guard })
	}
}

// part undoes join: what is sent again is the commit alone.
func (p *pulls) part() {
	for _, j := range p.joins {
		j.commit.args[5], j.commit.args[6] = "", ""
	}
}

// joinAnswered gives guards the answers that commits have brought. A commit that was applied before brings none.
func (p *pulls) joinAnswered() {
	if p == nil {
		return
	}
	for _, j := range p.joins {
		j.guard.reply, j.guard.err = nil, errNoPull
		if j.commit.word() == "OK" && j.commit.part(1) != nil {
			j.guard.reply, j.guard.err = []any{"OK", "", []any{}, []any{}, int64(0)}, nil
		}
	}
}

// errNoPull is the error of a pull whose commit was refused or repeated.
var errNoPull = errors.New("redisstream: not pulled")

// insistAhead insists on commits, with pulls behind them in the first go. Where that goes without an answer it returns no
// pulls: the next Pull repeats them.
func (b *Backend) insistAhead(ctx context.Context, commits []*call, x *pulls) (*pulls, error) {
	if x == nil {
		return nil, b.insist(ctx, commits...)
	}
	left, err := b.sendAhead(ctx, commits, x)
	if len(left) == 0 {
		return x, nil
	}
	x.part()
	b.mu.Lock()
	b.aheadOver()
	b.mu.Unlock()
	if err != nil {
		b.trouble(err)
		if stop := b.rest(ctx, 1); stop != nil {
			return nil, fmt.Errorf("%w (last: %w)", stop, err)
		}
	}
	return nil, b.insist(ctx, left...)
}

// sendAhead sends commits and pulls in one go, and returns those commits without an answer. Of a transaction that the server
// gives up, because it is out of memory and the reads may make it grow, nothing was executed.
func (b *Backend) sendAhead(ctx context.Context, commits []*call, x *pulls) (left []*call, err error) {
	if !x.whole {
		return b.send(ctx, commits, x.calls)
	}
	b.server.do(context.WithoutCancel(ctx), nil, slices.Concat(commits, x.calls))
	for _, c := range commits {
		switch {
		case c.err == nil:
		case isNoScript(c.err), isGivenUp(c.err):
			left = append(left, c)
		case classOf(c.err) != classAnswered:
			left, err = append(left, c), c.err
		}
	}
	return left, err
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

// lingers reports whether a Pull waits for a commit, and looks anew when that has come or is late. The lock must be held.
func (b *Backend) lingers() bool { return b.behind || time.Since(b.handedAt) < lingerTime }

// lingerTime is for how long a Pull that has a reason to ask the server lets a commit come first. What was handed out was
// little, so its handlers will be done soon, and one request for commit and pull costs half of two. A handler that takes
// longer makes no difference after that.
const lingerTime = 300 * time.Microsecond
