package actors_test

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
)

// keyedOf is an organ with the state S whose one step is f.
func keyedOf[S any](fresh func() *S, f func(*S)) *actors.Keyed[S] {
	return actors.NewKeyed("k", func(string) *S { return fresh() }, actors.Step(
		func(s *S, _ actors.EventOf[Ordered]) ([]actors.Payload, error) {
			f(s)
			return nil, nil
		}))
}

// crossed is the state that fresh and then f make, after a journey through the codec.
func crossed[S any](t *testing.T, fresh func() *S, f func(*S)) *S {
	t.Helper()
	var got *S
	k := keyedOf(fresh, func(s *S) {
		if f != nil {
			f(s)
		}
		got = s
	})
	c := newCell(t, k)
	_, err := c.Step(root(t, Ordered{Account: "a"}))
	require.NoError(t, err)
	data, err := c.MarshalState()
	require.NoError(t, err)

	f = nil
	other := newCell(t, k)
	require.NoError(t, other.UnmarshalState(data))
	_, err = other.Step(root(t, Ordered{Account: "a"}))
	require.NoError(t, err)
	again, err := other.MarshalState()
	require.NoError(t, err)
	assert.Equal(t, string(data), string(again))
	return got
}

func fresh[S any]() *S { return new(S) }

// counting has a codec of its own, and a part that fresh sets and bytes leave alone.
type counting struct {
	n     uint32
	limit int
}

func (c *counting) MarshalBinary() ([]byte, error) {
	return binary.BigEndian.AppendUint32(nil, c.n), nil
}
func (c *counting) UnmarshalBinary(b []byte) error {
	if len(b) != 4 {
		return io.ErrUnexpectedEOF
	}
	c.n = binary.BigEndian.Uint32(b)
	return nil
}

func TestStateWithACodecOfItsOwn(t *testing.T) {
	t.Parallel()
	got := crossed(t, func() *counting { return &counting{limit: 9} }, func(c *counting) { c.n = 7 })
	assert.Equal(t, &counting{n: 7, limit: 9}, got)
	c := newCell(t, keyedOf(fresh[counting], func(*counting) {}))
	require.ErrorIs(t, c.UnmarshalState([]byte("x")), io.ErrUnexpectedEOF)
}

func TestStateAsProtobuf(t *testing.T) {
	t.Parallel()
	got := crossed(t, func() *wirepb.Record { return &wirepb.Record{Version: 3} },
		func(r *wirepb.Record) { r.Seq, r.Version = 7, 0 })
	assert.EqualValues(t, 7, got.Seq)
	assert.Zero(t, got.Version, "from the bytes alone")
	c := newCell(t, keyedOf(fresh[wirepb.Record], func(*wirepb.Record) {}))
	require.Error(t, c.UnmarshalState([]byte("\xff")))
}

// inner is unexported; embedded, its exported fields count.
type inner struct{ Depth int }

// everything is a state that JSON keeps whole.
type everything struct {
	inner
	_       struct{}
	Name    string            `json:"name,omitempty"`
	Counts  map[string]int    `json:"counts"`
	ByID    map[actors.ID]int `json:"by_id"`
	ByAge   map[int8][]string
	Next    *everything
	Kids    []everything
	Pair    [2]float64
	When    time.Time
	For     time.Duration
	Bytes   []byte
	Self    own
	Through map[string]*own
}

// own writes and reads its own JSON, by methods of the pointer.
type own struct{ n byte }

func (o *own) MarshalJSON() ([]byte, error) { return []byte{'"', 'a' + o.n, '"'}, nil }
func (o *own) UnmarshalJSON(b []byte) error { o.n = b[1] - 'a'; return nil }

func TestStateAsJSON(t *testing.T) {
	t.Parallel()
	full := everything{
		inner: inner{Depth: 2}, Name: "x", Counts: map[string]int{"a": 1}, ByID: map[actors.ID]int{actors.NewID(): 3},
		ByAge: map[int8][]string{-4: {"b"}}, Next: &everything{Name: "y"}, Kids: []everything{{Name: "z"}},
		Pair: [2]float64{1, 2}, When: birth, For: time.Hour, Bytes: []byte("c"), Self: own{3},
		Through: map[string]*own{"d": {4}},
	}
	assert.Equal(t, &full, crossed(t, fresh[everything], func(e *everything) { *e = full }))
	assert.Equal(t, &map[string]int{"a": 1}, crossed(t, fresh[map[string]int], func(m *map[string]int) { *m = map[string]int{"a": 1} }))
}

// TestJSONStateIsRebuiltFromItsBytesAlone: what a fresh state starts with must not come
// back after a Step has removed it.
func TestJSONStateIsRebuiltFromItsBytesAlone(t *testing.T) {
	t.Parallel()
	type stock struct {
		Items map[string]int
		Left  int `json:"left,omitempty"`
	}
	full := func() *stock { return &stock{Items: map[string]int{"sword": 1, "shield": 1}, Left: 10} }
	got := crossed(t, full, func(s *stock) {
		delete(s.Items, "sword")
		s.Left = 0
	})
	assert.Equal(t, &stock{Items: map[string]int{"shield": 1}}, got)
}

func TestBrokenStateLeavesTheCellAlone(t *testing.T) {
	t.Parallel()
	c := newCell(t, keyedOf(func() *tally { return &tally{Cents: 1} }, func(*tally) {}))
	require.Error(t, c.UnmarshalState([]byte(`{"cents":5,"seen":"x"}`)))
	data, err := c.MarshalState()
	require.NoError(t, err)
	assert.JSONEq(t, `{"cents":1,"seen":0}`, string(data))
}

