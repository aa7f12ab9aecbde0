package actors_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// decoded is the payload of ev as P, which must be there.
func decoded[P actors.Payload](t *testing.T, ev actors.Event) P {
	t.Helper()
	p, err := actors.Decode[P](ev)
	require.NoError(t, err)
	return p
}

func TestDecodeReturnsTheValueItself(t *testing.T) {
	t.Parallel()
	sent := Ordered{Account: "a", Tags: []string{"x"}}
	got := decoded[Ordered](t, root(t, sent))
	assert.Same(t, &sent.Tags[0], &got.Tags[0])

	note := &Note{Key: "k", Text: "x"}
	assert.Same(t, note, decoded[*Note](t, root(t, note)))
	shot := newShot("s", 1)
	assert.Same(t, shot, decoded[*Shot](t, root(t, shot)))
}

func TestDecodeTakesThePointerForTheValueAndBack(t *testing.T) {
	t.Parallel()
	// Without an encoding: the codec would refuse the payload.
	sent := channel{make(chan int)}
	assert.Equal(t, sent, decoded[channel](t, root(t, &sent)))
	got := decoded[*channel](t, root(t, sent))
	assert.Equal(t, sent, *got)
	assert.NotSame(t, got, decoded[*channel](t, root(t, sent)), "each handler has a copy of its own")
}

// Other is Ordered as another package may see it.
type Other struct {
	Account string `json:"account"`
}

func (Other) EventType() string { return "ORDERED" }

func TestDecodeIntoAnotherTypeGoesThroughJSON(t *testing.T) {
	t.Parallel()
	ev := root(t, Ordered{Account: "a", Cents: 3})
	assert.Equal(t, Other{Account: "a"}, decoded[Other](t, ev), "unknown fields are ignored")
	assert.Equal(t, &Other{Account: "a"}, decoded[*Other](t, ev))
	raw := root(t, actors.Raw{Type: "ORDERED", Data: json.RawMessage(`{"account":"b","later":[1]}`)})
	assert.Equal(t, Ordered{Account: "b"}, decoded[Ordered](t, raw))
}

func TestDecodeFromBytes(t *testing.T) {
	t.Parallel()
	sent := Ordered{Account: "a", Cents: 3, Tags: []string{"ä"}, Notes: map[string]string{"k": "v"}}
	ev := arrived(t, root(t, sent))
	assert.Equal(t, sent, decoded[Ordered](t, ev))
	assert.Equal(t, &sent, decoded[*Ordered](t, ev))
	note := &Note{Key: "k", Text: "x"}
	assert.Equal(t, note, decoded[*Note](t, arrived(t, root(t, note))))
}

func TestDecodeOfProtobufBothWays(t *testing.T) {
	t.Parallel()
	ev := root(t, newShot("s", 7))
	data, encoding, err := ev.Data()
	require.NoError(t, err)
	assert.Equal(t, actors.Protobuf, encoding)
	assert.NotEmpty(t, data)
	got := decoded[*Shot](t, arrived(t, ev))
	assert.Equal(t, "s", got.Schema)
	assert.EqualValues(t, 7, got.Seq)

	fromJSON := root(t, actors.Raw{Type: "SHOT", Data: json.RawMessage(`{"schema":"s","seq":"7","later":1}`)})
	got = decoded[*Shot](t, fromJSON)
	assert.Equal(t, "s", got.Schema)
	assert.EqualValues(t, 7, got.Seq)
}

// Sketch has the type of a protobuf message and is none.
type Sketch struct{ Schema string }

func (Sketch) EventType() string { return "SHOT" }

func TestUndecodable(t *testing.T) {
	t.Parallel()
	garbage := goodEnvelope()
	garbage.Payload = []byte(`{"n":`)
	broken, err := read(t, garbage)
	require.NoError(t, err)
	tests := map[string]error{
		"other JSON":          second(actors.Decode[Ping](root(t, actors.Raw{Type: "PING", Data: json.RawMessage(`{"n":"one"}`)}))),
		"not JSON":            second(actors.Decode[Ping](broken)),
		"protobuf in JSON":    second(actors.Decode[*Shot](root(t, actors.Raw{Type: "SHOT", Data: json.RawMessage(`{"seq":"x"}`)}))),
		"protobuf wanted":     second(actors.Decode[*Shot](root(t, actors.Raw{Type: "SHOT", Data: json.RawMessage(`{"seq":{}}`)}))),
		"protobuf not wanted": second(actors.Decode[Sketch](arrived(t, root(t, newShot("s", 1))))),
		"unencodable":         second(actors.Decode[Other](root(t, channel{make(chan int)}))),
		"an interface":        second(actors.Decode[actors.Payload](arrived(t, root(t, Ping{})))),
	}
	for name, err := range tests {
		require.Error(t, err, name)
		assert.Equal(t, actors.KindUndecodable, kindOf(err), "%s: %v", name, err)
		assert.True(t, kindOf(err).Permanent())
	}
	requireMentions(t, tests["other JSON"], "PING", "actors_test.Ping")
}

