package redisstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// simAsk is a question that was asked of a cell, and the states that the store has had of it since, one after the other. Its answer
// must be one of these: nothing that was settled before the question is missing in it, and nothing is in it that is not
// settled. When the store goes back, what it has lost is none of them any more, unless the answer had been given by then:
// then the answer shows the past that was in force.
type simAsk struct {
	node     *simNode
	life     int
	cell     persistence.Cell
	key      string // in the store
	deadline time.Time
	mark     string // of the state as it was seen last
	states   []string
	lost     []string // states that were taken back
	lostAt   int      // the step in which that was
	task     *simTask
}

// simQuestion is one that the Spine of a node has to answer.
type simQuestion struct {
	cell  persistence.Cell
	name  string
	ctx   context.Context
	reply chan simReply // holds one
}

type simReply struct {
	data json.RawMessage
	err  error
}

// simDesk is where questions come to a Spine.
type simDesk struct {
	mu   sync.Mutex
	open []*simQuestion
	read *simTask // a cell that is loaded for one of them
}

// answer is the AnswerFunc of a node: the Spine answers when the simulation lets it.
func (d *simDesk) answer(ctx context.Context, organ, key string, q actors.Query) (json.RawMessage, error) {
	x := &simQuestion{cell: persistence.Cell{Organ: organ, Key: key}, name: q.Name, ctx: ctx, reply: make(chan simReply, 1)}
	d.mu.Lock()
	d.open = append(d.open, x)
	d.mu.Unlock()
	select {
	case r := <-x.reply:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// waiting are the questions that somebody still waits for, in an order that does not depend on who was first.
func (d *simDesk) waiting() []*simQuestion {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = slices.DeleteFunc(d.open, func(x *simQuestion) bool { return x.ctx.Err() != nil })
	slices.SortStableFunc(d.open, func(a, b *simQuestion) int { return strings.Compare(a.name, b.name) })
	return slices.Clone(d.open)
}

// give answers a question.
func (d *simDesk) give(x *simQuestion, r simReply) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = slices.DeleteFunc(d.open, func(y *simQuestion) bool { return y == x })
	x.reply <- r
}

// offerAsks adds what the node could do now about questions.
func (n *simNode) offerAsks(add func(weight int, possible bool, f func())) {
	if !n.s.asks {
		return
	}
	weight := 2
	if n.s.watch.back > 0 {
		weight = 10 // who has not noticed yet?
	}
	add(weight, len(n.s.asked) < simAsked && n.keyedOrgan() >= 0, n.ask)
	x := n.answerable()
	add(6, x != nil, func() { n.reply(x) })
}

// simAsked is how many questions are on their way at a time.
const simAsked = 3

// keyedOrgan is one of the node's keyed organs, -1 where it has none.
func (n *simNode) keyedOrgan() int {
	return slices.IndexFunc(n.service.organs, func(o simOrgan) bool { return o.keyed })
}

// ask asks for a cell, wherever that is.
func (n *simNode) ask() {
	s := n.s
	i := n.keyedOrgan()
	for k := range n.service.organs {
		if n.service.organs[k].keyed && s.chance(2) {
			i = k
		}
	}
	patience := time.Duration(200+s.rnd.IntN(4000)) * time.Millisecond
	if s.chance(4) {
		patience /= 10
	}
	s.questions++
	s.watch.back = max(s.watch.back-1, 0)
	x := &simAsk{
		node: n, life: n.life, deadline: time.Now().Add(patience),
		cell: persistence.Cell{Organ: n.service.spec.Organs[i].Name, Key: n.keyToAsk(n.service.spec.Organs[i].Name)},
	}
	shard := s.keys.shard(int(n.b.shardOf(x.cell.Key).index))
	x.key = shard.of(n.service.spec.Name, nil).cell(x.cell.Organ, x.cell.Key)
	x.states = []string{s.stored(x.key)}
	x.mark = s.cellMark(x.key)
	b, name := n.b, fmt.Sprintf("%06d", s.questions)
	s.trace("%s asks %s for %s until %s: %q", n.name, name, x.cell, x.deadline.Format("05.000000"), x.states[0])
	ctx, stop := contextFor(n, patience)
	x.task = n.begin(func() func() {
		defer stop()
		data, err := b.Forward(ctx, x.cell.Organ, x.cell.Key, actors.Query{Name: name, Data: json.RawMessage(`{}`)})
		return func() { s.asksEnd(x, data, err) }
	})
	s.asked = append(s.asked, x)
}

// keyToAsk is the key of a cell that there is, as a rule.
func (n *simNode) keyToAsk(organ string) string {
	s := n.s
	var keys []string
	for k := range 5 {
		key := fmt.Sprintf("k%d", k)
		shard := s.keys.shard(int(n.b.shardOf(key).index)).of(n.service.spec.Name, nil)
		if s.store.keys[shard.cell(organ, key)] != nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 || s.chance(8) {
		return fmt.Sprintf("k%d", s.rnd.IntN(5))
	}
	return keys[s.rnd.IntN(len(keys))]
}

// observe notes what the store has of the cells that are asked for.
func (s *redisSim) observe() {
	for _, x := range s.asked {
		if mark := s.cellMark(x.key); mark != x.mark {
			x.mark = mark
			x.states = append(x.states, s.stored(x.key))
		}
	}
}

// goneBack takes from the states of questions what the store has lost: cells only grow, so what is still there begins the state
// that is there now.
func (s *redisSim) goneBack() {
	for _, x := range s.asked {
		now := s.stored(x.key)
		x.lost, x.lostAt, x.mark = x.states, s.steps, s.cellMark(x.key)
		x.states = []string{now}
		for _, state := range x.lost {
			if strings.HasPrefix(now+" ", state+" ") || state == "" {
				x.states = append(x.states, state)
			}
		}
	}
}

// collectAsks takes answers, and demands that there are some.
func (s *redisSim) collectAsks() {
	s.asked = slices.DeleteFunc(s.asked, func(x *simAsk) bool {
		done := x.task.done.Load()
		if done {
			x.task.take()
		} else if time.Now().After(x.deadline) || x.gone() {
			s.fail("%s has asked for %s, and neither answer nor error came", x.node.name, x.cell)
		}
		return done
	})
}

// gone reports whether the process that has asked is no more.
func (x *simAsk) gone() bool { return x.node.life != x.life || x.node.b == nil }

// asksEnd takes an answer, or the error instead.
func (s *redisSim) asksEnd(x *simAsk, data json.RawMessage, err error) {
	s.trace("%s is told of %s: %s %v; the store had %q", x.node.name, x.cell, data, err, x.states)
	state := ""
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &state); err != nil {
			s.fail("answer %q: %v", data, err)
		}
		s.cover["asked, and answered"]++
	case errors.Is(err, spine.ErrNoCell):
		s.cover["asked, and no cell"]++
	default:
		s.unanswered(x, err)
		return
	}
	if len(x.states) > 1 {
		s.cover["answered while it changed"]++
	}
	if x.lostAt == s.steps && slices.Contains(x.lost, state) {
		return
	}
	if !slices.Contains(x.states, state) {
		s.fail("%s has asked for %s and got %q; from question to answer the store had %q", x.node.name, x.cell, state, x.states)
	}
}

