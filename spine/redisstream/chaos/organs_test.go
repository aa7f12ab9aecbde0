package chaos_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// The organs. Those with state keep the numbers of all events that have changed it, in order: the checker's evidence.
//
//	book    keyed      TRANSFER, CREDIT    emits CREDIT
//	chain   keyed      TRANSFER            a chain of hashes
//	relay   stateless  TRANSFER            emits ECHO, some delayed
//	flaky   stateless  TRANSFER            fails, panics; emits FLAKED
//	strict  ordered    TRANSFER            fails; emits TICK
//	poison  stateless  TRANSFER            refuses some
//	tally   keyed      ECHO, FLAKED, TICK
//	bomb    stateless  BOMB                ends the process
//	audit   stateless  TICK                in the second program only
//
// Those with state answer how far a cell has come.
var organNames = []string{"book", "chain", "relay", "flaky", "strict", "poison", "tally", "bomb", addedOrgan}

// mark tells in a log which event it was.
type mark string

func markOf(typ string, n uint64, part int) mark { return mark(fmt.Sprintf("%s/%d/%d", typ, n, part)) }

// bookState is an account.
type bookState struct {
	Balance int64
	Log     []mark
}

// chainState is a chain of hashes over all events.
type chainState struct {
	Head string
	Log  []mark
}

// tallyState counts what has arrived.
type tallyState struct{ Log []mark }

var errRefused = errors.New("it is refused")

func (s *bookState) debit(t transfer, healed bool) ([]actors.Payload, error) {
	s.Balance -= t.Amount
	s.Log = append(s.Log, markOf("TRANSFER", t.N, 0))
	if closed(t.N) && !healed {
		return nil, errRefused // after the change, which must not remain
	}
	return actors.Emit(credit{N: t.N, To: t.To, Amount: t.Amount}), nil
}

func (s *bookState) credit(c credit) {
	s.Balance += c.Amount
	s.Log = append(s.Log, markOf("CREDIT", c.N, 0))
}

func (s *chainState) link(n uint64, healed bool) error {
	m := markOf("TRANSFER", n, 0)
	s.Head = linked(s.Head, m)
	s.Log = append(s.Log, m)
	if broken(n) && !healed {
		return errRefused
	}
	return nil
}

func linked(head string, m mark) string {
	sum := sha256.Sum256([]byte(head + string(m)))
	return hex.EncodeToString(sum[:8])
}

func (s *tallyState) count(m mark) { s.Log = append(s.Log, m) }

// organs are those of a node. A healed one refuses nothing.
func organs(healed bool, program int) []spine.Option {
	all := []spine.Option{
		spine.WithOrgan(actors.NewKeyed("book", func(string) *bookState { return &bookState{} },
			actors.Step(func(s *bookState, ev actors.EventOf[transfer]) ([]actors.Payload, error) {
				return s.debit(ev.Payload, healed)
			}),
			actors.Step(func(s *bookState, ev actors.EventOf[credit]) ([]actors.Payload, error) {
				s.credit(ev.Payload)
				return nil, nil
			}),
			actors.Answer(func(s *bookState, _ look) (seen, error) { return seenOf(s.Log), nil }))),
		spine.WithOrgan(actors.NewKeyed("chain", func(string) *chainState { return &chainState{} },
			actors.Step(func(s *chainState, ev actors.EventOf[transfer]) ([]actors.Payload, error) {
				return nil, s.link(ev.Payload.N, healed)
			}),
			actors.Answer(func(s *chainState, _ look) (seen, error) { return seenOf(s.Log), nil }))),
		spine.WithOrgan(actors.NewOrgan("relay", actors.On(relay))),
		spine.WithOrgan(actors.NewOrgan("flaky", actors.On(func(ctx context.Context, ev actors.EventOf[transfer]) ([]actors.Payload, error) {
			return flaky(actors.Attempt(ctx), ev.Payload.N, healed)
		})), spine.Workers(4)),
		spine.WithOrgan(actors.NewOrgan("strict", actors.On(func(ctx context.Context, ev actors.EventOf[transfer]) ([]actors.Payload, error) {
			if actors.Attempt(ctx) <= trips(ev.Payload.N) && !healed {
				return nil, errors.New("it trips")
			}
			return actors.Emit(tick{N: ev.Payload.N, From: ev.Payload.From}), nil
		})), spine.Workers(4), spine.Ordered()),
		spine.WithOrgan(actors.NewOrgan("poison", actors.Sink(func(_ context.Context, ev actors.EventOf[transfer]) error {
			if poisoned(ev.Payload.N) && !healed {
				return actors.Permanent(errRefused)
			}
			return nil
		}))),
		spine.WithOrgan(actors.NewKeyed("tally", func(string) *tallyState { return &tallyState{} },
			actors.Step(func(s *tallyState, ev actors.EventOf[echo]) ([]actors.Payload, error) {
				s.count(markOf("ECHO", ev.Payload.N, ev.Payload.Part))
				return nil, nil
			}),
			actors.Step(func(s *tallyState, ev actors.EventOf[flaked]) ([]actors.Payload, error) {
				s.count(markOf("FLAKED", ev.Payload.N, 0))
				return nil, nil
			}),
			actors.Step(func(s *tallyState, ev actors.EventOf[tick]) ([]actors.Payload, error) {
				s.count(markOf("TICK", ev.Payload.N, 0))
				return nil, nil
			}),
			actors.Answer(func(s *tallyState, _ look) (seen, error) { return seenOf(s.Log), nil }))),
		spine.WithOrgan(actors.NewOrgan("bomb", actors.Sink(func(_ context.Context, _ actors.EventOf[bomb]) error {
			if !healed {
				os.Exit(bombCode)
			}
			return nil
		}))),
	}
	if program > 1 {
		all = append(all, spine.WithOrgan(actors.NewOrgan(addedOrgan, actors.Sink(func(context.Context, actors.EventOf[tick]) error { return nil }))))
	}
	return all
}

