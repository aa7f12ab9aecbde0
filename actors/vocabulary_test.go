package actors_test

import (
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
)

// The payloads of this package's tests.

// Ordered is keyed and has parts that a handler could change.
type Ordered struct {
	Account string            `json:"account"`
	Cents   int               `json:"cents"`
	Tags    []string          `json:"tags,omitempty"`
	Notes   map[string]string `json:"notes,omitempty"`
}

func (Ordered) EventType() string  { return "ORDERED" }
func (o Ordered) EventKey() string { return o.Account }

// Ping has no key.
type Ping struct {
	N int `json:"n"`
}

func (Ping) EventType() string { return "PING" }

// Note is a payload by pointer, with every optional method.
type Note struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

func (*Note) EventType() string  { return "NOTE" }
func (n *Note) EventKey() string { return n.Key }
func (n *Note) Validate() error {
	if n.Text == "" {
		return errors.New("text is empty")
	}
	return nil
}

// Picky can be wrong.
type Picky struct {
	N int `json:"n"`
}

func (Picky) EventType() string { return "PICKY" }
func (p Picky) Validate() error {
	if p.N < 0 {
		return errors.New("n is negative")
	}
	return nil
}

// Shot is a protobuf message.
type Shot struct{ wirepb.Snapshot }

func (*Shot) EventType() string { return "SHOT" }

func newShot(schema string, seq uint64) *Shot {
	s := &Shot{}
	s.Schema, s.Seq = schema, seq
	return s
}

// Renamed was OLD_NAME with the same fields, and before that OLDER_NAME with a price in euros.
type Renamed struct {
	Cents int `json:"cents"`
}

func (Renamed) EventType() string { return "NEW_NAME" }
func (Renamed) EventHistory() []actors.Past {
	return []actors.Past{
		actors.Alias("OLD_NAME"),
		actors.Upcast("OLDER_NAME", func(old json.RawMessage) (json.RawMessage, error) {
			var was struct{ Euros int }
			if err := json.Unmarshal(old, &was); err != nil {
				return nil, err
			}
			if was.Euros == 13 {
				return json.RawMessage(`null`), nil
			}
			return json.Marshal(Renamed{Cents: 100 * was.Euros})
		}),
	}
}

// Odd encodes as whatever it is told to.
type Odd struct{ text string }

func (Odd) EventType() string              { return "ODD" }
func (o Odd) MarshalJSON() ([]byte, error) { return []byte(o.text), nil }

// Counted counts how often it is encoded.
type Counted struct{ encoded *atomic.Int32 }

func (Counted) EventType() string { return "COUNTED" }
func (c Counted) MarshalJSON() ([]byte, error) {
	c.encoded.Add(1)
	for range 1000 { // long enough for another reader to come along
		runtime.Gosched()
	}
	return []byte(`{"n":1}`), nil
}

// birth is a moment with microseconds, and with nanoseconds that events drop.
var birth = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)

func publisher() *actors.Stamper {
	return actors.NewStamper(actors.StamperOptions{Service: "shop"})
}

// root is p as the first event of a chain.
func root(t testing.TB, p actors.Payload) actors.Event {
	t.Helper()
	ev, err := publisher().Root(p, birth)
	require.NoError(t, err)
	return ev
}

// emission is p as emitted by organ shop/audit at position 0 of its handling of parent.
func emission(t testing.TB, parent actors.Event, p actors.Payload) actors.Event {
	t.Helper()
	s := actors.NewStamper(actors.StamperOptions{Service: "shop", Organ: "audit"})
	ev, err := s.Emission(parent, 0, p, birth)
	require.NoError(t, err)
	return ev
}

// checked is p as a runtime in checking mode hands it out.
func checked(t testing.TB, p actors.Payload) actors.Event {
	t.Helper()
	s := actors.NewStamper(actors.StamperOptions{Service: "shop", Checking: true})
	ev, err := s.Root(p, birth)
	require.NoError(t, err)
	return ev
}

// arrived is ev after a journey over the wire.
func arrived(t testing.TB, ev actors.Event) actors.Event {
	t.Helper()
	data, err := ev.MarshalBinary()
	require.NoError(t, err)
	var got actors.Event
	require.NoError(t, got.UnmarshalBinary(data))
	return got
}

// requireMentions wants all of the parts in err's text.
func requireMentions(t testing.TB, err error, parts ...string) {
	t.Helper()
	require.Error(t, err)
	for _, part := range parts {
		require.Truef(t, strings.Contains(err.Error(), part), "%q does not mention %q", err, part)
	}
}

func kindOf(err error) actors.Kind {
	k, _ := actors.Classify(err)
	return k
}

var nan = math.NaN()

// tally is a small state.
type tally struct {
	Cents int `json:"cents"`
	Seen  int `json:"seen"`
}
