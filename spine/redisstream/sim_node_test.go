package redisstream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// simNode is a node: a real Backend, and a scripted Spine that uses it as its contract says.
type simNode struct {
	s       *redisSim
	index   int
	name    string
	home    *simService // its service
	service *simService // as its program knows it
	older   bool        // the program knows fewer organs
	life    int
	frozen  bool
	clock   atomic.Int64 // ns ahead of the world's

	b      *Backend
	server *simServer
	ctx    context.Context
	stop   context.CancelFunc

	opening, publishing, settling, loading, saving *simTask
	pulling, glancing                              *simTask
	works                                          []*simWork
	cells                                          map[persistence.Cell]*simCell
	taken                                          []simSnapshot // and not saved yet
	holds                                          map[simKey]*simHold
	pulled                                         bool // since the last look at it something has come

	member simMember
	desk   *simDesk
}

// simTask is a call that is under way in a goroutine of its own.
type simTask struct {
	done atomic.Bool
	take func() // what it has brought, when it is done
}

// simKey is a key of an organ.
type simKey struct {
	organ int
	key   string
}

// begin makes a call beside the simulation. take comes later, when everybody waits.
func (n *simNode) begin(call func() (take func())) *simTask {
	task := &simTask{}
	go func() { // ends with the call, which ends with the node
		task.take = call()
		task.done.Store(true)
	}()
	return task
}

// start makes a process of the node.
func (n *simNode) start() {
	n.life++
	n.program()
	opts := []Option{
		WithNamespace("sim"), WithShards(n.s.shards), WithLease(beatsPerLease * simBeat), WithLogger(simLog), WithNode(fmt.Sprintf("%s.%d", n.name, n.life)),
		WithTimeouts(time.Second, n.s.patience), WithClock(func() time.Time { return time.Now().Add(time.Duration(n.clock.Load())) }), WithRelaxedDurability(),
		WithHandover(n.s.handover),
	}
	b, err := New("redis://127.0.0.1:1", opts...)
	if err != nil {
		n.s.fail("new: %v", err)
		return
	}
	b.server.close()
	b.owner = fmt.Sprintf("%s.%d/%04x", n.name, n.life, n.life)
	n.server = &simServer{net: n.s.net, node: n, life: n.life, shut: make(chan struct{}), owner: b.owner, service: n.service}
	b.server, b.store, b.joinable = n.server, "sim", n.s.joinable
	n.b = b
	n.ctx, n.stop = context.WithCancel(context.Background())
	n.opening, n.publishing, n.settling, n.loading, n.saving, n.pulling, n.glancing = nil, nil, nil, nil, nil, nil, nil
	n.works, n.cells, n.holds, n.taken = nil, map[persistence.Cell]*simCell{}, map[simKey]*simHold{}, nil
	n.claimant()
	if n.desk = new(simDesk); n.s.asks {
		b.Serve(n.desk.answer)
	}
	n.open()
}

func (n *simNode) open() {
	b := n.b
	n.opening = n.begin(func() func() {
		err := b.Open(n.ctx, n.service.spec)
		return func() {
			switch {
			case err == nil:
				n.opening = nil
			case errors.Is(err, spine.ErrStoreLost):
				n.s.fail("open: %v", err)
			case errors.Is(err, spine.ErrOrgans):
				n.s.cover["an older program is refused"]++
				n.upgrade()
			}
		}
	})
}

// die ends the process without a word. What it has sent may arrive later.
func (n *simNode) die() {
	if n.b == nil {
		return
	}
	close(n.server.shut)
	n.stop()
	_ = n.b.Close(context.Background())
	n.b = nil
}

// collect takes what calls have brought.
func (n *simNode) collect() {
	if n.b == nil || n.frozen {
		return
	}
	for _, at := range []**simTask{&n.opening, &n.publishing, &n.settling, &n.loading, &n.saving, &n.pulling, &n.glancing, &n.member.beating, &n.desk.read} {
		task := *at
		if task == nil || !task.done.Load() {
			continue
		}
		*at = nil
		task.take()
		if n.b == nil {
			return
		}
	}
}

// offer adds what the node could do now.
func (n *simNode) offer(add func(weight int, possible bool, f func())) {
	if n.b == nil {
		add(2, n.s.mayStart(n), n.start)
		return
	}
	if n.opening != nil {
		return
	}
	add(2, n.publishing == nil && n.s.budget > 0 && n.s.joined(), n.publish)
	add(3, n.pulling == nil && len(n.works) < 30, n.pull)
	ready, staged, load := n.inspect()
	add(4, len(ready) > 0, func() { n.handle(ready[n.s.rnd.IntN(len(ready))]) })
	add(3, n.settling == nil && staged, n.settle)
	add(3, n.loading == nil && load != nil, func() { n.load(load) })
	add(2, n.saving == nil, n.save)
	n.offerMembership(add)
	n.offerAsks(add)
	add(2, n.glancing == nil, func() { n.glance(n.s.rnd.IntN(len(n.service.organs))) })
}

