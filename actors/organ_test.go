package actors_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
)

func TestOrganKnowsItsNameAndTypes(t *testing.T) {
	t.Parallel()
	o := actors.NewOrgan("audit",
		actors.Sink(ignore[Ping]),
		actors.Sink(ignore[Renamed]),
		actors.Sink(ignore[*Note]),
		actors.Sink(ignore[*Shot]),
		actors.OnAny([]string{"B", "A"}, passAny),
		actors.OnFailed(func(actors.EventOf[Ping], actors.Failure) []actors.Payload { return nil }),
	)
	require.NoError(t, o.Err())
	assert.Equal(t, "audit", o.Name())
	assert.Equal(t, []string{"A", "B", "NEW_NAME", "NOTE", "OLDER_NAME", "OLD_NAME", "PING", "SHOT"}, o.Types())
	assert.True(t, o.WantsFailed("PING"))
	assert.False(t, o.WantsFailed("NOTE"))
	assert.False(t, o.Exclusive())
}

func passAny(context.Context, actors.Event) ([]actors.Payload, error) { return nil, nil }

func failSilently[P actors.Payload](actors.EventOf[P], actors.Failure) []actors.Payload { return nil }

// Payload types that no organ may listen to.
type (
	unnamed  struct{}
	blank    struct{}
	spaced   struct{}
	panicky  struct{ p *Ping }
	amnesiac struct{}
	heir     struct{ Ordered } // answers with Ordered's type
	heirPtr  struct{ *Note }
	heirOf   struct{ Note } // *heirOf answers with *Note's type
	grandson struct{ heir }
	proper   struct{ Ordered }
	bare     struct{ *wirepb.Snapshot }
)

func (unnamed) EventType() string            { return "" }
func (blank) EventType() string              { return "  " }
func (spaced) EventType() string             { return "A B" }
func (p panicky) EventType() string          { return []string{"PANICKY"}[p.p.N] }
func (amnesiac) EventType() string           { return "AMNESIAC" }
func (amnesiac) EventHistory() []actors.Past { panic("forgotten") }
func (proper) EventType() string             { return "PROPER" }
func (bare) EventType() string               { return "BARE" }

func TestOrganMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		organ actors.Organ
		want  []string
	}{
		"no name":             {actors.NewOrgan("", actors.Sink(ignore[Ping])), []string{`actors: organ "": unsafe name: organ is empty: ""`}},
		"unsafe name":         {actors.NewOrgan("a b", actors.Sink(ignore[Ping])), []string{`organ "a b"`, `' '`}},
		"long name":           {actors.NewOrgan(strings.Repeat("x", 257), actors.Sink(ignore[Ping])), []string{"organ has 257 bytes"}},
		"no reaction":         {actors.NewOrgan("o"), []string{"listens to no event type"}},
		"only OnFailed":       {actors.NewOrgan("o", actors.OnFailed(failSilently[Ping])), []string{"listens to no event type", "OnFailed for PING"}},
		"only OnStop":         {actors.NewOrgan("o", actors.OnStop(func() {})), []string{"listens to no event type"}},
		"zero reaction":       {actors.NewOrgan("o", actors.Reaction{}), []string{"zero Reaction"}},
		"two for one type":    {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.Sink(ignore[Ping])), []string{"two reactions to PING"}},
		"and by another name": {actors.NewOrgan("o", actors.Sink(ignore[Renamed]), actors.OnAny([]string{"OLD_NAME"}, passAny)), []string{"two reactions to OLD_NAME"}},
		"value and pointer":   {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.Sink(ignore[*Ping])), []string{"two reactions to PING"}},
		"twice in OnAny":      {actors.NewOrgan("o", actors.OnAny([]string{"A", "A"}, passAny)), []string{"two reactions to A"}},
		"nil On":              {actors.NewOrgan("o", actors.On[Ping](nil)), []string{"On[actors_test.Ping] with a nil function"}},
		"nil Map":             {actors.NewOrgan("o", actors.Map[Ping, Renamed](nil)), []string{"Map[actors_test.Ping, actors_test.Renamed] with a nil function"}},
		"nil OnBatch":         {actors.NewOrgan("o", actors.OnBatch[Ping](nil)), []string{"OnBatch[actors_test.Ping] with a nil function"}},
		"nil Sink":            {actors.NewOrgan("o", actors.Sink[Ping](nil)), []string{`"o": Sink[actors_test.Ping] with a nil function`}},
		"nil SinkBatch":       {actors.NewOrgan("o", actors.SinkBatch[Ping](nil)), []string{"SinkBatch[actors_test.Ping] with a nil"}},
		"nil OnAny":           {actors.NewOrgan("o", actors.OnAny([]string{"A"}, nil)), []string{"OnAny with a nil function"}},
		"OnAny of nothing":    {actors.NewOrgan("o", actors.OnAny(nil, passAny)), []string{"OnAny without event types"}},
		"OnAny unsafe":        {actors.NewOrgan("o", actors.OnAny([]string{"A B"}, passAny)), []string{`"A B"`}},
		"nil OnFailed":        {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.OnFailed[Ping](nil)), []string{"OnFailed[actors_test.Ping] with a nil"}},
		"nil OnStop":          {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.OnStop(nil)), []string{"OnStop with a nil"}},
		"two OnFailed":        {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.OnFailed(failSilently[Ping]), actors.OnFailed(failSilently[Ping])), []string{"two OnFailed for PING"}},
		"foreign OnFailed":    {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.OnFailed(failSilently[Picky])), []string{"OnFailed for PICKY, which it does not listen to"}},
		"empty type":          {actors.NewOrgan("o", actors.Sink(ignore[unnamed])), []string{"actors_test.unnamed", "event type is empty"}},
		"blank type":          {actors.NewOrgan("o", actors.Sink(ignore[blank])), []string{"actors_test.blank", "event type is empty"}},
		"unsafe type":         {actors.NewOrgan("o", actors.Sink(ignore[spaced])), []string{"actors_test.spaced", `"A B"`}},
		"panicking type":      {actors.NewOrgan("o", actors.Sink(ignore[panicky])), []string{"actors_test.panicky", "panics on the zero value"}},
		"panicking history":   {actors.NewOrgan("o", actors.Sink(ignore[amnesiac])), []string{"actors_test.amnesiac", "forgotten"}},
		"an interface":        {actors.NewOrgan("o", actors.Sink(ignore[actors.Payload])), []string{"is an interface"}},
		"embedding":           {actors.NewOrgan("o", actors.Sink(ignore[heir])), []string{"heir embeds actors_test.Ordered", `"ORDERED"`}},
		"embedding, pointer":  {actors.NewOrgan("o", actors.Sink(ignore[*heir])), []string{"heir embeds actors_test.Ordered"}},
		"embedding a pointer": {actors.NewOrgan("o", actors.Sink(ignore[heirPtr])), []string{"heirPtr embeds *actors_test.Note"}},
		"methods of pointer":  {actors.NewOrgan("o", actors.Sink(ignore[*heirOf])), []string{"heirOf embeds actors_test.Note"}},
		"embedding twice":     {actors.NewOrgan("o", actors.Sink(ignore[grandson])), []string{"grandson embeds actors_test.heir"}},
		"embedded message":    {actors.NewOrgan("o", actors.Sink(ignore[bare])), []string{"actors_test.bare embeds a pointer to a protobuf message"}},
		"deaf Validate":       {actors.NewOrgan("o", actors.Sink(ignore[deafValidator])), []string{"deafValidator has Validate on its pointer"}},
		"deaf OnFailed":       {actors.NewOrgan("o", actors.Sink(ignore[Ping]), actors.OnFailed(failSilently[deafKey])), []string{"deafKey has EventKey on its pointer"}},
		"zero organ":          {actors.Organ{}, []string{"zero Organ"}},
		"all at once": {
			actors.NewOrgan("a b", actors.On[Ping](nil), actors.Sink(ignore[unnamed]), actors.OnFailed(failSilently[Picky]), actors.Reaction{}),
			[]string{`organ "a b" has`, "On[actors_test.Ping]", "actors_test.unnamed", "PICKY", "zero Reaction"},
		},
		"name and nothing": {actors.NewOrgan("a b"), []string{`organ "a b" has`, "listens to no event type"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.organ.Err()
			require.ErrorIs(t, err, actors.ErrOrgan)
			requireMentions(t, err, tt.want...)
			_, err = tt.organ.Handler()
			require.ErrorIs(t, err, actors.ErrOrgan)
		})
	}
}

func TestEmbeddingWithATypeOfItsOwnIsFine(t *testing.T) {
	t.Parallel()
	require.NoError(t, actors.NewOrgan("o", actors.Sink(ignore[proper]), actors.Sink(ignore[Ordered])).Err())
}

func TestZeroOrganIsHarmless(t *testing.T) {
	t.Parallel()
	var o actors.Organ
	assert.Empty(t, o.Name())
	assert.Empty(t, o.Types())
	assert.False(t, o.WantsFailed("PING"))
	assert.False(t, o.Exclusive())
}

// counter makes instances that count for themselves, and counts them.
type counter struct {
	mu        sync.Mutex
	instances int
	stopped   atomic.Int32
}

func (c *counter) fresh() (actors.Organ, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instances++
	handled := 0
	return actors.NewOrgan("inner",
		actors.On(func(context.Context, actors.EventOf[Ping]) ([]actors.Payload, error) {
			handled++
			return actors.Emit(Ping{N: handled}), nil
		}),
		actors.OnFailed(failSilently[Ping]),
		actors.OnStop(func() { c.stopped.Add(1) }),
	), nil
}

