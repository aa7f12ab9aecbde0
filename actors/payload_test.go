package actors_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// chosenID is an id that a publisher has chosen.
var chosenID = actors.NewID()

// decorated is what an event of p, published at birth, must look like.
type decorated struct {
	p       actors.Payload
	key     string
	due     time.Time
	user    string
	hasID   bool
	trace   string
	unkeyed bool
}

func (d decorated) check(t *testing.T) {
	t.Parallel()
	ev, err := publisher().Root(d.p, birth)
	require.NoError(t, err)
	assert.Equal(t, d.key, ev.Key())
	assert.Equal(t, !d.unkeyed, ev.HasKey())
	assert.Equal(t, d.due, ev.Due())
	assert.Equal(t, d.user, ev.Meta("user"))
	assert.Equal(t, d.trace, ev.Traceparent())
	assert.Equal(t, d.hasID, ev.ID() == chosenID)
	assert.Equal(t, d.p.EventType(), ev.Type())
	assert.Equal(t, actors.Unwrap(d.p).EventType(), ev.Type())
}

func TestDecorations(t *testing.T) {
	t.Parallel()
	plain := Ordered{Account: "a"}
	for name, d := range map[string]decorated{
		"bare":                     {p: plain, key: "a"},
		"bare without key":         {p: Ping{}, unkeyed: true},
		"key over the payload's":   {p: actors.With(plain, actors.Key("b")), key: "b"},
		"key for one without":      {p: actors.With(Ping{}, actors.Key("b")), key: "b"},
		"later key":                {p: actors.With(plain, actors.Key("b"), actors.Key("c")), key: "c"},
		"outer key":                {p: actors.With(actors.With(plain, actors.Key("b")), actors.Key("c")), key: "c"},
		"id":                       {p: actors.With(plain, chosenID), key: "a", hasID: true},
		"id kept by an outer With": {p: actors.With(actors.With(plain, chosenID), actors.Key("b")), key: "b", hasID: true},
		"outer id":                 {p: actors.With(actors.With(plain, actors.NewID()), chosenID), key: "a", hasID: true},
		"meta":                     {p: actors.With(plain, actors.Meta("user", "ann")), key: "a", user: "ann"},
		"later meta":               {p: actors.With(plain, actors.Meta("user", "ann"), actors.Meta("user", "bob")), key: "a", user: "bob"},
		"outer meta":               {p: actors.With(actors.With(plain, actors.Meta("user", "ann")), actors.Meta("user", "bob")), key: "a", user: "bob"},
		"traceparent":              {p: actors.With(plain, actors.Meta("traceparent", "00-t")), key: "a", trace: "00-t"},
	} {
		t.Run(name, d.check)
	}
}

func TestDelaysInAllCombinations(t *testing.T) {
	t.Parallel()
	plain := Ordered{Account: "a"}
	noon := birth.Add(time.Hour)
	in := func(d time.Duration) time.Time { return birth.Add(d).Truncate(time.Microsecond) }
	for name, d := range map[string]decorated{
		"after":                        {p: actors.After(time.Minute, plain), key: "a", due: in(time.Minute)},
		"after as decoration":          {p: actors.With(plain, actors.After(time.Minute)), key: "a", due: in(time.Minute)},
		"at":                           {p: actors.With(plain, actors.At(noon)), key: "a", due: noon.Truncate(time.Microsecond).Add(time.Microsecond)},
		"at in the past":               {p: actors.With(plain, actors.At(birth.Add(-time.Hour).Truncate(time.Second))), key: "a", due: birth.Add(-time.Hour).Truncate(time.Second)},
		"at the zero time":             {p: actors.With(plain, actors.At(time.Time{})), key: "a"},
		"after nothing":                {p: actors.After(0, plain), key: "a"},
		"after less than nothing":      {p: actors.After(-time.Second, plain), key: "a"},
		"after over at":                {p: actors.With(plain, actors.At(noon), actors.After(time.Minute)), key: "a", due: in(time.Minute)},
		"at over after":                {p: actors.With(plain, actors.After(time.Minute), actors.At(noon.Truncate(time.Second))), key: "a", due: noon.Truncate(time.Second)},
		"after nothing over at":        {p: actors.With(plain, actors.At(noon), actors.After(0)), key: "a"},
		"outer after nothing":          {p: actors.With(actors.With(plain, actors.At(noon)), actors.After(0)), key: "a"},
		"with around after":            {p: actors.With(actors.After(time.Minute, plain), actors.Key("b")), key: "b", due: in(time.Minute)},
		"with around after, retimed":   {p: actors.With(actors.After(time.Minute, plain), actors.After(time.Hour)), key: "a", due: in(time.Hour)},
		"with around after, at":        {p: actors.With(actors.After(time.Minute, plain), actors.At(noon.Truncate(time.Second))), key: "a", due: noon.Truncate(time.Second)},
		"with around after, undelayed": {p: actors.With(actors.After(time.Minute, plain), actors.After(0)), key: "a"},
		"after around with": {
			p:   actors.After(time.Minute, actors.With(plain, chosenID, actors.Key("b"), actors.Meta("user", "ann"), actors.At(noon))),
			key: "b", due: in(time.Minute), user: "ann", hasID: true,
		},
		"after around after": {p: actors.After(time.Minute, actors.After(time.Hour, plain)), key: "a", due: in(time.Minute)},
		"after a nanosecond": {p: actors.After(time.Nanosecond, plain), key: "a", due: in(0).Add(time.Microsecond)},
		"after for ever":     {p: actors.After(math.MaxInt64, plain), key: "a", due: in(0).Add(math.MaxInt64).Truncate(time.Microsecond).Add(time.Microsecond)},
		"everything": {
			p: actors.With(actors.After(time.Minute, actors.With(plain, actors.Key("b"))),
				chosenID, actors.Meta("user", "ann"), actors.Meta("traceparent", "00-t")),
			key: "b", due: in(time.Minute), user: "ann", hasID: true, trace: "00-t",
		},
	} {
		t.Run(name, d.check)
	}
}

