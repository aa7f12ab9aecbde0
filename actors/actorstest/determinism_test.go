package actorstest_test

import (
	"encoding/binary"
	"io"
	"math"
	"testing"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
)

// deposits are n deposits to account a, each with a tag.
func deposits(n int) []actors.Payload {
	ps := make([]actors.Payload, n)
	for i := range ps {
		ps[i] = Deposited{Account: "a", Cents: i + 1, Tags: []string{"t"}}
	}
	return ps
}

// crashing sends all of ps to a cell, which then crashes.
func crashing(k actors.KeyedOrgan, ps []actors.Payload) func(actorstest.T) {
	return func(t actorstest.T) {
		c := actorstest.NewCell(t, k, "a")
		for _, p := range ps {
			c.Send(p)
		}
		c.Crash()
	}
}

func checking(k actors.KeyedOrgan, ps []actors.Payload) func(actorstest.T) {
	return func(t actorstest.T) { actorstest.CheckDeterministic(t, k, "a", ps) }
}

func TestDeterministicStepsPass(t *testing.T) {
	t.Parallel()
	inputs := []actors.Payload{
		Deposited{Account: "a", Cents: 500}, Withdrawn{Account: "a", Cents: 200}, Deposited{Account: "a", Cents: -1},
		Withdrawn{Account: "a", Cents: 400}, actors.After(1e9, Deposited{Account: "a", Cents: 1}),
	}
	for n := range len(inputs) + 1 {
		actorstest.CheckDeterministic(t, accounts(), "a", inputs[:n])
	}
	crashing(accounts(), inputs)(t)
}

// TestGlobalCounterIsReported: a Step that counts outside of its state.
func TestGlobalCounterIsReported(t *testing.T) {
	t.Parallel()
	steps := 0
	k := keyed(func(_ *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		steps++
		return actors.Emit(Paid{Account: ev.Key(), Cents: steps}), nil
	})
	want := []string{`cell k/"a"`, "made of DEPOSITED", `"cents":1`, `"cents":2`}
	requireReported(t, crashing(k, deposits(1)), append(want, "rebuilt from its inputs, ")...)
	steps = 0
	requireReported(t, checking(k, deposits(1)), append(want, "run from the start again")...)
}

// TestHiddenStateIsReported: a Step that remembers outside of its state what it has seen.
func TestHiddenStateIsReported(t *testing.T) {
	t.Parallel()
	organ := func() actors.KeyedOrgan {
		known := map[string]bool{}
		return keyed(func(a *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			if !known[ev.ID().String()] {
				a.Cents += ev.Payload.Cents
			}
			known[ev.ID().String()] = true
			return nil, nil
		})
	}
	requireReported(t, crashing(organ(), deposits(2)), "has the state", `{"cents":0,"tags":null}`, `{"cents":3,"tags":null}`)
	requireReported(t, checking(organ(), deposits(2)), "run from the start again")
}

// TestFreshStateOfTheMomentIsReported: a fresh state that depends on more than the key.
func TestFreshStateOfTheMomentIsReported(t *testing.T) {
	t.Parallel()
	made := 0
	k := actors.NewKeyed("k", func(string) *Account { made++; return &Account{Cents: made} },
		actors.Step(func(*Account, actors.EventOf[Deposited]) ([]actors.Payload, error) { return nil, nil }))
	requireReported(t, crashing(k, nil), "rebuilt from its inputs", `"cents":2`, `"cents":1`)
}

// forgetful is a state whose codec forgets how often it was stepped.
type forgetful struct{ cents, steps uint32 }

func (f *forgetful) MarshalBinary() ([]byte, error) {
	return binary.BigEndian.AppendUint32(nil, f.cents), nil
}
func (f *forgetful) UnmarshalBinary(b []byte) error {
	if len(b) != 4 {
		return io.ErrUnexpectedEOF
	}
	f.cents = binary.BigEndian.Uint32(b)
	return nil
}

func forgetfulOrgan() actors.KeyedOrgan {
	return actors.NewKeyed("k", func(string) *forgetful { return &forgetful{} },
		actors.Step(func(f *forgetful, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			f.cents += uint32(ev.Payload.Cents)
			f.steps++
			if f.steps == 3 {
				return actors.Emit(Paid{Account: ev.Key()}), nil
			}
			return nil, nil
		}))
}

func TestLostFieldIsReported(t *testing.T) {
	t.Parallel()
	requireReported(t, checking(forgetfulOrgan(), deposits(3)), "continued from a snapshot", "nothing", `"PAID"`)
	checking(forgetfulOrgan(), deposits(2))(t)

	requireReported(t, func(t actorstest.T) {
		c := actorstest.NewCell(t, forgetfulOrgan(), "a")
		c.Send(deposits(1)[0])
		c.Snapshot()
		c.Send(deposits(1)[0])
		c.Send(deposits(1)[0])
		c.Crash()
	}, "rebuilt from its inputs", `"PAID"`)
}