// unanswered demands that there was a reason, and that somebody who waits longer would have been told it.
func (s *redisSim) unanswered(x *simAsk, err error) {
	switch {
	case errors.Is(err, spine.ErrClosed) && x.gone():
	case errors.Is(err, context.Canceled) && x.gone():
	case !errors.Is(err, context.DeadlineExceeded) || time.Now().Before(x.deadline):
		s.fail("%s has asked for %s: %v", x.node.name, x.cell, err)
	case errors.Is(err, spine.ErrNoOwner):
		s.cover["asked, and no owner"]++
	case errors.Is(err, spine.ErrMoved):
		s.cover["asked, and moved"]++
	default:
		s.cover["asked, and no answer in time"]++
	}
}

// answerable is a question that the Spine may answer now: it waits while a change of the cell is not settled.
func (n *simNode) answerable() *simQuestion {
	for _, x := range n.desk.waiting() {
		c := n.cells[x.cell]
		if n.changing(x.cell) && !(n.s.store.flaws.eagerAnswer && c != nil) {
			continue
		}
		if c != nil || n.desk.read == nil {
			return x
		}
	}
	return nil
}

// reply answers a question from memory, or loads the cell, which stays there.
func (n *simNode) reply(x *simQuestion) {
	if c := n.cells[x.cell]; c != nil {
		n.desk.give(x, c.reply())
		return
	}
	b, shard := n.b, n.b.shardOf(x.cell.Key)
	n.b.mu.Lock()
	token := shard.token
	n.b.mu.Unlock()
	n.desk.read = n.begin(func() func() {
		hs, err := b.Load(x.ctx, []persistence.Cell{x.cell}, nil)
		return func() {
			if err != nil {
				n.desk.give(x, simReply{err: err})
				return
			}
			if hs[0].Last == 0 {
				n.desk.give(x, (&simCell{}).reply())
				return
			}
			n.loaded(x.cell, shard, token, hs, nil)
		}
	})
}