func TestDecorationMisuseIsReported(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		p    actors.Payload
		want string
	}{
		"nil":                          {nil, "payload is nil"},
		"nil in With":                  {actors.With(nil, actors.Key("a")), "payload is nil"},
		"nil in After":                 {actors.After(time.Second, nil), "payload is nil"},
		"nil decoration":               {actors.With(Ping{}, nil), "nil decoration"},
		"After alone":                  {actors.After(time.Second), "After(1s) has 0 payloads"},
		"After alone in With":          {actors.With(actors.After(time.Second), actors.Key("a")), "After(1s) has 0 payloads"},
		"After of two":                 {actors.After(time.Second, Ping{}, Ping{}), "After(1s) has 2 payloads"},
		"After of two in With":         {actors.With(actors.After(time.Second, Ping{}, Ping{}), actors.Key("a")), "After(1s) has 2 payloads"},
		"After with payload decorates": {actors.With(Ping{}, actors.After(time.Second, Picky{})), "After(1s, PICKY) decorates"},
		"misuse inside":                {actors.With(actors.With(Ping{}, nil), actors.Key("a")), "nil decoration"},
		"empty key":                    {actors.With(Ping{}, actors.Key("")), `key is empty: ""`},
		"nil pointer":                  {(*Note)(nil), "nil *actors_test.Note"},
		"nil pointer in With":          {actors.With((*Note)(nil), actors.Key("a")), "nil *actors_test.Note"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := publisher().Root(tt.p, birth)
			requireMentions(t, err, tt.want)
			_, err = publisher().Emission(root(t, Ping{}), 0, tt.p, birth)
			requireMentions(t, err, tt.want)
		})
	}
}

func TestDecoratingTwiceFromOnePayload(t *testing.T) {
	t.Parallel()
	base := actors.With(Ping{}, actors.Meta("a", "1"), actors.Meta("b", "2"), actors.Meta("c", "3"))
	left, right := root(t, actors.With(base, actors.Meta("side", "left"))), root(t, actors.With(base, actors.Meta("side", "right")))
	assert.Equal(t, "left", left.Meta("side"))
	assert.Equal(t, "right", right.Meta("side"))
	assert.Empty(t, root(t, base).Meta("side"))
}

func TestOuterMetaAddsToTheInner(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.With(actors.With(Ping{}, actors.Meta("user", "ann")), actors.Meta("shop", "7")))
	assert.Equal(t, map[string]string{"user": "ann", "shop": "7"}, ev.MetaAll())
}

func TestUnwrapFindsThePayload(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Ping{N: 1}, actors.Unwrap(Ping{N: 1}))
	assert.Equal(t, Ping{N: 1}, actors.Unwrap(actors.With(actors.After(time.Second, actors.With(Ping{N: 1})), actors.Key("a"))))
	assert.Nil(t, actors.Unwrap(actors.After(time.Second)))
	assert.Nil(t, actors.Unwrap(nil))
}

func TestDecoratedPayloadsTellTheirType(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "PING", actors.With(Ping{}, actors.Key("a")).EventType())
	assert.Equal(t, "PING", actors.After(time.Second, Ping{}).EventType())
	assert.Empty(t, actors.After(time.Second).EventType())
	assert.Empty(t, actors.With(nil).EventType())
}

func TestEmitCollects(t *testing.T) {
	t.Parallel()
	assert.Empty(t, actors.Emit())
	assert.Equal(t, []actors.Payload{Ping{N: 1}, Picky{}}, actors.Emit(Ping{N: 1}, Picky{}))
}
