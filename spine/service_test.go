package spine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

func TestEveryServiceSeesEveryEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		other := m.Attach()
		a, b := newDiary[ping](), newDiary[ping]()
		first := spinetest.Start(t, m, spine.WithService("first"), spine.WithOrgan(sink("a", a)))
		second := spinetest.Start(t, other, spine.WithService("second"), spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(sink("b", b)),
			spine.WithOrgan(failing("bad", func(context.Context, int) error { return errBad })))
		first.Publish(ping{1})
		second.Publish(ping{2})
		first.Idle()
		second.Idle()
		assert.Equal(t, []ping{{1}, {2}}, a.entries())
		assert.Equal(t, []ping{{1}, {2}}, b.entries())
		assert.Empty(t, letters(t, m), "dead letters are the service's own")
		require.Len(t, letters(t, other), 2)
		assert.Equal(t, "second", letters(t, other)[0].Service)
	})
}

func TestWhatOneServiceEmitsReachesTheOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		pongs := newDiary[pong]()
		one := spinetest.Start(t, m, spine.WithService("one"), spine.WithOrgan(actors.NewOrgan("a",
			actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
				return actors.Emit(pong{ev.Payload.N}), nil
			}))))
		two := spinetest.Start(t, m.Attach(), spine.WithService("two"), spine.WithOrgan(sink("b", pongs)))
		one.Publish(ping{1})
		one.Idle()
		two.Idle()
		assert.Equal(t, []pong{{1}}, pongs.entries())
		assert.Equal(t, map[string]int{"PONG": 1}, one.Stats().Unwanted)
	})
}

func TestANewServiceStartsWhereItSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory(spine.WithRetain(time.Hour))
		_, err := quiet(t, m, spine.WithService("old"), spine.WithOrgan(sink("a", newDiary[ping]()))).RunUntilIdle(t.Context(), ping{1})
		require.NoError(t, err)
		late, later := newDiary[ping](), newDiary[ping]()
		all := spinetest.Start(t, m.Attach(), spine.WithService("all"), spine.WithOrgan(sink("a", late)))
		fresh := spinetest.Start(t, m.Attach(), spine.WithService("fresh"), spine.WithStart(spine.FromNow), spine.WithOrgan(sink("a", later)))
		all.Publish(ping{2})
		all.Idle()
		fresh.Idle()
		assert.Equal(t, []ping{{1}, {2}}, late.entries())
		assert.Equal(t, []ping{{2}}, later.entries())
	})
}

func TestTheChainIsToldByTheEnvelope(t *testing.T) {
	bubble(t, func(t *testing.T) {
		relay := actors.NewOrgan("relay", actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
			return actors.Emit(actors.With(pong{ev.Payload.N}, actors.Meta("step", "two"), actors.Key("chosen"))), nil
		}))
		last := actors.NewOrgan("last", actors.On(func(_ context.Context, ev actors.EventOf[pong]) ([]actors.Payload, error) {
			return actors.Emit(text{"end"}), nil
		}))
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(relay), spine.WithOrgan(last), spine.WithOrgan(sink("end", newDiary[text]())))
		root := r.Publish(actors.With(ping{1}, actors.Meta("tenant", "t1"), actors.Meta("traceparent", "00-abc-def-01")))[0]
		got := r.Settled(3)
		a, b, c := got[0].Event, got[1].Event, got[2].Event
		assert.Equal(t, []actors.ID{root, root, root}, []actors.ID{a.Correlation(), b.Correlation(), c.Correlation()})
		assert.Equal(t, []actors.ID{{}, a.ID(), b.ID()}, []actors.ID{a.Causation(), b.Causation(), c.Causation()})
		assert.Equal(t, []int{0, 1, 2}, []int{a.Hops(), b.Hops(), c.Hops()})
		assert.Equal(t, map[string]string{"tenant": "t1", "step": "two"}, c.MetaAll(), "inherited")
		assert.Equal(t, "00-abc-def-01", c.Traceparent())
		assert.Equal(t, "chosen", b.Key())
		assert.False(t, c.HasKey(), "an emission without a key of its own has none")
	})
}

func TestEffectKeyStaysAndAttemptCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		effects, attempts := newDiary[string](), newDiary[int]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(failing("mailer", func(ctx context.Context, _ int) error {
				effects.add(actors.EffectKey(ctx))
				attempts.add(actors.Attempt(ctx))
				return errBad
			})))
		id := r.Publish(ping{1})[0]
		r.Idle()
		key := id.String() + "/mailer"
		assert.Equal(t, []string{key, key, key}, effects.entries())
		assert.Equal(t, []int{1, 2, 3}, attempts.entries())
	})
}

// The id of an emission follows from its parent, so a repeated attempt emits the same event.
func TestEmissionsOfARepeatedAttemptHaveTheSameIDs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		run := func(id actors.ID) actors.ID {
			var emitted actors.ID
			s := quiet(t, spine.NewMemory(), spine.WithOrgan(actors.NewOrgan("a",
				actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
					return actors.Emit(pong{1}), nil
				}))), spine.WithHooks(spine.Hooks{Acked: func(_ actors.Event, out []actors.Event) {
				if len(out) > 0 {
					emitted = out[0].ID()
				}
			}}))
			_, err := s.RunUntilIdle(t.Context(), actors.With(ping{1}, id))
			require.NoError(t, err)
			return emitted
		}
		id := actors.NewID()
		assert.Equal(t, run(id), run(id))
		assert.NotEqual(t, run(id), run(actors.NewID()))
	})
}
