package redisstream

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
)

// weather is what becomes of the requests of several nodes: some are lost, some come late, of some the answer is lost, and some
// come twice.
type weather struct {
	network server // that what is late comes by

	mu   sync.Mutex
	dice *rand.Rand
	calm bool
	late []belated
	met  map[fortune]int
}

// fortune is what becomes of a request.
type fortune string

const (
	fairWeather fortune = "fair"
	lostRequest fortune = "lost"
	lateRequest fortune = "late" // its sender has given it up by then
	lostAnswer  fortune = "unheard"
	twice       fortune = "twice"
)

// faultsOf is one in so many.
const faultsOf = 12

// belated is a request, or a second copy of one, that is under way.
type belated struct {
	request
	second bool
	at     *sky
}

// meet decides about a request.
func (w *weather) meet(r request, at *sky) fortune {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := fairWeather
	if !w.calm && w.dice.IntN(faultsOf) == 0 {
		f = []fortune{lostRequest, lateRequest, lostAnswer, twice}[w.dice.IntN(4)]
	}
	if f == twice && r.has(acquireScript.name) {
		f = fairWeather // it is sent once
	}
	w.met[f]++
	if f == lateRequest || f == twice {
		w.late = append(w.late, belated{r, f == twice, at})
	}
	return f
}

// arriving takes some of what is under way; when it is calm, all.
func (w *weather) arriving() []belated {
	w.mu.Lock()
	defer w.mu.Unlock()
	var now []belated
	w.late = slices.DeleteFunc(w.late, func(b belated) bool {
		arrives := w.calm || w.dice.IntN(8) == 0
		if arrives {
			now = append(now, b)
		}
		return arrives
	})
	return now
}

// settle ends all faults: what is under way arrives.
func (w *weather) settle(ctx context.Context) {
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	w.deliver(ctx)
}

func (w *weather) deliver(ctx context.Context) {
	for _, b := range w.arriving() {
		called := b.at.history.tick()
		w.network.do(ctx, b.calls[:b.loose], b.calls[b.loose:])
		if b.second {
			b.at.note(0, called, b.calls)
		}
	}
}

// sky is the weather over one node, and notes what the node asks of leases.
type sky struct {
	server
	weather *weather
	history *history
	client  int
}

func (s *sky) do(ctx context.Context, loose, tx []*call) {
	s.weather.deliver(ctx)
	r := request{append(copies(loose), copies(tx)...), len(loose)}
	called := s.history.tick()
	f := s.weather.meet(r, s)
	if f != lostRequest && f != lateRequest {
		s.server.do(ctx, loose, tx)
	}
	all := slices.Concat(loose, tx)
	if f != fairWeather && f != twice {
		for _, c := range all {
			c.reply, c.err = nil, io.EOF
		}
	}
	s.note(s.client, called, all)
}

// note writes down what calls asked of leases. The network itself is client 0.
func (s *sky) note(client int, called int64, calls []*call) {
	for _, c := range calls {
		if c.script == nil || isNoScript(c.err) {
			continue
		}
		for part, op := range leaseOps(c) {
			var out any
			if c.err == nil {
				out = op.out
			}
			s.history.note(part, client, called, op.in, out)
		}
	}
}

type leaseOp struct {
	in  leaseAct
	out leaseAnswer
}

// leaseOps are what a call asked of leases, by their keys.
func leaseOps(c *call) map[string]leaseOp {
	arg := func(i int) string { return fmt.Sprint(c.args[i]) }
	in, out := leaseAct{act: c.script.name}, leaseAnswer{word: c.word()}
	switch c.script {
	case lookScript:
		return looks(c)
	case acquireScript:
		in.token, in.seen, in.beat = arg(2), arg(3), parseNumber(arg(4))
		if out.word == "HELD" {
			out.token, out.beat = text(c.part(1)), parseNumber(text(c.part(2)))
		} else {
			out.commit, out.pull = parseNumber(text(c.part(1))), parseNumber(text(c.part(2)))
			out.epoch, out.token = parseNumber(text(c.part(5))), text(c.part(6))
		}
	case renewScript, releaseScript:
		in.token = arg(0)
	case guardScript:
		in.act, in.token, in.number, in.after = "pull", arg(0), parseNumber(arg(1)), parseNumber(arg(2))
	case commitScript:
		in.token, in.number, in.after, in.behind = arg(0), parseNumber(arg(1)), parseNumber(arg(2)), parseNumber(arg(5))
	default:
		return nil
	}
	return map[string]leaseOp{c.keys[0]: {in, out}}
}

// looks are those at each shard.
func looks(c *call) map[string]leaseOp {
	all := map[string]leaseOp{}
	for i, key := range c.keys[1:] {
		seen := append(list(c.part(i+1)), "", "")
		all[key] = leaseOp{leaseAct{act: "look"}, leaseAnswer{token: text(seen[0]), beat: parseNumber(text(seen[1]))}}
	}
	return all
}