// TestJSONStateReadsWhatItKnows: a program that is taken back has to read what the newer one has written.
func TestJSONStateReadsWhatItKnows(t *testing.T) {
	t.Parallel()
	c := newCell(t, keyedOf(fresh[tally], func(*tally) {}))
	blanks := strings.Repeat(" ", 8<<10) // states of any size have the same rules
	for _, before := range []string{"", blanks} {
		require.NoError(t, c.UnmarshalState([]byte(before+`{"cents":5,"sum":1}`)))
		data, err := c.MarshalState()
		require.NoError(t, err)
		assert.JSONEq(t, `{"cents":5,"seen":0}`, string(data))
		require.Error(t, c.UnmarshalState([]byte(before+`{"cents":5} {}`)), "something follows")
	}
}

func TestStateThatDoesNotEncode(t *testing.T) {
	t.Parallel()
	c := newCell(t, keyedOf(func() *weight { return &weight{nan} }, func(*weight) {}))
	_, err := c.MarshalState()
	require.Error(t, err)
}

// States that do not come back from JSON as they were.
type (
	halfBinary struct{ N int }
	halfJSON   struct{ N int }
	halfText   struct{ N int }
	onPointer  struct{ N int }
	ptr        *int
	textKey    struct{ N int }
	lowerEmbed struct{ myInt }
	myInt      int
	twins      struct {
		A int
		B int `json:"A"`
	}
	shadowed struct {
		inner
		Depth string
	}
	nested struct{ Deep []map[string]hidden }
)

// Fields that nothing reads are the point of these types.
var _ = [...]any{hidden{n: 1}, lowerEmbed{myInt: 1}}

func (*halfBinary) MarshalBinary() ([]byte, error) { return nil, nil }
func (halfJSON) MarshalJSON() ([]byte, error)      { return []byte(`1`), nil }
func (halfText) MarshalText() ([]byte, error)      { return nil, nil }
func (*onPointer) MarshalJSON() ([]byte, error)    { return []byte(`1`), nil }
func (*onPointer) UnmarshalJSON([]byte) error      { return nil }
func (textKey) MarshalText() ([]byte, error)       { return nil, errors.New("not reached") }

func TestStatesThatJSONWouldLoseAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		organ actors.KeyedOrgan
		want  []string
	}{
		"unexported":          {keyedOf(fresh[hidden], nil), []string{"hidden", "field n is unexported", "MarshalBinary"}},
		"deep inside":         {keyedOf(fresh[nested], nil), []string{"field n is unexported"}},
		"in a pointer":        {keyedOf(fresh[struct{ P *hidden }], nil), []string{"field n is unexported"}},
		"in an array":         {keyedOf(fresh[[2]hidden], nil), []string{"field n is unexported"}},
		"unexported by type":  {keyedOf(fresh[lowerEmbed], nil), []string{"field myInt is unexported"}},
		"embedded pointer":    {keyedOf(fresh[struct{ *inner }], nil), []string{"field inner is embedded by pointer"}},
		"embedded, exported":  {keyedOf(fresh[struct{ *Ping }], nil), []string{"field Ping is embedded by pointer"}},
		"embedded unexported": {keyedOf(fresh[struct{ hidden }], nil), []string{"field n is unexported"}},
		"kept out": {keyedOf(fresh[struct {
			N int `json:"-"`
		}], nil), []string{"field N is kept out of JSON"}},
		"one name for two": {keyedOf(fresh[twins], nil), []string{"field B and field A", `"A"`}},
		"shadowed":         {keyedOf(fresh[shadowed], nil), []string{"field Depth and field Depth"}},
		"map with omitempty": {keyedOf(fresh[struct {
			M map[string]int `json:",omitempty"`
		}], nil), []string{"field M is a map with omitempty"}},
		"any":                 {keyedOf(fresh[struct{ A any }], nil), []string{"interface {}"}},
		"interface":           {keyedOf(fresh[struct{ R io.Reader }], nil), []string{"io.Reader"}},
		"channel":             {keyedOf(fresh[struct{ C chan int }], nil), []string{"chan int"}},
		"function":            {keyedOf(fresh[struct{ F func() }], nil), []string{"func()"}},
		"complex":             {keyedOf(fresh[struct{ C complex128 }], nil), []string{"complex128"}},
		"key is a struct":     {keyedOf(fresh[map[[2]int]int], nil), []string{"keys of type [2]int"}},
		"key is bool":         {keyedOf(fresh[map[bool]int], nil), []string{"keys of type bool"}},
		"key writes only":     {keyedOf(fresh[map[textKey]int], nil), []string{"textKey", "only one of"}},
		"half a binary codec": {keyedOf(fresh[halfBinary], nil), []string{"only one of MarshalBinary"}},
		"half a JSON codec":   {keyedOf(fresh[halfJSON], nil), []string{"halfJSON", "only one of"}},
		"half a text codec":   {keyedOf(fresh[halfText], nil), []string{"halfText", "only one of"}},
		"pointer in a map":    {keyedOf(fresh[map[string]onPointer], nil), []string{"onPointer", "only one of"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, tt.organ.Err(), actors.ErrOrgan)
			requireMentions(t, tt.organ.Err(), tt.want...)
		})
	}
	require.NoError(t, keyedOf(fresh[struct{ S []onPointer }], nil).Err(), "in a slice the methods are found")
	require.NoError(t, keyedOf(fresh[struct{ P ptr }], nil).Err())
}
