package host_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// text is an emission of a size.
type text struct{ S string }

func (text) EventType() string { return "TEXT" }

// emitting is an organ that emits ps for every ping.
func emitting(ps ...actors.Payload) actors.Organ {
	return pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) { return ps, nil })
}

func TestEmissionsThatCannotBeAppended(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]actors.Payload{pong{}}, 10_001)
	megabyte := text{strings.Repeat("x", 999_000)}
	encode := host.OrganConfig{Encode: true}
	for name, c := range map[string]struct {
		emit   []actors.Payload
		config host.OrganConfig
		want   string
	}{
		"too many":                {many, host.OrganConfig{}, "one handling of PING has 10001 emissions, the limit is 10000"},
		"as many as allowed":      {many[:10_000], host.OrganConfig{}, ""},
		"fewer allowed":           {many[:3], host.OrganConfig{MaxEmissions: 2}, "has 3 emissions, the limit is 2"},
		"too many bytes":          {slices.Repeat([]actors.Payload{megabyte}, 5), encode, "bytes of emissions, the limit is 4194304"},
		"bytes that nobody makes": {slices.Repeat([]actors.Payload{megabyte}, 5), host.OrganConfig{}, ""},
		"payload too large":       {actors.Emit(text{strings.Repeat("x", 1_000_000)}), encode, "payload of TEXT has 1000008 bytes"},
		"no JSON":                 {actors.Emit(pong{}, unencodable{}), encode, "emission 2 of 2: actors: payload does not encode"},
		"no JSON, never encoded":  {actors.Emit(unencodable{}), host.OrganConfig{}, ""},
		"nil":                     {actors.Emit(nil), host.OrganConfig{}, "payload is nil"},
		"an id of its own":        {actors.Emit(actors.With(pong{}, actors.NewID())), host.OrganConfig{}, "an emission derives its id"},
		"unsafe key":              {actors.Emit(keyed{Key: " "}), host.OrganConfig{}, "key is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := own(t, emitting(c.emit...), c.config)
				b := o.run(pings(t, 1)...)
				if c.want == "" {
					require.Equal(t, all(host.Handled, 1), codes(b))
					assert.Len(t, b.Outcomes[0].Emitted, len(c.emit))
					return
				}
				require.Equal(t, all(host.Failed, 1), codes(b))
				assert.Equal(t, actors.KindEnqueue, b.Outcomes[0].Failure.Kind)
				assert.ErrorContains(t, b.Outcomes[0].Failure.Err, c.want)
				assert.Empty(t, b.Outcomes[0].Emitted)
				assert.False(t, b.Down)
			})
		})
	}
}

func TestEmissionsOfOneBatchDoNotTouchEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
			return slices.Repeat([]actors.Payload{pong{ev.Payload.N}}, ev.Payload.N), nil
		}), host.OrganConfig{})
		b := o.run(pings(t, 20)...)
		for i, out := range b.Outcomes {
			require.Len(t, out.Emitted, i)
			require.Equal(t, i, cap(out.Emitted), "an append must not reach into the neighbour")
			for _, ev := range out.Emitted {
				p, err := actors.Decode[pong](ev)
				require.NoError(t, err)
				require.Equal(t, pong{i}, p)
			}
		}
	})
}

// list is a payload that a handler may change by mistake.
type list struct{ Items []int }

func (list) EventType() string { return "LIST" }

func TestCheckingModeFindsAChangedPayload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, actors.NewOrgan("checked", actors.On(func(_ context.Context, ev actors.EventOf[list]) ([]actors.Payload, error) {
			if len(ev.Payload.Items) > 1 {
				ev.Payload.Items[0] = 9
			}
			return actors.Emit(list{[]int{1}}), nil
		})), host.OrganConfig{Checking: true})
		checked := actors.NewStamper(actors.StamperOptions{Checking: true})
		small, err := checked.Root(list{[]int{1}}, epoch)
		require.NoError(t, err)
		large, err := checked.Root(list{[]int{1, 2}}, epoch)
		require.NoError(t, err)
		b := o.run(small, large)
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed}, codes(b))
		assert.ErrorIs(t, b.Outcomes[1].Failure.Err, actors.ErrMutated)
		assert.Equal(t, actors.KindPermanent, b.Outcomes[1].Failure.Kind)
		data, _, err := b.Outcomes[0].Emitted[0].Data()
		require.NoError(t, err)
		assert.JSONEq(t, `{"Items":[1]}`, string(data))
	})
}
