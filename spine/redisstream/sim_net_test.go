package redisstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// simNet is the way from all nodes to the store: a request waits in it until the simulation says what becomes of it.
type simNet struct {
	mu    sync.Mutex
	queue []*simRequest
	late  []*simRequest // nobody waits for these any more; they may arrive all the same
}

// simRequest is what one call of the seam sends.
type simRequest struct {
	server *simServer
	calls  []fakeCall
	loose  int  // those behind are one transaction
	block  bool // the server answers it when there is something
	origin []*call
	poll   bool // it looks for questions and answers, and nothing else
	done   chan struct{}
}

// errSimNet is what a client gets that does not get its answer.
var errSimNet = fmt.Errorf("sim: %w", io.ErrUnexpectedEOF)

// simServer is the seam of one process.
type simServer struct {
	net  *simNet
	node *simNode
	life int // of the node
	shut chan struct{}

	owner   string
	service *simService // as the process knows it
}

func (v *simServer) do(ctx context.Context, loose, tx []*call) {
	v.ask(&simRequest{server: v, loose: len(loose), origin: slices.Concat(loose, tx)}, v.node.s.patience)
}

func (v *simServer) wait(ctx context.Context, c *call) {
	block := time.Duration(0)
	for i, word := range c.args {
		if word == "BLOCK" {
			block = time.Duration(c.args[i+1].(int64)) * time.Millisecond
		}
	}
	v.ask(&simRequest{server: v, block: true, origin: []*call{c}}, block)
	if c.err != nil && !errors.Is(c.err, errSimNet) {
		c.err = nil // it has waited in vain
	}
}

func (v *simServer) close() {}

func (v *simServer) box() string { return v.node.s.keys.box(v.owner) }

// errSimSlow is what a client gets that has waited long enough.
var errSimSlow = fmt.Errorf("sim: %w", context.DeadlineExceeded)

// ask sends a request and waits for what becomes of it, for as long as a client does.
func (v *simServer) ask(r *simRequest, patience time.Duration) {
	r.done = make(chan struct{})
	for _, c := range r.origin {
		c.reply, c.err = nil, nil
		r.calls = append(r.calls, fakeCallOf(c))
	}
	r.poll = !r.block && len(r.calls) == 1 && r.calls[0].script == nil && r.calls[0].args[0] == "XREAD" && r.calls[0].args[4] == v.box()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-v.shut:
		r.fail(errSimNet)
		return
	default:
	}
	v.net.add(r)
	select {
	case <-r.done:
		return
	case <-timer.C:
	case <-v.shut:
	}
	v.net.leave(r)
	r.fail(errSimSlow)
}

func (r *simRequest) fail(err error) {
	for _, c := range r.origin {
		c.reply, c.err = nil, err
	}
}

// name is what requests are sorted by: two goroutines of a node may send at the same time.
func (r *simRequest) name() string {
	c := r.calls[0]
	if c.script != nil {
		return c.script.name + " " + strings.Join(c.keys, " ")
	}
	return strings.Join(c.args, " ")
}

func (n *simNet) add(r *simRequest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = append(n.queue, r)
}

// leave: the client has given up; the request is on its way all the same.
func (n *simNet) leave(r *simRequest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = slices.DeleteFunc(n.queue, func(x *simRequest) bool { return x == r })
	if !r.block && !r.poll {
		n.late = append(n.late, r)
	}
}

// open are the requests that may be delivered now, in an order that does not depend on who was first.
func (n *simNet) open(deliverable func(*simRequest) bool) []*simRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	var open []*simRequest
	for _, r := range n.queue {
		if deliverable(r) {
			open = append(open, r)
		}
	}
	slices.SortStableFunc(open, func(a, b *simRequest) int {
		return cmp.Or(cmp.Compare(a.server.node.index, b.server.node.index), cmp.Compare(a.name(), b.name()))
	})
	return open
}

// answerPolls answers those who look for messages, where there are none: that they do is no event.
func (s *redisSim) answerPolls() (some bool) {
	for _, r := range s.net.open(func(r *simRequest) bool { return r.poll && !r.server.node.frozen }) {
		if s.store.xlen(r.server.box()) == 0 {
			s.net.take(r, false)
			close(r.done)
			some = true
		}
	}
	return some
}

// take removes a request from the queue.
func (n *simNet) take(r *simRequest, late bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = slices.DeleteFunc(n.queue, func(x *simRequest) bool { return x == r })
	if late {
		n.late = append(n.late, r)
	}
}

// underway is how many requests are on their way that nobody waits for.
func (n *simNet) underway() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.late)
}

// drop loses what is on its way and nobody waits for.
func (n *simNet) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.late = nil
}

func (n *simNet) arrive(i int) *simRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.late[i]
	n.late = slices.Delete(n.late, i, i+1)
	return r
}

// simFate is what becomes of a request.
type simFate string

