package actors_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func TestZeroEventIsNone(t *testing.T) {
	t.Parallel()
	assert.True(t, actors.Event{}.IsZero())
	assert.False(t, root(t, Ping{}).IsZero())
}

func TestTimeIsUTCInMicroseconds(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("far", 9*3600)
	ev, err := publisher().Root(Ping{}, birth.In(zone))
	require.NoError(t, err)
	want := birth.Truncate(time.Microsecond)
	assert.Equal(t, want, ev.Time())
	assert.Equal(t, time.UTC, ev.Time().Location())
	assert.Equal(t, want, arrived(t, ev).Time(), "an event reads the same before and after the wire")

	early, err := publisher().Root(Ping{}, time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC))
	require.NoError(t, err)
	assert.Equal(t, 999_999_000, early.Time().Nanosecond(), "before 1970 the time is rounded down too")
}

func TestFirstEventOfAChain(t *testing.T) {
	t.Parallel()
	ev := root(t, Ping{})
	assert.Equal(t, "PING", ev.Type())
	assert.Equal(t, ev.ID(), ev.Correlation())
	assert.True(t, ev.Causation().IsZero())
	assert.Zero(t, ev.Hops())
	assert.True(t, ev.Due().IsZero())
	assert.Empty(t, ev.Key())
	assert.False(t, ev.HasKey())
	assert.Empty(t, ev.Traceparent())
	assert.Empty(t, ev.Only())
	assert.Nil(t, ev.MetaAll())
	assert.Empty(t, ev.Meta("any"))
}

func TestEncodingHappensOnceWhoeverAsks(t *testing.T) {
	t.Parallel()
	counted := Counted{encoded: new(atomic.Int32)}
	ev := root(t, counted)
	assert.Zero(t, counted.encoded.Load(), "nothing is encoded before bytes are needed")

	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			data, encoding, err := ev.Data()
			assert.NoError(t, err)
			assert.Equal(t, actors.JSON, encoding)
			assert.JSONEq(t, `{"n":1}`, string(data))
		})
	}
	readers.Wait()
	_, err := ev.MarshalBinary()
	require.NoError(t, err)
	_, err = ev.MarshalJSON()
	require.NoError(t, err)
	assert.EqualValues(t, 1, counted.encoded.Load())
}

func TestSizeIsAGuessUntilEncoded(t *testing.T) {
	t.Parallel()
	ev := root(t, Ordered{Account: "a", Tags: make([]string, 1000)})
	guess := ev.Size()
	data, _, err := ev.Data()
	require.NoError(t, err)
	assert.Equal(t, 512, guess)
	assert.Equal(t, len(data)+256, ev.Size())
	assert.Equal(t, ev.Size(), arrived(t, ev).Size())
}

func TestMetaIsACopy(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.With(Ping{}, actors.Meta("user", "ann")))
	ev.MetaAll()["user"] = "bob"
	assert.Equal(t, "ann", ev.Meta("user"))
}

func TestReplayIsForOneOrgan(t *testing.T) {
	t.Parallel()
	parent := root(t, actors.With(Ping{}, actors.Meta("user", "ann")))
	dead := emission(t, parent, actors.After(time.Minute, actors.With(Ordered{Account: "a", Cents: 1}, actors.Meta("traceparent", "00-t"))))
	id := actors.NewID()

	again, err := dead.Replay(id, "shop", "billing", nil)
	require.NoError(t, err)
	assert.Equal(t, id, again.ID())
	assert.Equal(t, "shop/billing", again.Only())
	assert.Equal(t, map[string]string{"user": "ann", actors.MetaReplayOf: dead.ID().String()}, again.MetaAll())
	assert.Equal(t, "00-t", again.Traceparent())
	assert.Equal(t, "a", again.Key())
	assert.Equal(t, dead.Time(), again.Time())
	assert.Equal(t, parent.ID(), again.Causation())
	assert.Equal(t, parent.ID(), again.Correlation())
	assert.Zero(t, again.Hops())
	assert.True(t, again.Due().IsZero())
	p, err := actors.Decode[Ordered](again)
	require.NoError(t, err)
	assert.Equal(t, Ordered{Account: "a", Cents: 1}, p)

	assert.Empty(t, dead.Only(), "the dead letter's own event must not change")
	assert.Equal(t, map[string]string{"user": "ann"}, dead.MetaAll())
}

func TestOnlyDrawnIDsAreRandom(t *testing.T) {
	t.Parallel()
	drawn := root(t, Ping{})
	assert.True(t, drawn.RandomID())
	assert.True(t, checked(t, Ping{}).RandomID())
	assert.False(t, root(t, actors.With(Ping{}, actors.NewID())).RandomID(), "the publisher's may come twice")
	assert.False(t, emission(t, drawn, Ping{}).RandomID(), "a derived one may come twice")
	assert.False(t, arrived(t, drawn).RandomID(), "another process may send it again")
	again, err := drawn.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	assert.False(t, again.RandomID(), "the caller's may come twice")
}

func TestReplayOfAFirstEventKeepsItsCorrelation(t *testing.T) {
	t.Parallel()
	dead := root(t, Ping{})
	again, err := dead.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	assert.Equal(t, dead.ID(), again.Correlation())
	assert.Equal(t, dead.ID(), arrived(t, again).Correlation())
}

func TestReplayWithAnotherPayload(t *testing.T) {
	t.Parallel()
	dead := arrived(t, root(t, Picky{N: 1}))
	again, err := dead.Replay(actors.NewID(), "shop", "billing", actors.With(Picky{N: 2}, actors.Key("ignored")))
	require.NoError(t, err)
	assert.False(t, again.HasKey())
	p, err := actors.Decode[Picky](arrived(t, again))
	require.NoError(t, err)
	assert.Equal(t, 2, p.N)

	_, err = dead.Replay(actors.NewID(), "shop", "billing", Ping{})
	requireMentions(t, err, "PICKY", `"PING"`)
	_, err = dead.Replay(actors.NewID(), "shop", "billing", Picky{N: -1})
	assert.Equal(t, actors.KindInvalid, kindOf(err))
	_, err = dead.Replay(actors.NewID(), "shop", "billing", actors.After(time.Second))
	requireMentions(t, err, "0 payloads")
	_, err = dead.Replay(actors.NewID(), "shop", "billing", (*Note)(nil))
	requireMentions(t, err, "nil *actors_test.Note")
}

// TestFullMetadataCanBeReplayed: the event with the most metadata must not be the one
// dead letter that nobody can run again.
func TestFullMetadataCanBeReplayed(t *testing.T) {
	t.Parallel()
	dead := root(t, actors.With(Ping{}, manyMeta(actors.MetaCountLimit, 1)...))
	again, err := dead.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	once := arrived(t, again)
	assert.Len(t, once.MetaAll(), actors.MetaCountLimit+1)

	twice, err := once.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	assert.Equal(t, once.ID().String(), twice.Meta(actors.MetaReplayOf))
}

func TestEmissionOfAReplayIsForEverybody(t *testing.T) {
	t.Parallel()
	again, err := root(t, Ping{}).Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	child := emission(t, again, Ping{})
	assert.Empty(t, child.Only())
	assert.Equal(t, again.Meta(actors.MetaReplayOf), child.Meta(actors.MetaReplayOf))
	assert.Equal(t, "shop/billing", again.Only())
}