// calmStep does all that can be done, and reports whether that was anything.
func (n *simNode) calmStep() bool {
	if n.b == nil {
		n.start()
		return true
	}
	if n.opening != nil {
		return true
	}
	n.calmMember()
	if x := n.answerable(); x != nil {
		n.reply(x)
	}
	ready, _, load := n.inspect()
	for len(ready) > 0 {
		n.handle(ready[0])
		ready, _, load = n.inspect()
	}
	_, staged, _ := n.inspect()
	busy := staged || load != nil || n.publishing != nil || n.settling != nil || n.pulled
	n.pulled = false
	if n.settling == nil && staged {
		n.settle()
	}
	if n.loading == nil && load != nil {
		n.load(load)
	}
	if n.pulling == nil {
		n.pull()
	}
	return busy
}

func (n *simNode) thaw() {
	n.s.trace("%s thaws", n.name)
	n.frozen = false
}

// pull asks for deliveries.
func (n *simNode) pull() {
	w := spine.Want{Events: 1 + n.s.rnd.IntN(8), Bytes: 1 << 20}
	if !n.s.calm && n.s.chance(3) {
		for range n.service.organs {
			w.Organs = append(w.Organs, n.s.rnd.IntN(3))
		}
	}
	b, ctx := n.b, n.ctx
	stop := context.CancelFunc(func() {})
	if n.s.chance(3) || w.Organs != nil {
		ctx, stop = context.WithTimeout(n.ctx, time.Duration(1+n.s.rnd.Int64N(int64(300*time.Millisecond))))
	}
	handed := make(chan []spine.Delivery, 1)
	if n.s.chance(2) {
		w.Hand = func(ds []spine.Delivery) { handed <- ds }
	}
	n.pulling = n.begin(func() func() {
		defer stop()
		ds, err := b.Pull(ctx, w)
		over := errors.Is(err, spine.ErrHanded)
		if over {
			ds, err = <-handed, nil
		}
		return func() {
			if over {
				n.s.cover["handed over"]++
			}
			if errors.Is(err, spine.ErrStoreLost) || len(handed) > 0 {
				n.s.fail("%s: pull: %v, and handed over besides: %d", n.name, err, len(handed))
			}
			for i := range ds {
				n.pulled = true
				n.receive(&ds[i])
			}
		}
	})
}

// publish publishes some events, one of them perhaps for the second time.
func (n *simNode) publish() {
	s := n.s
	var evs []actors.Event
	for range min(1+s.rnd.IntN(4), s.budget) {
		s.budget--
		evs = append(evs, s.newEvent())
	}
	if len(s.published) > 0 && s.chance(4) {
		evs = append(evs, s.published[s.rnd.IntN(len(s.published))])
	}
	b, rollbacks := n.b, s.rollbacks
	ctx, stop := n.ctx, context.CancelFunc(func() {})
	if s.chance(4) {
		ctx, stop = context.WithTimeout(ctx, 300*time.Millisecond)
	}
	n.publishing = n.begin(func() func() {
		defer stop()
		answers, _ := b.Publish(ctx, evs)
		return func() {
			for i, a := range answers {
				if a.Code == spine.Duplicate {
					s.cover["duplicate"]++
				}
				if a.Code != spine.Refused && rollbacks == s.rollbacks {
					s.accepted[evs[i].ID()] = true
				}
			}
		}
	})
}

// newEvent makes an event to publish.
func (s *redisSim) newEvent() actors.Event {
	s.serial++
	var deco []actors.Decoration
	if !s.chance(5) {
		deco = append(deco, actors.Key(fmt.Sprintf("k%d", s.rnd.IntN(3))))
	}
	if s.chance(6) {
		s.cover["delayed"]++
		deco = append(deco, actors.At(time.Now().Add(time.Duration(s.rnd.IntN(1500))*time.Millisecond)))
	}
	chosen := s.chance(2)
	if chosen {
		var id actors.ID
		copy(id[:], fmt.Sprintf("%08x", s.seed*1000+uint64(s.serial)))
		id[6], id[8] = 0x40, 0x80
		deco = append(deco, id)
	}
	raw := actors.Raw{Type: simType(s.rnd.IntN(simTypes)), Data: fmt.Appendf(nil, `{"n":%d}`, s.serial)}
	ev, err := s.root.Root(actors.With(raw, deco...), time.Now())
	if err != nil {
		s.fail("event: %v", err)
	}
	if chosen {
		s.published = append(s.published, ev)
	}
	return ev
}