// reply is what a question for the cell gets.
func (c *simCell) reply() simReply {
	if len(c.events) == 0 {
		return simReply{err: spine.ErrNoCell}
	}
	data, err := json.Marshal(string(c.encode()))
	return simReply{data, err}
}

// cellMark tells one state of a cell in the store from another.
func (s *redisSim) cellMark(key string) string {
	h, _ := s.store.keys[key].(fakeHash)
	return h["n"] + " " + h["t"]
}

// stored is the state of a cell as the store has it.
func (s *redisSim) stored(key string) string {
	h, _ := s.store.keys[key].(fakeHash)
	n := fakeInt(h["n"])
	base, state := fakeInt(h["s"]), ""
	for k := int64(1); k <= fakeInt(h["sp"]); k++ {
		state += h[fmt.Sprintf("s%d.%d", base, k)]
	}
	if whole := fakeInt(h["zs"]); whole > base {
		x, err := unpackState([]byte(h["z"]))
		if err != nil {
			s.fail("%s: %v", key, err)
		}
		base, state = whole, string(x.State)
	}
	events := strings.Fields(state)
	for seq := uint64(base) + 1; seq <= uint64(n); seq++ {
		r, err := readRecord(seq, h["r"+formatNumber(seq)])
		if err != nil {
			s.fail("%s: record %d: %v", key, seq, err)
			return ""
		}
		events = append(events, stepOf(r.Event.ID().String(), r.At.UnixMicro()))
	}
	return strings.Join(events, " ")
}

// unread says which boxes have messages that those who are there should have read, and who still has questions.
func (s *redisSim) unread() []string {
	var left []string
	for _, x := range s.asked {
		left = append(left, fmt.Sprintf("%s waits for %s", x.node.name, x.cell))
	}
	for _, n := range s.nodes {
		if n.b == nil || !s.asks {
			continue
		}
		n.b.asks.mu.Lock()
		asked, inHand := len(n.b.asks.asked), len(n.b.asks.inHand)
		n.b.asks.mu.Unlock()
		if messages := s.store.xlen(s.keys.box(n.b.owner)); messages > 0 || asked+inHand > 0 {
			left = append(left, fmt.Sprintf("%s has %d messages to read, has asked %d questions, is to answer %d", n.name, messages, asked, inHand))
		}
	}
	return left
}

// checkBoxes demands that no box stays.
func (s *redisSim) checkBoxes() {
	now := s.store.now
	defer func() { s.store.now = now }()
	s.store.now = func() time.Time { return now().Add(2 * boxLife) } // clocks may have been wrong by seconds
	s.store.expire()
	for key := range s.store.keys {
		if strings.HasPrefix(key, s.keys.box("")) {
			s.fail("%s is left behind", key)
		}
	}
}