const (
	simAnswered    simFate = "answered"
	simReplyLost   simFate = "executed, the answer lost"
	simRequestLost simFate = "lost"
	simLate        simFate = "late"
	simPart        simFate = "in part"
)

// deliver lets one request meet its fate.
func (s *redisSim) deliver(r *simRequest, fate simFate) {
	if fate == simPart && (r.loose == 0 || len(r.calls) < 2) {
		fate = simReplyLost
	}
	if r.block {
		s.deliverWait(r)
		return
	}
	s.cover[string(fate)]++
	switch {
	case r.calls[0].script != commitScript || r.loose == len(r.calls):
	case r.loose > 0:
		s.cover["commit, and pull"]++
	default:
		s.cover["commit and pull"]++
	}
	s.net.take(r, fate == simLate)
	s.trace("%s/%d %s: %s", r.server.node.name, r.server.life, fate, s.describe(r))
	if s.untimely(r) {
		s.rollBackTo(s.rnd.IntN(len(s.saved)))
	}
	if s.joined() && s.tricky(r) {
		s.keep()
		defer s.rollBackTo(len(s.saved) - 1) // takes back this request alone
	}
	stop := len(r.calls)
	switch fate {
	case simRequestLost, simLate:
		r.fail(errSimNet)
		close(r.done)
		return
	case simPart:
		stop = s.rnd.IntN(r.loose + 1)
		if stop == len(r.calls) {
			stop--
		}
	}
	for i, c := range r.calls {
		if i >= stop {
			r.origin[i].reply, r.origin[i].err = nil, errSimNet
			continue
		}
		r.origin[i].reply, r.origin[i].err = s.execute(r.server, c)
		s.answered(c, r.origin[i])
	}
	if fate == simReplyLost {
		r.fail(errSimNet)
	}
	close(r.done)
}

// tricky reports whether the store loses what it has just answered: at times, and late in a run perhaps a commit, after which
// nothing but an idle owner's pull shows it.
func (s *redisSim) tricky(r *simRequest) bool {
	if c := r.calls[0]; !s.calm && c.script == guardScript {
		if h, _ := s.store.keys[c.keys[0]].(fakeHash); h["p"] == c.args[1] {
			return s.chance(3) // a repeat
		}
	}
	if !s.calm {
		return s.rollbacks < simRollbacks && s.chance(25)
	}
	if r.calls[0].script != commitScript {
		return false
	}
	s.trick--
	return s.trick == 0
}

// untimely reports whether the store goes back just when a question is answered.
func (s *redisSim) untimely(r *simRequest) bool {
	return r.calls[0].script == answerScript && !s.calm && len(s.saved) > 0 && s.rollbacks < simRollbacks && s.chance(3)
}

// deliverWait answers a read that waits, if there is something.
func (s *redisSim) deliverWait(r *simRequest) {
	c := r.calls[0]
	for i, word := range c.args {
		if word != "$" {
			continue
		}
		c.args[i] = "0-0"
		if x := s.store.stream(s.keys.bell()); x != nil {
			c.args[i] = x.last.String()
		}
	}
	reply, err := s.store.exec(c)
	if reply == nil && err == nil {
		return
	}
	s.net.take(r, false)
	r.origin[0].reply, r.origin[0].err = reply, err
	close(r.done)
}

// deliverLate executes a request that nobody waits for any more.
func (s *redisSim) deliverLate(i int) { s.executeLate(s.net.arrive(i)) }

func (s *redisSim) executeLate(r *simRequest) {
	s.cover["arrived late"]++
	s.trace("%s/%d arrives: %s", r.server.node.name, r.server.life, s.describe(r))
	for _, c := range r.calls {
		reply, err := s.execute(r.server, c)
		s.answered(c, &call{reply: reply, err: err})
	}
}

// answered looks at what the store has said.
func (s *redisSim) answered(c fakeCall, got *call) {
	if s.verbose {
		s.trace("  answer %.300s %v", fmt.Sprint(got.reply), got.err)
	}
	if len(s.store.unpending) > 0 {
		s.fail("settled although not pending: %v", s.store.unpending)
	}
	if c.script != nil {
		if word := got.word(); word == "FENCED" || word == "REACQUIRE" || word == "HELD" {
			s.cover[word]++
		}
	}
}

// printable leaves out what is not text.
func printable(words []string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = word
		if !utf8.ValidString(word) || strings.ContainsAny(word, "\x00\x01\x02\x10") {
			out[i] = fmt.Sprintf("(%d bytes)", len(word))
		}
		if strings.HasPrefix(word, "#!lua") {
			out[i] = "(script)"
		}
	}
	return out
}

func (s *redisSim) describe(r *simRequest) string {
	if !s.verbose {
		return ""
	}
	var all []string
	for _, c := range r.calls {
		name := ""
		if c.script != nil {
			name = c.script.name
		}
		all = append(all, fmt.Sprintf("%s %.600v %.1500s", name, c.keys, printable(c.args)))
	}
	return strings.Join(all, "; ")
}
