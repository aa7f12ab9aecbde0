package redisstream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// Settle implements spine.Backend. It returns when the store has answered; a store that cannot be reached is asked again until it
// does, or ctx ends. An answer Lost, and an error, mean that everything this node had in hand of the
// settlement's shard is handed out again.
func (b *Backend) Settle(ctx context.Context, ss []spine.Settlement) ([]spine.Answer, error) {
	b.mu.Lock()
	err := b.ready()
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := b.commits.enter(ctx); err != nil {
		b.abandon(ss)
		return nil, err
	}
	defer b.commits.leave()
	answers := make([]spine.Answer, len(ss))
	if err := b.settleAll(ctx, ss, answers); err != nil {
		b.abandon(ss)
		return nil, err
	}
	return answers, nil
}

// settleAll settles piece by piece: of every shard one at a time is on its way.
func (b *Backend) settleAll(ctx context.Context, ss []spine.Settlement, answers []spine.Answer) error {
	room, err := b.letterRoom(ctx, ss)
	if err != nil {
		return err
	}
	b.mu.Lock()
	if err := b.ready(); err != nil {
		b.mu.Unlock()
		return err
	}
	for i := range ss {
		if err := b.senseless(&ss[i]); err != nil {
			b.mu.Unlock()
			return fmt.Errorf("redisstream: settlement %d: %w", i, err)
		}
	}
	b.handedAt = time.Time{}
	stage := newStage(b)
	b.staging = stage
	defer b.staged(stage)
	for i := range ss {
		stage.settle(&ss[i], &answers[i], &room)
	}
	for _, s := range b.shards {
		if s.owned() && len(s.odd) > 0 && stage.of(s).open != nil {
			stage.odd(s)
		}
	}
	stage.seal()
	b.mu.Unlock()
	return stage.commit(ctx)
}

// settleOdd settles the entries that no organ has a say about, when nothing else does.
func (b *Backend) settleOdd(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.settings.link.read)
	defer cancel()
	if err := b.commits.enter(ctx); err != nil {
		return err
	}
	defer b.commits.leave()
	return b.commitOdd(ctx)
}

// anyOdd reports whether there are such entries.
func (b *Backend) anyOdd() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.shards, func(s *shard) bool { return s.owned() && len(s.odd) > 0 })
}

// commitOdd is settleOdd for who has entered commits.
func (b *Backend) commitOdd(ctx context.Context) error {
	b.mu.Lock()
	stage := newStage(b)
	b.staging = stage
	defer b.staged(stage)
	for _, s := range b.shards {
		if s.owned() && len(s.odd) > 0 {
			stage.odd(s)
		}
	}
	stage.seal()
	b.mu.Unlock()
	err := stage.commit(ctx)
	if err != nil {
		b.mu.Lock()
		for s := range stage.shards {
			b.lose(s, false)
		}
		b.mu.Unlock()
	}
	return err
}

// staged ends a stage. Shards that were only kept for it are given back.
func (b *Backend) staged(g *stage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.staging = nil
	for _, s := range g.order {
		if !s.leaving.IsZero() {
			b.keeper.hurry()
		}
	}
}

// senseless reports a settlement that no backend could apply.
func (b *Backend) senseless(x *spine.Settlement) error {
	switch {
	case x.Kind > spine.Defer:
		return fmt.Errorf("kind is %d", x.Kind)
	case x.Organ == spine.NoOrgan && x.Kind != spine.Done:
		return fmt.Errorf("kind is %d, and no organ wants the event", x.Kind)
	case x.Kind == spine.Dead && x.Letter == nil:
		return fmt.Errorf("organ %d: Dead without a letter", x.Organ)
	case x.Kind >= spine.Retry && x.Later == nil:
		return fmt.Errorf("organ %d: Retry or Defer without Later", x.Organ)
	default:
		return nil
	}
}

// abandon gives up the shards of settlements of which nobody knows any more whether they were applied.
func (b *Backend) abandon(ss []spine.Settlement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[uint32]bool{}
	for i := range ss {
		shard := ss[i].Shard
		if seen[shard] || int(shard) >= len(b.shards) {
			continue
		}
		seen[shard] = true
		b.lose(b.shards[shard], false) // more may be handed out meanwhile: Pull says up to where it is void
	}
}

// letterRoom is how many dead letters there is room for, where ss has any. Several nodes may
// each find the same room: the limit is exceeded by as many as they settle at once, at most.
func (b *Backend) letterRoom(ctx context.Context, ss []spine.Settlement) (int, error) {
	if !slices.ContainsFunc(ss, func(x spine.Settlement) bool { return x.Kind == spine.Dead }) {
		return 0, nil
	}
	n, err := serviceLetters{b, b.service.Name}.count(ctx)
	return b.settings.letters - n, err
}

// stage is what one Settle does to the shards: pieces, each of which is a commit.
type stage struct {
	b      *Backend
	shards map[*shard]*stagedShard
	order  []*shard
}

type stagedShard struct {
	shard  *shard
	open   *piece
	pieces []*piece
	lost   bool
	marks  []*spine.Answer // of all its settlements
}

func newStage(b *Backend) *stage { return &stage{b: b, shards: map[*shard]*stagedShard{}} }

func (g *stage) of(s *shard) *stagedShard {
	x := g.shards[s]
	if x == nil {
		x = &stagedShard{shard: s}
		g.shards[s] = x
		g.order = append(g.order, s)
	}
	return x
}