func TestDecodeValidates(t *testing.T) {
	t.Parallel()
	_, err := actors.Decode[Picky](root(t, actors.Raw{Type: "PICKY", Data: json.RawMessage(`{"n":-1}`)}))
	requireMentions(t, err, "PICKY", "n is negative")
	assert.Equal(t, actors.KindInvalid, kindOf(err))
	_, err = actors.Decode[*Note](root(t, actors.Raw{Type: "NOTE", Data: json.RawMessage(`{"key":"k"}`)}))
	requireMentions(t, err, "NOTE", "text is empty")
	assert.Equal(t, actors.KindInvalid, kindOf(err))
	decoded[*Note](t, root(t, actors.Raw{Type: "NOTE", Data: json.RawMessage(`{"text":"x"}`)}))
}

func TestRawIsAnObjectByDefault(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.Raw{Type: "ANY"})
	data, _, err := ev.Data()
	require.NoError(t, err)
	assert.Equal(t, `{}`, string(data))
}

func TestOlderTypesAreReadAsTheirPastTells(t *testing.T) {
	t.Parallel()
	raw := func(typ, data string) actors.Event {
		return root(t, actors.Raw{Type: typ, Data: json.RawMessage(data)})
	}
	assert.Equal(t, Renamed{Cents: 5}, decoded[Renamed](t, raw("NEW_NAME", `{"cents":5}`)))
	assert.Equal(t, Renamed{Cents: 5}, decoded[Renamed](t, raw("OLD_NAME", `{"cents":5}`)))
	assert.Equal(t, Renamed{Cents: 500}, decoded[Renamed](t, raw("OLDER_NAME", `{"euros":5}`)))
	assert.Equal(t, &Renamed{Cents: 500}, decoded[*Renamed](t, raw("OLDER_NAME", `{"euros":5}`)))
	assert.Equal(t, Renamed{Cents: 500}, decoded[Renamed](t, arrived(t, raw("OLDER_NAME", `{"euros":5}`))))

	for _, data := range []string{`{"euros":"five"}`, `{"euros":13}`} { // of 13 the upcast makes null
		_, err := actors.Decode[*Renamed](raw("OLDER_NAME", data))
		requireMentions(t, err, "OLDER_NAME")
		assert.Equal(t, actors.KindUndecodable, kindOf(err))
	}
}

// Present upcasts its own type: fields have changed under the same name.
type Present struct {
	Cents int `json:"cents"`
}

func (Present) EventType() string { return "PRESENT" }
func (Present) EventHistory() []actors.Past {
	return []actors.Past{actors.Upcast("PRESENT", func(data json.RawMessage) (json.RawMessage, error) {
		var was struct{ Cents, Euros *int }
		if err := json.Unmarshal(data, &was); err != nil {
			return nil, err
		}
		if was.Euros == nil {
			return data, nil
		}
		return json.Marshal(Present{Cents: 100 * *was.Euros})
	})}
}

func TestUpcastOfThePresentType(t *testing.T) {
	t.Parallel()
	old := root(t, actors.Raw{Type: "PRESENT", Data: json.RawMessage(`{"euros":5}`)})
	assert.Equal(t, Present{Cents: 500}, decoded[Present](t, old))
	assert.Equal(t, Present{Cents: 7}, decoded[Present](t, arrived(t, root(t, Present{Cents: 7}))))
	o := actors.NewOrgan("o", actors.Sink(ignore[Present]))
	require.NoError(t, o.Err())
	assert.Equal(t, []string{"PRESENT"}, o.Types())
}

// Evolved is a protobuf message with a past that only JSON can be read from.
type Evolved struct{ Shot }

func (*Evolved) EventType() string { return "EVOLVED" }
func (*Evolved) EventHistory() []actors.Past {
	return []actors.Past{actors.Upcast("SHOT", func(data json.RawMessage) (json.RawMessage, error) {
		return data, errors.New("must not be called")
	})}
}

func TestUpcastRefusesProtobuf(t *testing.T) {
	t.Parallel()
	_, err := actors.Decode[*Evolved](arrived(t, root(t, newShot("s", 1))))
	requireMentions(t, err, "SHOT", "protobuf")
	assert.Equal(t, actors.KindUndecodable, kindOf(err))
}
