package actors_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// manyMeta is n strings of metadata whose values have size bytes.
func manyMeta(n, size int) []actors.Decoration {
	ds := make([]actors.Decoration, n)
	for i := range ds {
		ds[i] = actors.Meta(fmt.Sprintf("m%02d", i), strings.Repeat("v", size))
	}
	return ds
}

func TestEmissionContinuesItsChain(t *testing.T) {
	t.Parallel()
	first := root(t, Ordered{Account: "a"})
	second := emission(t, first, Ping{})
	third := emission(t, second, Ping{})
	assert.Equal(t, first.ID(), second.Causation())
	assert.Equal(t, second.ID(), third.Causation())
	assert.Equal(t, first.ID(), third.Correlation())
	assert.Equal(t, []int{0, 1, 2}, []int{first.Hops(), second.Hops(), third.Hops()})
	assert.False(t, second.HasKey(), "a key is not inherited")
	assert.Equal(t, "b", emission(t, first, Ordered{Account: "b"}).Key())
}

func TestDelayIsNotInherited(t *testing.T) {
	t.Parallel()
	parent := root(t, actors.With(Ping{}, actors.After(time.Hour), actors.Meta("tenant", "a")))
	require.False(t, parent.Due().IsZero())
	child := emission(t, parent, Ping{})
	assert.True(t, child.Due().IsZero(), "what a delayed event leads to comes at once")
	assert.Equal(t, 1, child.Hops())
	assert.Equal(t, "a", child.Meta("tenant"))
	late := emission(t, root(t, actors.With(Ping{}, actors.Meta("tenant", "a"))), actors.After(time.Minute, Ping{}))
	assert.False(t, late.Due().IsZero())
	assert.Equal(t, "a", late.Meta("tenant"), "a delay keeps what is inherited")
}

func TestDelayOfASecondStartsHopsAgain(t *testing.T) {
	t.Parallel()
	parent := emission(t, root(t, Ping{}), Ping{})
	at := func(d time.Duration) actors.Decoration { return actors.At(birth.Truncate(time.Microsecond).Add(d)) }
	tests := map[string]struct {
		p    actors.Payload
		hops int
	}{
		"at once":           {Ping{}, 2},
		"just short of it":  {actors.After(time.Second-time.Microsecond, Ping{}), 2},
		"a second":          {actors.After(time.Second, Ping{}), 0},
		"an hour":           {actors.After(time.Hour, Ping{}), 0},
		"until almost then": {actors.With(Ping{}, at(time.Second-time.Microsecond)), 2},
		"until then":        {actors.With(Ping{}, at(time.Second)), 0},
		"until the past":    {actors.With(Ping{}, at(-time.Hour)), 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := emission(t, parent, tt.p)
			assert.Equal(t, tt.hops, child.Hops())
			assert.Equal(t, parent.Correlation(), child.Correlation(), "the chain's name stays")
		})
	}
}

func TestHopsDoNotWrapAround(t *testing.T) {
	t.Parallel()
	ev := arrived(t, root(t, Ping{}))
	data, err := ev.MarshalBinary()
	require.NoError(t, err)
	require.NoError(t, ev.UnmarshalBinary(append(data, 0x58, 0xff, 0xff, 0x03))) // hops = 65535
	require.Equal(t, math.MaxUint16, ev.Hops())
	assert.Equal(t, math.MaxUint16, emission(t, ev, Ping{}).Hops())
}

func TestEmissionRefusesAnID(t *testing.T) {
	t.Parallel()
	id := actors.NewID()
	_, err := publisher().Emission(root(t, Ping{}), 0, actors.With(Ping{}, id), birth)
	require.ErrorIs(t, err, actors.ErrEmissionID)
	requireMentions(t, err, "PING", id.String())
}

func TestMetaIsInheritedAndRemoved(t *testing.T) {
	t.Parallel()
	parent := root(t, actors.With(Ping{}, actors.Meta("user", "ann"), actors.Meta("shop", "7"), actors.Meta("traceparent", "00-t")))
	same := emission(t, parent, Ping{})
	assert.Equal(t, map[string]string{"user": "ann", "shop": "7"}, same.MetaAll())
	assert.Equal(t, "00-t", same.Traceparent())

	other := emission(t, parent, actors.With(Ping{}, actors.Meta("user", ""), actors.Meta("shop", "8"), actors.Meta("till", "1")))
	assert.Equal(t, map[string]string{"shop": "8", "till": "1"}, other.MetaAll())
	assert.Equal(t, "00-t", other.Traceparent())
	bare := emission(t, parent, actors.With(Ping{}, actors.Meta("user", ""), actors.Meta("shop", ""), actors.Meta("traceparent", "")))
	assert.Nil(t, bare.MetaAll())
	assert.Empty(t, bare.Traceparent())
	assert.Equal(t, map[string]string{"user": "ann", "shop": "7"}, parent.MetaAll(), "the parent's stays")
}