// sloppy is a state that does not read what it writes.
type sloppy struct{ n byte }

func (s *sloppy) MarshalBinary() ([]byte, error) { return []byte{s.n}, nil }
func (s *sloppy) UnmarshalBinary(b []byte) error { s.n = b[0] + 1; return nil }

func TestCodecThatIsNotItsOwnInverseIsReported(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("k", func(string) *sloppy { return &sloppy{n: 0xfe} },
		actors.Step(func(*sloppy, actors.EventOf[Deposited]) ([]actors.Payload, error) { return nil, nil }))
	requireReported(t, func(t actorstest.T) { actorstest.NewCell(t, k, "a").Snapshot() }, "restored from a snapshot", `"\xfe"`, `"\xff"`)
	requireReported(t, checking(k, deposits(1)), "restored from a snapshot")
}

func TestMutatingStepIsReported(t *testing.T) {
	t.Parallel()
	k := keyed(func(_ *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		ev.Payload.Tags[0] = "y"
		return nil, nil
	})
	requireReported(t, func(t actorstest.T) { actorstest.NewCell(t, k, "a").Send(deposits(1)[0]) }, "organ k", "changed its payload")
}

// TestEmissionThatSharesTheStateIsReported: the payload is the state's own slice, which the
// next Step changes under whoever reads it.
func TestEmissionThatSharesTheStateIsReported(t *testing.T) {
	t.Parallel()
	k := keyed(func(a *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		if a.Tags == nil {
			a.Tags = make([]string, 1)
		}
		a.Cents++
		a.Tags[0] += "+"
		return actors.Emit(Paid{Account: ev.Key(), Tags: a.Tags}), nil
	})
	requireReported(t, func(t actorstest.T) {
		c := actorstest.NewCell(t, k, "a")
		c.Send(deposits(1)[0])
		c.Send(deposits(1)[0])
	}, "PAID was emitted as", `["+"]`, `["++"]`, "copy what you emit")

	later := keyed(func(a *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		a.Cents++
		switch a.Cents {
		case 1:
			a.Tags = []string{"+"}
			return actors.Emit(Paid{Account: ev.Key(), Tags: a.Tags}), nil
		case 3:
			a.Tags[0] = "++"
		}
		return nil, nil
	})
	requireReported(t, crashing(later, deposits(3)), "PAID was emitted as", `["+"]`, `["++"]`)
}

// TestStateThatSharesAPayloadIsReported: the Step keeps the payload's slice and changes it
// later, when the event may still be on its way to another organ.
func TestStateThatSharesAPayloadIsReported(t *testing.T) {
	t.Parallel()
	k := keyed(func(a *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		if a.Tags == nil {
			a.Tags = ev.Payload.Tags
			return nil, nil
		}
		a.Tags[0] = "changed"
		return nil, nil
	})
	requireReported(t, crashing(k, deposits(2)), "DEPOSITED was sent as", `["t"]`, `["changed"]`, "copy what you keep")
}

// TestStepThatSeesMoreThanBytesIsReported: an empty slice becomes nil on the wire.
func TestStepThatSeesMoreThanBytesIsReported(t *testing.T) {
	t.Parallel()
	k := keyed(func(a *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		a.Tags = ev.Payload.Tags
		return nil, nil
	})
	empty := Deposited{Account: "a", Tags: []string{}}
	requireReported(t, crashing(k, []actors.Payload{empty}), "as Go values, not encoded", `"tags":[]`, `"tags":null`)
}

func TestStateThatDoesNotEncodeIsReported(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("k", func(string) *float64 { return new(float64) },
		actors.Step(func(f *float64, _ actors.EventOf[Deposited]) ([]actors.Payload, error) {
			*f = math.NaN()
			return nil, nil
		}))
	requireReported(t, crashing(k, deposits(1)), "the state does not encode", "NaN")
}

// TestWhatAnErrorLeavesBehindIsReported: the Step counts its errors outside of its state.
func TestWhatAnErrorLeavesBehindIsReported(t *testing.T) {
	t.Parallel()
	failures := 0
	k := keyed(func(_ *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
		if ev.Payload.Cents == 2 {
			failures++
			return nil, errBroke
		}
		return actors.Emit(Paid{Account: ev.Key(), Cents: failures}), nil
	})
	requireReported(t, crashing(k, deposits(2)), "rebuilt from its inputs", `"cents":1`, `"cents":0`)
}
