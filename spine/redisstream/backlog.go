package redisstream

import (
	"context"
	"fmt"
	"math"

	"github.com/necrostack/necrostack/spine"
)

// Backlog implements spine.Inspector. Works in hand, held or lost count once per organ, fresh events once. Retried and
// deferred work that is due counts as Waiting while the last Pull wanted none of its organ. Where Ready is not 0, at least one delivery
// will come. Of shards that another node owns everything that was handed out once is InFlight.
func (b *Backend) Backlog(ctx context.Context) (spine.Backlog, error) {
	if err := b.settled(ctx); err != nil {
		return spine.Backlog{}, err
	}
	if err := b.pulls.enter(ctx); err != nil {
		return spine.Backlog{}, err
	}
	defer b.pulls.leave()
	if err := b.commits.enter(ctx); err != nil {
		return spine.Backlog{}, err
	}
	defer b.commits.leave()
	for attempt := 1; ; attempt++ {
		log, sorted, err := b.survey(ctx)
		if sorted {
			return log, nil
		}
		if err == nil {
			attempt = 0
			continue
		}
		b.mu.Lock()
		gone := b.ready()
		b.mu.Unlock()
		if gone != nil {
			return spine.Backlog{}, gone
		}
		b.trouble(err)
		if stop := b.rest(ctx, attempt); stop != nil {
			return spine.Backlog{}, fmt.Errorf("%w (last: %w)", stop, err)
		}
	}
}

// survey counts, and looks at what is unread where it cannot tell without. sorted says that the count stands.
func (b *Backend) survey(ctx context.Context) (log spine.Backlog, sorted bool, err error) {
	if err := b.promote(ctx); err != nil {
		return log, false, err
	}
	if b.anyOdd() {
		return log, false, b.commitOdd(ctx) // what is no event becomes a dead letter before anybody counts these
	}
	counted, err := b.count(ctx)
	if err != nil || !b.unsorted(counted) {
		return counted.Backlog, err == nil, err
	}
	// What is unread may be for others, or have to wait: look at it.
	if err := b.prove(ctx); err != nil {
		return log, false, err
	}
	if err := b.pullAll(ctx, spine.Want{Events: window, Bytes: math.MaxInt32, Organs: []int{}}); err != nil {
		return log, false, err
	}
	return log, false, b.prove(ctx)
}

// settled waits until every shard is this node's or another's: while one is taken over nobody can tell what is ready in it.
func (b *Backend) settled(ctx context.Context) error {
	for {
		b.mu.Lock()
		err, moving, changed := b.ready(), false, b.changed
		for _, s := range b.shards {
			moving = moving || !s.owned() && !s.contested
		}
		b.mu.Unlock()
		if err != nil || !moving {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// counted is a backlog with what it is made of.
type counted struct {
	spine.Backlog
	unread int
	inHand int // ready in this process
}

// unsorted reports whether all that is ready was not looked at yet.
func (b *Backend) unsorted(log counted) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if log.inHand > 0 {
		return false
	}
	for _, s := range b.shards {
		if s.serves() && (len(s.unproven) > 0 || !s.drained) {
			return true
		}
	}
	if log.unread == 0 {
		return false
	}
	owned := 0
	for _, s := range b.shards {
		if s.owned() {
			s.stir()
			owned++
		}
	}
	return owned == len(b.shards)
}

func (b *Backend) count(ctx context.Context) (counted, error) {
	now := b.micro()
	b.mu.Lock()
	c := &call{
		script: backlogScript, keys: []string{b.keys.load(), b.keys.letters(b.service.Name)},
		args: []any{b.service.Name, len(b.shards), formatScore(now)},
	}
	for _, s := range b.shards {
		c.keys = append(c.keys, s.in)
	}
	for _, s := range b.shards {
		c.keys = append(c.keys, s.shardKeys.delayed)
	}
	var organs []int
	for _, s := range b.shards {
		for i := range s.due {
			if s.due[i].count > 0 {
				organs = append(organs, i)
				c.keys = append(c.keys, s.serviceKeys.due[i])
			}
		}
	}
	b.mu.Unlock()
	if err := b.insist(ctx, c); err != nil {
		return counted{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.err != nil {
		return counted{}, b.broken([]*call{c}, nil)
	}
	log := counted{unread: max(int(number(c.part(0))), 0)}
	log.Delayed = int(number(c.part(1)))
	if next := parseScore(text(c.part(2))); next > 0 {
		log.NextDelayed = fromMicro(next)
	}
	log.DeadLetters = int(number(c.part(3)))
	due := list(c.part(4))
	for i, organ := range organs {
		log.Waiting += int(number(due[3*i]))
		b.ripe(&log.Backlog, organ, int(number(due[3*i+1])))
		log.Retrying += int(number(due[3*i+2]))
	}
	pending, mine := list(c.part(5)), list(c.part(6))
	for i, s := range b.shards {
		if s.owned() {
			b.countShard(s, &log, now)
			// What a pull has taken whose answer was lost, or that came late: the next pull finds it.
			if unseen := int(number(mine[i])) - len(s.entries) - len(s.unproven) - len(s.odd); unseen > 0 {
				log.unread += unseen
				s.stir()
			}
		} else {
			log.InFlight += int(number(pending[i]))
		}
	}
	log.Ready += log.unread + log.inHand
	return log, nil
}

// ripe counts work that may come as soon as its organ takes some.
func (b *Backend) ripe(log *spine.Backlog, organ, n int) {
	if roomOf(b.want, organ) > 0 {
		log.Ready += n
	} else {
		log.Waiting += n
	}
}

// countShard counts what is in hand. The lock must be held.
func (b *Backend) countShard(s *shard, log *counted, now int64) {
	again := s.again
	s.again = s.again[:0]
	for _, e := range again {
		b.holdBack(s, e)
		if e.ready() > 0 {
			s.list(e)
			log.inHand += e.ready()
		}
	}
	clear(again[len(s.again):])
	log.InFlight += s.inFlight
	for i := range s.lines {
		l := &s.lines[i]
		due := l.due.ripe(0, now)
		log.Retrying += l.waiting[waitDue] - due + l.waiting[waitStore]
		log.Waiting += l.waiting[waitOrgan]
		b.ripe(&log.Backlog, i, due+l.waiting[waitTurn])
	}
}