func TestMetaLimits(t *testing.T) {
	t.Parallel()
	const name, full = 3, actors.MetaSizeLimit / 8 // manyMeta's names have 3 bytes
	tests := map[string]struct {
		ds   []actors.Decoration
		want string
	}{
		"most strings":       {manyMeta(actors.MetaCountLimit, 1), ""},
		"one too many":       {manyMeta(actors.MetaCountLimit+1, 1), "meta has 17 strings, the limit is 16"},
		"most bytes":         {manyMeta(8, full-name), ""},
		"one byte too many":  {append(manyMeta(8, full-name), actors.Meta("m00", strings.Repeat("v", full-name+1))), "meta has 1025 bytes, the limit is 1024"},
		"traceparent counts": {append(manyMeta(8, full-name), actors.Meta("traceparent", "0")), "meta has 1025 bytes"},
		"bytes, not letters": {[]actors.Decoration{actors.Meta("m", strings.Repeat("é", 512))}, "meta has 1025 bytes"},
		"name with a space":  {[]actors.Decoration{actors.Meta("my name", "v")}, `"my name"`},
		"name empty":         {[]actors.Decoration{actors.Meta("", "v")}, "meta name is empty"},
		"removed ones":       {append(manyMeta(actors.MetaCountLimit, 1), actors.Meta("m00", ""), actors.Meta("n", "v")), ""},
		"a long replay_of":   {append(manyMeta(actors.MetaCountLimit, 1), actors.Meta(actors.MetaReplayOf, "x")), "meta has 17 strings"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := publisher().Root(actors.With(Ping{}, tt.ds...), birth)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			requireMentions(t, err, "PING", tt.want)
		})
	}
}

func TestInheritedMetaCountsToo(t *testing.T) {
	t.Parallel()
	parent := root(t, actors.With(Ping{}, manyMeta(actors.MetaCountLimit, 1)...))
	_, err := publisher().Emission(parent, 0, actors.With(Ping{}, actors.Meta("one", "more")), birth)
	var limit *actors.LimitError
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, actors.LimitError{What: "meta", Got: 17, Limit: 16, Unit: "strings"}, *limit)
}

// named has whatever event type and key it is told.
type named struct{ typ, key string }

func (n named) EventType() string { return n.typ }
func (n named) EventKey() string  { return n.key }

func TestUnsafeNamesAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", actors.NameLimit+1)
	tests := map[string]struct {
		p    named
		want string
	}{
		"empty type":   {named{"", "k"}, `event type is empty: ""`},
		"blank type":   {named{" \t", "k"}, `event type is empty`},
		"unsafe type":  {named{"A B", "k"}, `event type "A B" has the character ' '`},
		"long type":    {named{long, "k"}, "event type has 257 bytes, the limit is 256"},
		"empty key":    {named{"A", ""}, `A: unsafe name: EventKey() returned an empty string`},
		"unsafe key":   {named{"A", "k\n"}, `key "k\n" has the character '\n'`},
		"foreign key":  {named{"A", "schlüssel"}, `has the character 'ü'`},
		"long key":     {named{"A", long}, "key has 257 bytes, the limit is 256"},
		"longest key":  {named{"A", long[1:]}, ""},
		"longest type": {named{long[1:], "k"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := publisher().Root(tt.p, birth)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			requireMentions(t, err, tt.want)
		})
	}
}

// TestTypeIsCheckedAgainAfterAnother: a Stamper remembers the type it has checked last.
func TestTypeIsCheckedAgainAfterAnother(t *testing.T) {
	t.Parallel()
	s := publisher()
	for range 2 {
		_, err := s.Root(named{"A", "k"}, birth)
		require.NoError(t, err)
		_, err = s.Root(named{"A B", "k"}, birth)
		require.ErrorIs(t, err, actors.ErrName)
		_, err = s.Root(named{"", "k"}, birth)
		require.ErrorIs(t, err, actors.ErrName)
	}
}

func TestInvalidPayloadIsNoEvent(t *testing.T) {
	t.Parallel()
	_, err := publisher().Root(Picky{N: -1}, birth)
	requireMentions(t, err, "PICKY", "n is negative")
	assert.Equal(t, actors.KindInvalid, kindOf(err))
	_, err = publisher().Emission(root(t, Ping{}), 0, &Note{Key: "k"}, birth)
	assert.Equal(t, actors.KindInvalid, kindOf(err))
}

// Three payloads by value with one optional method on the pointer, which nobody would call.
type (
	deafValidator struct{}
	deafKey       struct{}
	deafHistory   struct{}
)

func (deafValidator) EventType() string          { return "DEAF_1" }
func (*deafValidator) Validate() error           { return nil }
func (deafKey) EventType() string                { return "DEAF_2" }
func (*deafKey) EventKey() string                { return "k" }
func (deafHistory) EventType() string            { return "DEAF_3" }
func (*deafHistory) EventHistory() []actors.Past { return nil }

