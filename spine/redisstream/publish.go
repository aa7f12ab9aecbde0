package redisstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// publishLanes lets several Publishes be on their way at once. Each lane numbers what it sends to a shard, and the store keeps the last
// number with its answer: so a request that is repeated is answered as the first time, for ids that nobody has chosen too.
type publishLanes struct{ free chan *publishLane }

type publishLane struct {
	id      string
	numbers map[uint32]uint64 // by shard
	letters uint64            // number of the last request about dead letters
	said    time.Time         // when the store was told how long it keeps the answers
}

// publishers is how many Publishes may be on their way at once.
const publishers = 16

func (l *publishLanes) init() {
	l.free = make(chan *publishLane, publishers)
	for range publishers {
		l.free <- newPublishLane()
	}
}

// take waits for a lane, which give hands back.
func (l *publishLanes) take(ctx context.Context) (*publishLane, error) {
	select {
	case lane := <-l.free:
		return lane, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *publishLanes) give(lane *publishLane) { l.free <- lane }

func newPublishLane() *publishLane {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return &publishLane{id: hex.EncodeToString(nonce[:]), numbers: map[uint32]uint64{}}
}

var errZeroEvent = errors.New("redisstream: event is the zero Event")

// Publish implements spine.Backend. The answers count also beside an error: an event is in the store if its answer is Accepted.
// Where ctx ends before there is room for all, the rest is refused with an error that wraps
// spine.ErrFull and that of ctx.
func (b *Backend) Publish(ctx context.Context, evs []actors.Event) ([]spine.Published, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	err := b.usable()
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := b.found(ctx); err != nil {
		return nil, err
	}
	lane, err := b.lanes.take(ctx)
	if err != nil {
		return nil, err
	}
	s := b.newSubmission(lane, evs)
	err = s.run(ctx)
	if err != nil {
		lane = newPublishLane() // what the last number of the old one did is not known
	}
	b.lanes.give(lane)
	return s.answers, err
}

// submission is one Publish.
type submission struct {
	b       *Backend
	lane    *publishLane
	answers []spine.Published
	queues  []*submitQueue
}

// submitQueue is what is left to be sent to one shard, in order.
type submitQueue struct {
	shard  *shard
	events []submitted
}

type submitted struct {
	place        int // among the answers
	id           string
	due          string
	field, entry string
}

func (b *Backend) newSubmission(lane *publishLane, evs []actors.Event) *submission {
	s := &submission{b: b, lane: lane, answers: make([]spine.Published, len(evs))}
	byShard := map[*shard]*submitQueue{}
	now := b.settings.now()
	for i, ev := range evs {
		if ev.IsZero() {
			s.answers[i] = spine.Published{Code: spine.Refused, Err: errZeroEvent}
			continue
		}
		field, entry, err := encodeEntry(ev, b.settings.original)
		if err != nil {
			s.answers[i] = spine.Published{Code: spine.Refused, Err: err}
			continue
		}
		x := submitted{place: i, field: field, entry: entry}
		if !ev.RandomID() && b.settings.window > 0 {
			x.id = ev.ID().String()
		}
		if due := ev.Due(); due.After(now) {
			x.due = formatScore(due.UnixMicro())
		}
		target := b.runs.shardFor(b.shards, ev)
		q := byShard[target]
		if q == nil {
			q = &submitQueue{shard: target}
			byShard[target] = q
			s.queues = append(s.queues, q)
		}
		q.events = append(q.events, x)
	}
	return s
}

// Polling for room.
const (
	firstRoomPoll   = 2 * time.Millisecond
	longestRoomPoll = 50 * time.Millisecond
)

func (s *submission) run(ctx context.Context) error {
	poll := firstRoomPoll
	for {
		moved, err := s.round(ctx)
		switch {
		case err != nil:
			s.refuse(fmt.Errorf("redisstream: it is not known whether the event was accepted: %w", err))
			return err
		case len(s.queues) == 0:
			return nil
		case moved:
			poll = firstRoomPoll
			continue
		case s.b.settings.refuse:
			s.refuse(spine.ErrFull)
			return nil
		}
		timer := time.NewTimer(poll)
		select {
		case <-timer.C:
			poll = min(2*poll, longestRoomPoll)
		case <-ctx.Done():
			timer.Stop()
			s.refuse(fmt.Errorf("%w: %w", spine.ErrFull, ctx.Err()))
			return nil
		case <-s.b.closing:
			timer.Stop()
			s.refuse(errClosed)
			return errClosed
		}
	}
}

// refuse answers what is left.
func (s *submission) refuse(err error) {
	for _, q := range s.queues {
		for _, x := range q.events {
			s.answers[x.place] = spine.Published{Code: spine.Refused, Err: err}
		}
	}
}

// round sends the next piece for every shard, and reports whether any was taken.
func (s *submission) round(ctx context.Context) (moved bool, err error) {
	calls := make([]*call, len(s.queues))
	for i, q := range s.queues {
		calls[i] = s.call(q)
	}
	if err := s.b.insist(ctx, calls...); err != nil {
		return false, err
	}
	left := s.queues[:0]
	for i, q := range s.queues {
		if err := calls[i].err; err != nil && strings.HasPrefix(err.Error(), "LOST") {
			b := s.b
			b.mu.Lock()
			defer b.mu.Unlock()
			return false, b.fail(spine.ErrStoreLost)
		}
		if calls[i].err != nil {
			return false, fmt.Errorf("shard %d: %w", q.shard.index, calls[i].err)
		}
		answer := text(calls[i].reply)
		for k, code := range answer {
			if code == 'd' {
				s.answers[q.events[k].place].Code = spine.Duplicate
			}
		}
		moved = moved || answer != ""
		q.accepted(s.b, len(answer))
		if len(q.events) > 0 {
			left = append(left, q)
		}
	}
	s.queues = left
	return moved, nil
}

// accepted takes the first n off the queue.
func (q *submitQueue) accepted(b *Backend, n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range q.events[:n] {
		if x.due == "" {
			continue
		}
		if at := parseScore(x.due); q.shard.nextLate >= 0 && (q.shard.nextLate == 0 || at < q.shard.nextLate) {
			q.shard.nextLate = at
		}
	}
	q.shard.stir()
	b.stirred = time.Now()
	q.events = q.events[n:]
	if !b.lingers() {
		b.broadcast()
	}
}

// call makes the next request to a shard.
func (s *submission) call(q *submitQueue) *call {
	b := s.b
	s.lane.numbers[q.shard.index]++
	c := &call{script: submitScript, keys: []string{
		b.keys.load(), q.shard.in, q.shard.shardKeys.delayed, q.shard.delayedEntries, b.keys.bell(), b.keys.publisher(s.lane.id),
		b.keys.meta(),
	}}
	n, bytes := 0, 0
	var events []any
	known := map[string]int{}
	for _, x := range q.events {
		if n > 0 && (n >= pieceSettlements || bytes+len(x.entry) > pieceBytes) {
			break
		}
		n, bytes = n+1, bytes+len(x.entry)
		events = append(events, x.id, c.idKeys(b, x.id, known), x.due, x.field, x.entry)
	}
	c.args = append([]any{
		q.shard.index, formatNumber(s.lane.numbers[q.shard.index]), b.settings.capacity, b.answersLive().Milliseconds(),
		s.lane.keep(b.answersLive()), n,
	}, append(events, b.storeID())...)
	return c
}

// keep is for how long the store is to keep the answers, in ms; "" where it was told a while ago.
func (l *publishLane) keep(d time.Duration) any {
	if now := time.Now(); now.Sub(l.said) > d/4 {
		l.said = now
		return d.Milliseconds()
	}
	return ""
}

// answersLive is for how long the store keeps the last answer to a lane; a quarter less where it was not told anew.
func (b *Backend) answersLive() time.Duration { return max(4*b.settings.window, time.Hour) }

// idKeys adds the four keys in which an id is looked for, and returns the place of the first.
func (c *call) idKeys(b *Backend, id string, known map[string]int) int {
	if id == "" {
		return 0
	}
	keys := b.shards[xxhash.Sum64String(id)%uint64(len(b.shards))].shardKeys
	bucket := b.bucket()
	first := keys.ids(bucket)
	if at, ok := known[first]; ok {
		return at
	}
	at := len(c.keys) + 1
	known[first] = at
	c.keys = append(c.keys, first, keys.ids(bucket-1), keys.ids(bucket+1), keys.ids(bucket-2))
	return at
}

// bucket numbers the present window of deduplication. It never goes back, whatever the clock does.
func (b *Backend) bucket() int64 {
	n := b.settings.now().UnixMicro() / b.settings.window.Microseconds()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastBucket = max(b.lastBucket, n)
	return b.lastBucket
}

// storeID is the id of the store that this process has found.
func (b *Backend) storeID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store
}
