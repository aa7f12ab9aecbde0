package redisstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// keeper keeps the leases of a node: it renews what is ours and contends for what is not.
type keeper struct {
	once   sync.Once
	wake   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

// rival is what a contender has seen of another owner. A lease has run out when nothing has changed for its
// time, by this process's own clock, over several readings: so a server that stands still does not
// make its owners look silent.
type rival struct {
	token, beat string
	since       time.Time
	readings    int
}

const (
	beatsPerLease = 5
	leastReadings = 4
)

func (b *Backend) beatTime() time.Duration { return b.settings.lease / beatsPerLease }

func (k *keeper) start(b *Backend) {
	k.once.Do(func() {
		k.done = make(chan struct{})
		k.ctx, k.cancel = context.WithCancel(context.Background())
		go func() { // ends with stop
			defer close(k.done)
			b.keep(k)
		}()
	})
}

func (k *keeper) stop() {
	k.once.Do(func() {})
	if k.cancel != nil {
		k.cancel()
		<-k.done
	}
}

// hurry makes the keeper look at once.
func (k *keeper) hurry() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (b *Backend) keep(k *keeper) {
	beat := time.NewTicker(b.beatTime())
	defer beat.Stop()
	for {
		var soon <-chan time.Time
		b.mu.Lock()
		if b.handing() {
			soon = time.After(handoverPoll)
		}
		b.mu.Unlock()
		select {
		case <-k.ctx.Done():
			return
		case <-beat.C:
			b.renew(k.ctx)
		case <-soon:
		case <-k.wake:
		}
		b.yield()
		b.contend(k.ctx)
	}
}

// renew beats for every shard that is ours.
func (b *Backend) renew(ctx context.Context) {
	var calls []*call
	var shards []*shard
	b.mu.Lock()
	for _, s := range b.shards {
		if s.owned() {
			shards = append(shards, s)
			calls = append(calls, &call{script: renewScript, keys: []string{s.own}, args: []any{s.token}})
		}
	}
	b.mu.Unlock()
	if len(calls) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, b.settings.lease)
	defer cancel()
	err := b.once(ctx, calls...)
	if err != nil {
		b.trouble(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.broken(calls, err) // ends the use of the store where somebody has overwritten a lease
	for i, s := range shards {
		token := calls[i].args[0].(string)
		// Without an answer it is still ours, as far as anybody knows: what is settled is fenced.
		if s.token == token && calls[i].word() == "FENCED" {
			b.settings.log.Warn("a lease was lost", "shard", s.index, "service", b.service.Name)
			b.lose(s, false)
		}
	}
}

// contend tries to take the shards that are not ours.
func (b *Backend) contend(ctx context.Context) {
	if b.contests.enter(ctx) != nil {
		return
	}
	defer b.contests.leave()
	var free []*shard
	b.mu.Lock()
	for _, s := range b.shards {
		if !s.owned() && b.claimed(s) {
			free = append(free, s)
		}
	}
	b.mu.Unlock()
	if len(free) == 0 {
		return
	}
	look := &call{script: lookScript, keys: []string{b.keys.meta()}}
	for _, s := range free {
		look.keys = append(look.keys, s.own)
	}
	err := b.once(ctx, look)
	b.mu.Lock()
	if b.broken([]*call{look}, err) != nil || look.err != nil { // no waiting for what somebody else has written there
		b.mu.Unlock()
		return
	}
	if text(look.part(0)) != b.store {
		_ = b.fail(spine.ErrStoreLost)
		b.mu.Unlock()
		return
	}
	var wanted []*shard
	var calls []*call
	for i, s := range free {
		seen := list(look.part(i + 1))
		token, beat := text(seen[0]), text(seen[1])
		if err := b.service.Succeeds(splitOrgans(text(seen[3]))); err != nil && b.operator == "" {
			b.outdated(s, err) // a newer program has been here since this one was started
		} else if token == "" || s.former[token] || s.rival.ripe(token, beat, b.settings.lease) {
			wanted = append(wanted, s)
			calls = append(calls, b.acquisition(s, token, beat))
		} else if !s.contested {
			s.contested = true
			b.broadcast()
		}
	}
	b.mu.Unlock()
	b.take(ctx, wanted, calls)
}

// ownerOf is whose token it is: see Owner.
func ownerOf(token string) string {
	i := strings.LastIndexByte(token, '/')
	return token[:max(i, 0)]
}

// outdated notes that the shard is not for this program. The lock must be held.
func (b *Backend) outdated(s *shard, err error) {
	if !s.contested {
		b.settings.log.Warn("a shard is not taken over", "shard", s.index, "error", err)
		s.contested = true
		b.broadcast()
	}
}

// ripe notes what was read of the owner, and reports whether its lease has run out.
func (r *rival) ripe(token, beat string, lease time.Duration) bool {
	now := time.Now()
	if token != r.token || beat != r.beat {
		*r = rival{token: token, beat: beat, since: now}
	}
	r.readings++
	return r.readings >= leastReadings && now.Sub(r.since) >= lease
}

// acquisition makes the call that takes a shard. It has a token of its own, and is sent once: a copy that comes late could
// otherwise install a token a second time.
func (b *Backend) acquisition(s *shard, seenToken, seenBeat string) *call {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	token := b.owner + "/" + hex.EncodeToString(nonce[:])
	s.former[token] = true // until it is known to be ours
	return &call{
		script: acquireScript, keys: append([]string{s.own, s.in}, s.serviceKeys.due...),
		args: []any{b.service.Name, b.settings.node, token, seenToken, seenBeat, b.operator},
	}
}

// take sends acquisitions and begins with what they bring.
func (b *Backend) take(ctx context.Context, shards []*shard, calls []*call) {
	if len(calls) == 0 {
		return
	}
	err := b.once(ctx, calls...)
	if err != nil {
		b.trouble(err)
	}
	b.mu.Lock()
	_ = b.broken(calls, err)
	b.mu.Unlock()
	for i, s := range shards {
		if calls[i].word() == "OK" && !b.adjust(ctx, s, calls[i]) {
			continue
		}
		loud, err := b.loudOf(ctx, s, calls[i])
		if err != nil {
			continue
		}
		b.mu.Lock()
		b.taken(s, calls[i])
		s.loud = loud
		b.mu.Unlock()
	}
}

// adjust makes what was deferred fit the organs that there are now, where they have changed. false: it could not be done
// now, and the shard is not taken.
func (b *Backend) adjust(ctx context.Context, s *shard, acquired *call) bool {
	token, former := acquired.args[2].(string), text(acquired.part(4))
	organs := organList(b.service)
	if former == organs {
		return true
	}
	if err := b.service.Succeeds(splitOrgans(former)); err != nil && b.operator == "" {
		b.decline(ctx, s, token, err)
		return false
	}
	keys := append([]string{s.own, s.in}, s.serviceKeys.due...)
	for _, organ := range splitOrgans(former) {
		if key := s.shardKeys.due(b.service.Name, organ); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for {
		c := &call{script: undeferScript, keys: keys, args: []any{token, b.service.Name, undeferAtOnce, organs}}
		if err := b.once(ctx, c); err != nil || c.err != nil {
			return false
		}
		switch c.word() {
		case "OK":
			for i := range list(acquired.part(7)) {
				list(acquired.part(7))[i] = nil
			}
			return true
		case "MORE":
		default:
			return false
		}
	}
}

const undeferAtOnce = 500

// decline gives back a shard that a newer program has had between a look and the acquisition.
func (b *Backend) decline(ctx context.Context, s *shard, token string, err error) {
	b.mu.Lock()
	b.outdated(s, err)
	b.mu.Unlock()
	_ = b.once(ctx, &call{script: releaseScript, keys: []string{s.own}, args: []any{token}}) // else it runs out by itself
}

// taken begins the ownership of s, if the call has brought it. The lock must be held.
func (b *Backend) taken(s *shard, c *call) {
	switch c.word() {
	case "LOST":
		_ = b.fail(spine.ErrStoreLost)
		return
	case "OK":
	case "HELD", "CLEARING":
		if c.word() == "CLEARING" {
			b.settings.log.Error("the service was rewound or removed, and that was not brought to its end: do it again",
				"service", b.service.Name, "shard", s.index)
		}
		s.contested = true
		b.broadcast()
		return
	default:
		return
	}
	if b.usable() != nil {
		return
	}
	token := c.args[2].(string)
	commit, pull := parseNumber(text(c.part(1))), parseNumber(text(c.part(2)))
	floor, err := parseID(text(c.part(3)))
	if err != nil {
		_ = b.fail(err)
		return
	}
	before := text(c.part(6))
	delete(s.former, token)
	s.clear(len(s.due))
	s.token, s.commit, s.pull, s.floor = token, commit, pull, floor
	s.crashed = before != "" && !s.former[before]
	s.lostMark = b.handouts
	s.settled = trimEvery // the first commit trims: else a stream that nobody holds for long never would be
	s.rival, s.contested = rival{}, false
	clear(s.former)
	if !b.claimed(s) { // not any more
		s.leaving = time.Now()
		b.keeper.hurry()
	}
	s.noteDue(list(c.part(7)), nil, nil)
	s.hush(text(c.part(8)))
	b.broadcast()
}

// noteDue takes what a script tells of the organs' deferrals. organs says which, nil all; versions is how they were when it
// was asked.
func (s *shard) noteDue(told []any, organs, versions []int) {
	for i := 0; i+2 < len(told); i += 3 {
		organ := i / 3
		if organs != nil {
			organ = organs[organ]
		}
		d := &s.due[organ]
		if versions != nil && versions[i/3] != d.version {
			d.stale = true
			continue
		}
		*d = deferral{
			count: number(told[i]), waits: number(told[i+1]), first: parseScore(text(told[i+2])), version: d.version, told: d.version,
		}
	}
}

// release gives back what is ours.
func (b *Backend) release(ctx context.Context) {
	var calls []*call
	b.mu.Lock()
	for _, s := range b.shards {
		if s.owned() {
			calls = append(calls, &call{script: releaseScript, keys: []string{s.own}, args: []any{s.token}})
			s.token = ""
		}
	}
	b.mu.Unlock()
	if len(calls) == 0 {
		return
	}
	if err := b.once(ctx, calls...); err != nil {
		b.settings.log.Warn("leases were not released; they run out by themselves", "error", err)
	}
}