func TestMethodsThatNobodyWouldCallAreRefused(t *testing.T) {
	t.Parallel()
	s := publisher()
	for method, p := range map[string]actors.Payload{"Validate": deafValidator{}, "EventKey": deafKey{}, "EventHistory": deafHistory{}} {
		_, err := s.Root(p, birth)
		requireMentions(t, err, fmt.Sprintf("%T", p), method)
	}
	_, err := s.Root(&deafKey{}, birth)
	require.NoError(t, err, "by pointer they are called")
}

func TestPayloadLimitIsExact(t *testing.T) {
	t.Parallel()
	const around = len(`{"account":"a","cents":0,"tags":[""]}`)
	text := func(bytes int) Ordered { return Ordered{Account: "a", Tags: []string{strings.Repeat("é", bytes/2)}} }
	for _, limit := range []int{0, 1001 + around} {
		s := actors.NewStamper(actors.StamperOptions{Encode: true, Limits: actors.Limits{Payload: limit}})
		if limit == 0 {
			limit = actors.DefaultPayloadLimit
		}
		p := text((limit - around) / 2 * 2)
		p.Tags[0] += strings.Repeat("x", (limit-around)%2)
		ev, err := s.Root(p, birth)
		require.NoError(t, err)
		assert.Equal(t, limit+256, ev.Size())

		p.Tags[0] += "x"
		_, err = s.Root(p, birth)
		var over *actors.LimitError
		require.ErrorAs(t, err, &over)
		assert.Equal(t, actors.LimitError{What: "payload of ORDERED", Got: limit + 1, Limit: limit, Unit: "bytes"}, *over)
	}
}

func TestSizeIsNotCheckedWithoutEncoding(t *testing.T) {
	t.Parallel()
	big := Ordered{Account: "a", Tags: []string{strings.Repeat("x", actors.DefaultPayloadLimit)}}
	ev := root(t, big)
	var over *actors.LimitError
	require.ErrorAs(t, actors.Limits{}.Check(ev), &over)
	require.NoError(t, actors.Limits{Payload: 2 * actors.DefaultPayloadLimit}.Check(ev))
}

func TestEnvelopeLimitIsExact(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.With(Ping{}, manyMeta(10, 50)...))
	data, err := ev.MarshalBinary()
	require.NoError(t, err)
	envelope := len(data) - len(`{"n":0}`) - 2 // tag and length of the payload
	require.NoError(t, actors.Limits{Envelope: envelope}.Check(ev))
	err = actors.Limits{Envelope: envelope - 1}.Check(ev)
	requireMentions(t, err, "envelope of PING", fmt.Sprintf("has %d bytes, the limit is %d", envelope, envelope-1))
}

func TestLimitDefaults(t *testing.T) {
	t.Parallel()
	assert.Equal(t, actors.Limits{Payload: 1_000_000, Envelope: 16 << 10, Hops: 64}, actors.Limits{}.WithDefaults())
	set := actors.Limits{Payload: 1, Envelope: 2, Hops: 3}
	assert.Equal(t, set, set.WithDefaults())
}

func TestUnencodablePayloadsAreRefusedWhereBytesAreNeeded(t *testing.T) {
	t.Parallel()
	s := actors.NewStamper(actors.StamperOptions{Encode: true})
	tests := map[string]actors.Payload{
		"NaN":        weight{math.NaN()},
		"a channel":  channel{make(chan int)},
		"an array":   Odd{`[1,2]`},
		"a number":   Odd{`7`},
		"a string":   Odd{`"x"`},
		"null":       Odd{`null`},
		"broken":     Odd{`{"a"`},
		"nothing":    Odd{``},
		"a nil map":  table(nil),
		"raw broken": actors.Raw{Type: "RAW", Data: []byte(`{`)},
		"raw array":  actors.Raw{Type: "RAW", Data: []byte(`[]`)},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev, err := publisher().Root(p, birth)
			require.NoError(t, err, "in memory nothing is encoded")
			_, _, err = ev.Data()
			require.ErrorIs(t, err, actors.ErrEncode)
			requireMentions(t, err, p.EventType())
			_, err = ev.MarshalBinary()
			require.ErrorIs(t, err, actors.ErrEncode)
			_, err = ev.MarshalJSON()
			require.ErrorIs(t, err, actors.ErrEncode)
			assert.Equal(t, actors.KindUndecodable, kindOf(second(actors.Decode[Ping](ev))))
		})
		_, err := s.Root(p, birth)
		require.ErrorIs(t, err, actors.ErrEncode, name)
	}
}

func second[A any](_ A, err error) error { return err }

type weight struct{ Kilos float64 }

func (weight) EventType() string { return "WEIGHT" }

type channel struct{ C chan int }

func (channel) EventType() string { return "CHANNEL" }

type table map[string]string

func (table) EventType() string { return "TABLE" }