// addedOrgan is in the second program and not in the first. It has no effect.
const addedOrgan = "audit"

// look asks a cell how far it has come.
type look struct{}

// seen is the answer: how many events have changed it, and a sum of which ones, in order.
type seen struct {
	Len int
	Sum string
}

func seenOf(log []mark) seen {
	s := seen{Len: len(log)}
	for _, m := range log {
		s.Sum = linked(s.Sum, m)
	}
	return s
}

// bombCode is how a process ends that a bomb has ended.
const bombCode = 77

func relay(_ context.Context, ev actors.EventOf[transfer]) ([]actors.Payload, error) {
	var out []actors.Payload
	for part := range parts(ev.Payload.N) {
		e := echo{N: ev.Payload.N, Part: part}
		out = append(out, actors.With(e, actors.After(echoDelay(e))))
	}
	return out, nil
}

func flaky(attempt int, n uint64, healed bool) ([]actors.Payload, error) {
	switch {
	case healed || attempt > flakes(n):
		return actors.Emit(flaked{N: n}), nil
	case attempt == 2 && !hopeless(n):
		panic("it flakes")
	default:
		return nil, errors.New("it flakes")
	}
}

// step is what a cell makes of an event, for the checker. false: it has nothing to do with it, or refuses it.
func step(organ string, state any, ev recorded) (any, bool) {
	switch s := state.(type) {
	case bookState:
		if ev.typ == "CREDIT" {
			s.credit(credit{N: ev.body.N, To: ev.body.To, Amount: ev.body.Amount})
			return s, true
		}
		t := transfer{N: ev.body.N, From: ev.body.From, To: ev.body.To, Amount: ev.body.Amount}
		if closed(t.N) && !ev.replay {
			return s, false
		}
		_, err := s.debit(t, ev.replay)
		return s, err == nil && ev.typ == "TRANSFER" && organ == "book"
	case chainState:
		if ev.typ != "TRANSFER" || broken(ev.body.N) && !ev.replay {
			return s, false
		}
		return s, s.link(ev.body.N, ev.replay) == nil
	case tallyState:
		s.count(markOf(ev.typ, ev.body.N, ev.body.Part))
		return s, true
	}
	return state, false
}

// fresh is the state that a key of an organ begins with.
func fresh(organ string) any {
	switch organ {
	case "book":
		return bookState{}
	case "chain":
		return chainState{}
	default:
		return tallyState{}
	}
}

// seedOf makes a seed of a seed and what it is for.
func seedOf(seed uint64, what string) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(what), seed))
}