// piece returns the shard's open piece that has room.
func (g *stage) piece(x *stagedShard) *piece {
	if x.open != nil && x.open.full() {
		x.open.seal()
		x.open = nil
	}
	if x.open == nil {
		x.open = newPiece(g.b, x.shard)
		x.pieces = append(x.pieces, x.open)
	}
	return x.open
}

// seal ends the collecting of all pieces.
func (g *stage) seal() {
	for _, x := range g.shards {
		if x.open != nil {
			x.open.seal()
		}
	}
}

// settle stages one settlement. The lock must be held.
func (g *stage) settle(x *spine.Settlement, answer *spine.Answer, room *int) {
	b := g.b
	answer.Handouts = b.handouts
	if int(x.Shard) >= len(b.shards) {
		answer.Code = spine.Lost
		return
	}
	s := b.shards[x.Shard]
	st := g.of(s)
	st.marks = append(st.marks, answer)
	switch {
	case st.lost || x.Receipt.B <= s.lostMark && x.Receipt.B != 0:
		answer.Code, answer.Handouts = spine.Lost, s.lostMark
		return
	case x.Receipt.A == 0 || x.Receipt.A > b.numbers || x.Receipt.B == 0 || x.Receipt.B > b.handouts || !s.owned():
		g.lose(st)
		return
	}
	e := s.entries[x.Receipt.A]
	if e == nil {
		answer.Acked = !b.deferred.has(x.Receipt.A)
		return
	}
	w := e.work(int32(x.Organ))
	if w == nil {
		g.lose(st)
		return
	}
	if w.state != workInFlight || w.handout != x.Receipt.B {
		return // an earlier copy was applied
	}
	if x.Kind == spine.Dead {
		if *room <= 0 {
			answer.Code = spine.LettersFull
			return
		}
		*room--
	}
	p := g.piece(st)
	if err := p.settle(x, e, w); err != nil {
		b.settings.log.Error("a settlement cannot be written", "shard", s.index, "event", e.event.ID().String(), "error", err)
		g.lose(st)
		return
	}
	p.answers = append(p.answers, answer)
	answer.Acked = e.gone && e.open == 0
}

// lose stages nothing more of a shard: memory and store have parted. What was staged before is not sent.
func (g *stage) lose(x *stagedShard) {
	x.lost, x.open, x.pieces = true, nil, nil
	g.b.lose(x.shard, true)
	for _, a := range x.marks {
		*a = spine.Answer{Code: spine.Lost, Handouts: x.shard.lostMark}
	}
}

// odd stages what no organ has a say about.
func (g *stage) odd(s *shard) {
	x := g.of(s)
	if x.lost {
		return
	}
	for i := range s.odd {
		g.piece(x).odd(&s.odd[i])
	}
	s.odd = s.odd[:0]
}

// commit sends the pieces, of every shard one after the other.
func (g *stage) commit(ctx context.Context) error {
	for round := 0; ; round++ {
		var pieces []*piece
		var calls []*call
		g.b.mu.Lock()
		for _, s := range g.order {
			x := g.shards[s]
			if x.lost || round >= len(x.pieces) {
				continue
			}
			p := x.pieces[round]
			pieces, calls = append(pieces, p), append(calls, p.call())
		}
		var behind *pulls
		if len(calls) > 0 {
			behind = g.b.planAhead(g, pieces)
			behind.join(pieces, calls, g.b.joinable)
		}
		g.b.mu.Unlock()
		if len(calls) == 0 {
			return nil
		}
		behind, err := g.b.insistAhead(ctx, calls, behind)
		if err != nil {
			return err
		}
		g.b.mu.Lock()
		behind.joinAnswered()
		for i, p := range pieces {
			g.answered(p, calls[i])
		}
		tell := func() {}
		if behind != nil {
			g.b.aheadAnswered(behind)
			tell = g.b.handOver()
		}
		g.b.broadcast()
		g.b.mu.Unlock()
		tell()
	}
}

// answered takes the answer to a piece. The lock must be held.
func (g *stage) answered(p *piece, c *call) {
	b, s, x := g.b, p.shard, g.shards[p.shard]
	switch {
	case c.err != nil:
		_ = b.fail(fmt.Errorf("%w: commit of shard %d: %w", spine.ErrStoreLost, s.index, c.err))
		g.lose(x)
	case s.token != p.token:
		g.loseFrom(x, p) // it was lost while the commit was on its way
	case c.word() == "OK":
		s.commit = p.number
		p.applied(g, b.handouts)
	case c.word() == "CORRUPT":
		_ = b.fail(fmt.Errorf("%w: key %q is not of the type that this program gives it", spine.ErrStoreLost, text(c.part(1))))
		g.loseFrom(x, p)
	default:
		b.settings.log.Warn("a commit was refused; the shard is taken over anew",
			"shard", s.index, "service", b.service.Name, "answer", c.word(), "key", text(c.part(1)))
		g.loseFrom(x, p)
	}
}

// loseFrom loses what a piece that was not applied holds, and what comes after it. Where the shard was lost before, and may have
// been taken over anew since, only what was in hand at that time is lost with it.
func (g *stage) loseFrom(x *stagedShard, from *piece) {
	x.lost = true
	if x.shard.token == from.token {
		g.b.lose(x.shard, true)
	}
	lost := false
	for _, p := range x.pieces {
		lost = lost || p == from
		for _, a := range p.answers {
			if lost {
				*a = spine.Answer{Code: spine.Lost, Handouts: x.shard.lostMark}
			}
		}
	}
}
