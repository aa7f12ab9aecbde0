package host_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// pinging makes an organ of one reaction to ping.
func pinging(f func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error)) actors.Organ {
	return actors.NewOrgan("pinger", actors.On(f))
}

func TestBatchIsHandledInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen journal[int]
		o := own(t, pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
			seen.add(ev.Payload.N)
			return nil, nil
		}), host.OrganConfig{})
		b := o.run(pings(t, 100)...)
		assert.Equal(t, all(host.Handled, 100), codes(b))
		assert.False(t, b.Down)
		assert.Same(t, o.lane(), b.Lane)
		assert.Equal(t, 0, o.lane().Index())
		assert.Same(t, o.organ, o.lane().Organ())
		assert.True(t, slices.IsSorted(seen.take()))
		assert.Empty(t, o.kinds())
	})
}

func TestBatchCanBeReusedAfterReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
			return actors.Emit(pong{ev.Payload.N}), nil
		}), host.OrganConfig{})
		b := o.run(pings(t, 3)...)
		kept := b.Outcomes[1].Emitted
		b.Reset()
		assert.Empty(t, b.Items)
		b.Items = append(b.Items, host.Item{Event: event(t, ping{N: 9}), Attempt: 1})
		b = o.runBatch(b)
		assert.Equal(t, all(host.Handled, 1), codes(b))
		p, err := actors.Decode[pong](kept[0])
		require.NoError(t, err)
		assert.Equal(t, pong{1}, p, "emissions outlive their batch")
	})
}

func TestEmissionsAreStamped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			return actors.Emit(pong{1}, actors.With(pong{2}, actors.Key("k"))), nil
		}), host.OrganConfig{})
		parent := event(t, ping{})
		first, again := o.run(parent).Outcomes[0], o.run(parent).Outcomes[0]
		require.Len(t, first.Emitted, 2)
		for i, ev := range first.Emitted {
			assert.Equal(t, parent.ID(), ev.Causation())
			assert.Equal(t, parent.ID(), ev.Correlation())
			assert.Equal(t, 1, ev.Hops())
			assert.Equal(t, ev.ID(), again.Emitted[i].ID(), "a repeated handling emits the same ids")
		}
		assert.NotEqual(t, first.Emitted[0].ID(), first.Emitted[1].ID())
		assert.Equal(t, "k", first.Emitted[1].Key())
		want, err := actors.NewStamper(actors.StamperOptions{Service: "svc", Organ: "pinger"}).Emission(parent, 1, pong{2}, epoch)
		require.NoError(t, err)
		assert.Equal(t, want.ID(), first.Emitted[1].ID(), "ids derive from parent, service, organ and position")
	})
}

func TestFailuresAreOutcomesOfTheirKind(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		err   error
		kind  actors.Kind
		after time.Duration
	}{
		"error":       {boom, actors.KindError, 0},
		"permanent":   {actors.Permanent(boom), actors.KindPermanent, 0},
		"retry after": {actors.RetryAfter(time.Minute, boom), actors.KindError, time.Minute},
		"wrapped":     {fmt.Errorf("handler: %w", actors.Permanent(boom)), actors.KindPermanent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := own(t, pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
					if ev.Payload.N == 1 {
						return actors.Emit(pong{}), c.err
					}
					return nil, nil
				}), host.OrganConfig{})
				b := batchOf(pings(t, 3)...)
				b.Items[1].Attempt = 4
				b = o.runBatch(b)
				require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Handled}, codes(b))
				f := b.Outcomes[1].Failure
				assert.Equal(t, actors.Failure{
					Organ: "pinger", Kind: c.kind, Err: c.err, Attempt: 4, First: b.Started, Last: b.Started, After: c.after,
				}, *f)
				assert.Empty(t, b.Outcomes[1].Emitted, "a failed attempt emits nothing")
				assert.False(t, b.Down)
			})
		})
	}
}

// strict is a ping that demands more of its payload.
type strict struct{ N int }

func (strict) EventType() string { return "PING" }
func (s strict) Validate() error {
	if s.N == 0 {
		return errors.New("N is 0")
	}
	return nil
}

func TestWhatDoesNotDecodeFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, actors.NewOrgan("reader", actors.Sink(func(context.Context, actors.EventOf[strict]) error { return nil })), host.OrganConfig{})
		b := o.run(
			event(t, actors.Raw{Type: "PING", Data: []byte(`{"N":"a"}`)}),
			event(t, actors.Raw{Type: "PING", Data: []byte(`{"N":0}`)}),
			event(t, actors.Raw{Type: "PING", Data: []byte(`{"N":1}`)}),
			event(t, pong{}),
		)
		require.Equal(t, []host.OutcomeCode{host.Failed, host.Failed, host.Handled, host.Failed}, codes(b))
		assert.Equal(t, actors.KindUndecodable, b.Outcomes[0].Failure.Kind)
		assert.Equal(t, actors.KindInvalid, b.Outcomes[1].Failure.Kind)
		assert.Equal(t, actors.KindUndecodable, b.Outcomes[3].Failure.Kind, "no reaction to this type")
	})
}

func TestOrderedHoldsBackTheKeyOfAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		organ := actors.NewOrgan("ordered", actors.Sink(func(_ context.Context, ev actors.EventOf[keyed]) error {
			if ev.Payload.N < 0 {
				return errors.New("negative")
			}
			return nil
		}))
		evs := []actors.Event{
			event(t, keyed{"a", 1}), event(t, keyed{"a", -1}), event(t, keyed{"b", 1}), event(t, keyed{"a", 2}),
			event(t, keyed{"b", -1}), event(t, keyed{"c", 1}), event(t, keyed{"b", 2}), event(t, keyed{"a", -2}),
		}
		o := own(t, organ, host.OrganConfig{Ordered: true})
		assert.Equal(t, []host.OutcomeCode{
			host.Handled, host.Failed, host.Handled, host.Held, host.Failed, host.Handled, host.Held, host.Held,
		}, codes(o.run(evs...)))
		// The hold lasts for one batch: after that the owner decides.
		assert.Equal(t, all(host.Handled, 2), codes(o.run(evs[3], evs[6])))

		o = own(t, organ, host.OrganConfig{})
		assert.NotContains(t, codes(o.run(evs...)), host.Held, "without Ordered")
	})
}

func TestOrganRefusesMistakesAtOnce(t *testing.T) {
	t.Parallel()
	s := host.NewSystem(host.Options{})
	defer func() { assert.NoError(t, s.Stop(context.Background())) }()
	organ := pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) { return nil, nil })

	_, err := s.Organ(organ, host.OrganConfig{Workers: -1, MaxEmissions: -2, IdleAfter: -time.Second})
	require.Error(t, err)
	for _, text := range []string{`organ "pinger"`, "Workers is -1", "MaxEmissions is -2", "IdleAfter is -1000000000", "Deliver is nil"} {
		assert.ErrorContains(t, err, text)
	}
	_, err = s.Organ(actors.NewOrgan("mute"), host.OrganConfig{Deliver: func(*host.Batch) {}})
	assert.ErrorIs(t, err, actors.ErrOrgan)
	_, err = s.Organ(counter(), host.OrganConfig{Deliver: func(*host.Batch) {}})
	assert.ErrorContains(t, err, "no Store")
	_, err = s.Organ(stranger{organ}, host.OrganConfig{Deliver: func(*host.Batch) {}})
	assert.ErrorContains(t, err, "cannot be run")
}

// stranger is a Definition of a sort nobody has heard of.
type stranger struct{ actors.Definition }

func TestOnFailedIsAskedForByTheItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, actors.NewOrgan("failing",
			actors.Sink(func(_ context.Context, ev actors.EventOf[ping]) error { handled.add(ev.Payload.N); return nil }),
			actors.OnFailed(func(ev actors.EventOf[ping], f actors.Failure) []actors.Payload {
				switch ev.Payload.N {
				case 1:
					panic("in OnFailed")
				case 2:
					return actors.Emit(nil)
				}
				return actors.Emit(pong{f.Attempt})
			}),
		), host.OrganConfig{})
		b := batchOf(pings(t, 4)...)
		for i := range 3 {
			b.Items[i].Failed = &actors.Failure{Organ: "failing", Kind: actors.KindError, Err: errors.New("x"), Attempt: 5}
		}
		b = o.runBatch(b)
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Failed, host.Handled}, codes(b))
		require.Len(t, b.Outcomes[0].Emitted, 1)
		p, err := actors.Decode[pong](b.Outcomes[0].Emitted[0])
		require.NoError(t, err)
		assert.Equal(t, pong{5}, p)
		assert.Equal(t, actors.KindPanic, b.Outcomes[1].Failure.Kind)
		assert.Equal(t, actors.KindEnqueue, b.Outcomes[2].Failure.Kind)
		assert.False(t, b.Down, "a panic of OnFailed costs no restart")
		assert.Equal(t, []int{3}, handled.take(), "the others are not handled again")
	})
}

func TestPolicyDefaultsAreFilled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(ctx context.Context, _ actors.EventOf[ping]) ([]actors.Payload, error) {
			until, _ := ctx.Deadline()
			assert.Equal(t, supervision.Default().Timeout, time.Until(until))
			return nil, nil
		}), host.OrganConfig{})
		o.run(pings(t, 1)...)
		assert.Equal(t, "pinger", o.organ.Name())
		assert.False(t, o.organ.Keyed())
		assert.Len(t, o.organ.Lanes(), 1)
	})
}