func TestPerWorkerGivesEachItsOwnInstance(t *testing.T) {
	t.Parallel()
	c := &counter{}
	o := actors.PerWorker("outer", c.fresh)
	require.NoError(t, o.Err())
	assert.Equal(t, "outer", o.Name())
	assert.Equal(t, []string{"PING"}, o.Types())
	assert.True(t, o.Exclusive())
	assert.True(t, o.WantsFailed("PING"))
	assert.Equal(t, 1, c.instances, "once, to learn the types")

	first, other := handler(t, o), handler(t, o)
	assert.Equal(t, 2, c.instances, "the first instance is not wasted")
	for want := 1; want <= 2; want++ {
		for _, h := range []*actors.Handler{first, other} {
			out, err := h.Handle(t.Context(), root(t, Ping{}))
			require.NoError(t, err)
			assert.Equal(t, actors.Emit(Ping{N: want}), out)
		}
	}
	first.Stop()
	assert.EqualValues(t, 1, c.stopped.Load())
}

func TestPerWorkerMistakes(t *testing.T) {
	t.Parallel()
	sound := actors.NewOrgan("inner", actors.Sink(ignore[Ping]))
	give := func(o actors.Organ, err error) func() (actors.Organ, error) {
		return func() (actors.Organ, error) { return o, err }
	}
	tests := map[string]struct {
		organ actors.Organ
		want  []string
	}{
		"nil function":   {actors.PerWorker("a b", nil), []string{`organ "a b" has`, "PerWorker without a function"}},
		"error":          {actors.PerWorker("a b", give(actors.Organ{}, io.EOF)), []string{`organ "a b" has`, "first instance: EOF"}},
		"zero organ":     {actors.PerWorker("o", give(actors.Organ{}, nil)), []string{"zero Organ"}},
		"unsafe name":    {actors.PerWorker("a b", give(sound, nil)), []string{`organ "a b" has`}},
		"bad instance":   {actors.PerWorker("o", give(actors.NewOrgan("inner", actors.On[Ping](nil)), nil)), []string{"On[actors_test.Ping]"}},
		"one in another": {actors.PerWorker("o", give(actors.PerWorker("inner", give(sound, nil)), nil)), []string{"itself a PerWorker"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, tt.organ.Err(), actors.ErrOrgan)
			requireMentions(t, tt.organ.Err(), tt.want...)
		})
	}
}

func TestLaterInstanceMustBeLikeTheFirst(t *testing.T) {
	t.Parallel()
	later := map[string]struct {
		organ actors.Organ
		err   error
		want  string
	}{
		"error":       {actors.Organ{}, io.EOF, "EOF"},
		"zero organ":  {actors.Organ{}, nil, "zero Organ"},
		"other types": {actors.NewOrgan("inner", actors.Sink(ignore[Picky])), nil, "listens to [PICKY], the first one to [PING]"},
		"mistakes":    {actors.NewOrgan("inner"), nil, "no event type"},
	}
	for name, tt := range later {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := 0
			o := actors.PerWorker("outer", func() (actors.Organ, error) {
				made++
				if made > 1 {
					return tt.organ, tt.err
				}
				return actors.NewOrgan("inner", actors.Sink(ignore[Ping])), nil
			})
			handler(t, o)
			_, err := o.Handler()
			requireMentions(t, err, "outer", tt.want)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
			}
		})
	}
}

func TestPerWorkerIsKnownByItsOwnName(t *testing.T) {
	t.Parallel()
	o := actors.PerWorker("outer", func() (actors.Organ, error) {
		return actors.NewOrgan("inner", actors.Sink(ignore[Ping])), nil
	})
	assert.Equal(t, "outer", o.Name())
	_, err := handler(t, o).Handle(t.Context(), root(t, Picky{}))
	assert.EqualError(t, err, "organ outer has no reaction to PICKY")
}

// TestOneOrganManyWorkers is for the race detector: an Organ is shared, a Handler is not.
func TestOneOrganManyWorkers(t *testing.T) {
	t.Parallel()
	var handled atomic.Int32
	shared := actors.NewOrgan("shared", actors.Sink(func(context.Context, actors.EventOf[Ping]) error {
		handled.Add(1)
		return nil
	}))
	events := []actors.Event{root(t, Ping{}), arrived(t, root(t, Ping{})), checked(t, Ping{})}
	var workers sync.WaitGroup
	for _, o := range []actors.Organ{shared, actors.PerWorker("own", (&counter{}).fresh)} {
		for range 4 {
			workers.Go(func() {
				h, err := o.Handler()
				if !assert.NoError(t, err) {
					return
				}
				for _, ev := range events {
					_, err := h.Handle(t.Context(), ev)
					assert.NoError(t, err)
				}
				h.Stop()
			})
		}
	}
	workers.Wait()
	assert.EqualValues(t, 12, handled.Load())
}

var errHandler = errors.New("the handler's own")
