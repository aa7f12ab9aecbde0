package actors_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
)

// byGenerated reads data with the generated code; nil when that is no event.
func byGenerated(data []byte) *wirepb.Envelope {
	w := &wirepb.Envelope{}
	if proto.Unmarshal(data, w) != nil || w.Version != 1 {
		return nil
	}
	ids := len(w.Id) == 16 && !bytes.Equal(w.Id, make([]byte, 16)) &&
		slices.Contains([]int{0, 16}, len(w.CorrelationId)) && slices.Contains([]int{0, 16}, len(w.CausationId))
	year := time.UnixMicro(w.TimeUs).UTC().Year()
	if !ids || year < 0 || year > 9999 || w.Hops > math.MaxUint16 || actors.CheckName("t", w.EventType) != nil {
		return nil
	}
	if w.Kind != 0 && w.Kind != 1 || w.Kind == 0 && !bytes.HasPrefix(bytes.TrimLeft(w.Payload, " \t\r\n"), []byte("{")) {
		return nil
	}
	size, count := len(w.Traceparent), 0
	for name, value := range w.Meta {
		if name != actors.MetaReplayOf || len(value) != 36 {
			size, count = size+len(name)+len(value), count+1
		}
	}
	if size > actors.MetaSizeLimit || count > actors.MetaCountLimit {
		return nil
	}
	return w
}

// asGenerated is ev in the generated code's words, as that code would read it.
func asGenerated(t require.TestingT, ev actors.Event) *wirepb.Envelope {
	data, encoding, err := ev.Data()
	require.NoError(t, err)
	id, correlation, causation := ev.ID(), ev.Correlation(), ev.Causation()
	w := &wirepb.Envelope{
		Version: 1, Id: id[:], TimeUs: ev.Time().UnixMicro(), EventType: ev.Type(), Payload: data, Kind: wirepb.PayloadKind(encoding),
		Key: ev.Key(), HasKey: ev.HasKey(), Hops: uint32(ev.Hops()), Traceparent: ev.Traceparent(), Meta: ev.MetaAll(), Only: ev.Only(),
	}
	if correlation != id {
		w.CorrelationId = correlation[:]
	}
	if !causation.IsZero() {
		w.CausationId = causation[:]
	}
	if !ev.Due().IsZero() {
		w.DueUs = ev.Due().UnixMicro()
	}
	return w
}

// normal is what of w an event keeps.
func normal(w *wirepb.Envelope) *wirepb.Envelope {
	n := proto.Clone(w).(*wirepb.Envelope)
	n.ProtoReflect().SetUnknown(nil)
	if !n.HasKey {
		n.Key = ""
	}
	if bytes.Equal(n.CorrelationId, n.Id) {
		n.CorrelationId = nil
	}
	if bytes.Equal(n.CausationId, make([]byte, 16)) {
		n.CausationId = nil
	}
	return n
}

// requireAsGenerated reads data and wants what the generated code makes of it.
func requireAsGenerated(t require.TestingT, data []byte) {
	var ev, aliased actors.Event
	err := ev.UnmarshalBinary(data)
	aliasedErr := aliased.UnmarshalString(string(data))
	want := byGenerated(data)
	if want == nil {
		require.ErrorIs(t, err, actors.ErrEnvelope, "%x", data)
		require.ErrorIs(t, aliasedErr, actors.ErrEnvelope)
		require.Equal(t, err.Error(), aliasedErr.Error())
		return
	}
	require.NoError(t, err, "%x", data)
	require.NoError(t, aliasedErr)
	want = normal(want)
	require.True(t, proto.Equal(want, asGenerated(t, ev)), "%x: want %v, got %v", data, want, asGenerated(t, ev))
	require.True(t, proto.Equal(want, asGenerated(t, aliased)))

	written, err := ev.MarshalBinary()
	require.NoError(t, err)
	generated, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	require.NoError(t, err)
	require.Equal(t, generated, written)
	require.Equal(t, want.GetVersion(), uint32(1))
	around := proto.Clone(want).(*wirepb.Envelope)
	around.Payload, around.Kind = nil, 0
	requireEnvelopeSize(t, ev, proto.Size(around))
}

// requireEnvelopeSize finds out what Limits takes the size around the payload for.
func requireEnvelopeSize(t require.TestingT, ev actors.Event, size int) {
	require.NoError(t, actors.Limits{Payload: math.MaxInt, Envelope: size}.Check(ev))
	require.Error(t, actors.Limits{Payload: math.MaxInt, Envelope: size - 1}.Check(ev))
}

// anyField draws a field of an envelope: mostly one that fits, sometimes of another wire type or number.
func anyField(t *rapid.T) []byte {
	number := protowire.Number(rapid.IntRange(1, 17).Draw(t, "field"))
	text := func() string {
		return rapid.OneOf(
			rapid.SampledFrom([]string{"", "k", "PING", "PI NG", "{}", ` {"a":1}`, "0123456789abcdef", "00-t", "shop/audit", "\xff", strings.Repeat("v", 600)}),
			rapid.String(),
		).Draw(t, "text")
	}
	small := func() uint64 {
		return rapid.OneOf(rapid.Uint64Range(0, 2), rapid.Uint64(), rapid.SampledFrom([]uint64{1 << 32, 1<<32 + 1, 1 << 16, 1<<16 - 1})).Draw(t, "number")
	}
	switch rapid.SampledFrom([]string{"own", "own", "own", "own", "number", "text", "meta", "fixed", "group"}).Draw(t, "sort") {
	case "own":
		if slices.Contains([]protowire.Number{1, 3, 6, 8, 11, 12}, number) {
			return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), small())
		}
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text())
	case "number":
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), small())
	case "text":
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text())
	case "meta":
		var entry []byte
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			entry = protowire.AppendTag(entry, protowire.Number(rapid.IntRange(1, 3).Draw(t, "part")), protowire.BytesType)
			entry = protowire.AppendString(entry, text())
		}
		return protowire.AppendBytes(protowire.AppendTag(nil, 14, protowire.BytesType), entry)
	case "fixed":
		return protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), uint32(small()))
	default:
		group := protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), small())
		return protowire.AppendGroup(protowire.AppendTag(nil, number, protowire.StartGroupType), number, group)
	}
}

func TestEnvelopesReadAsTheGeneratedCodeReadsThem(t *testing.T) {
	t.Parallel()
	least, err := proto.Marshal(goodEnvelope())
	require.NoError(t, err)
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		data := slices.Clone(least)
		for range rapid.IntRange(0, 6).Draw(t, "fields") {
			data = append(data, anyField(t)...)
		}
		if rapid.Bool().Draw(t, "cut") {
			data = data[:rapid.IntRange(0, len(data)).Draw(t, "length")]
		}
		if byGenerated(data) != nil {
			accepted++
		}
		requireAsGenerated(t, data)
	})
	assert.Positive(t, accepted)
}

func TestOddWireFormsReadAsTheGeneratedCodeReadsThem(t *testing.T) {
	t.Parallel()
	least, err := proto.Marshal(goodEnvelope())
	require.NoError(t, err)
	for name, more := range map[string]string{
		"nothing":                      "",
		"overlong tag":                 "\xb8\x80\x00\x01",
		"overlong number":              "\x40\x81\x80\x00",
		"number beyond 64 bits":        "\x58\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		"field 0":                      "\x00\x01",
		"highest field":                "\xf8\xff\xff\xff\x0f\x01",
		"field too high":               "\x80\x80\x80\x80\x10\x01",
		"field far too high":           "\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01",
		"end of no group":              "\x7c",
		"group":                        "\x1b\x08\x01\x1c",
		"group left open":              "\x1b\x08\x01",
		"reserved wire type":           "\x1e\x01",
		"length beyond the end":        "\x3a\x05k",
		"empty key over a key":         "\x3a\x01k\x3a\x00\x40\x01",
		"key not in UTF-8":             "\x3a\x01\xff",
		"and overridden":               "\x3a\x01\xff\x3a\x01k",
		"empty meta":                   "\x72\x00",
		"meta twice":                   "\x72\x06\x0a\x01a\x12\x01b\x72\x06\x0a\x01a\x12\x01c",
		"meta's value first":           "\x72\x06\x12\x01b\x0a\x01a",
		"meta with a field 3":          "\x72\x08\x0a\x01a\x12\x01b\x18\x07",
		"meta with a number":           "\x72\x04\x08\x01\x12\x00",
		"meta with a number for text":  "\x72\x08\x0a\x01a\x12\x01b\x10\x00",
		"meta cut off":                 "\x72\x05\x0a\x01a\x12\x01",
		"meta with field 0":            "\x72\x02\x00\x01",
		"meta with a field too high":   "\x72\x06\x80\x80\x80\x80\x10\x01",
		"meta with the end of a group": "\x72\x01\x0c",
		"meta not in UTF-8":            "\x72\x03\x0a\x01\xff",
		"hops beyond 32 bits":          "\x58\x81\x80\x80\x80\x10",
		"kind beyond 32 bits":          "\x30\x81\x80\x80\x80\x10",
		"has_key 2":                    "\x40\x02",
		"one meta too many":            manyMetaOnWire(17, 1),
		"meta many times":              manyMetaOnWire(16, 40),
		"far too many meta":            manyMetaOnWire(100, 2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireAsGenerated(t, append(slices.Clone(least), more...))
		})
	}
}

// manyMetaOnWire is meta of so many names, each so many times.
func manyMetaOnWire(names, times int) string {
	var b []byte
	for n := range names * times {
		entry := fmt.Sprintf("\x0a\x02%c%c\x12\x01%c", 'a'+n%names/26, 'a'+n%names%26, '0'+n/names)
		b = protowire.AppendString(protowire.AppendTag(b, 14, protowire.BytesType), entry)
	}
	return string(b)
}

func TestEventsAreWrittenAsTheGeneratedCodeWritesThem(t *testing.T) {
	t.Parallel()
	parent := root(t, actors.With(Ordered{Account: "a"}, actors.Meta("user", "ann"), actors.Meta("empty", ""), actors.Meta("traceparent", "00-t")))
	late := emission(t, parent, actors.After(time.Minute, Ping{N: 1}))
	replay, err := late.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	old, err := publisher().Root(Ping{}, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	for _, ev := range []actors.Event{parent, late, replay, old, root(t, newShot("s", 1)), root(t, newShot("", 0)), root(t, actors.With(Ping{}, manyMeta(16, 30)...))} {
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(asGenerated(t, ev))
		require.NoError(t, err)
		got, err := ev.AppendBinary([]byte("before"))
		require.NoError(t, err)
		require.Equal(t, "before"+string(want), string(got))
		requireAsGenerated(t, want)
	}
}

func TestTextThatIsNotUTF8IsNotWritten(t *testing.T) {
	t.Parallel()
	for _, ev := range []actors.Event{
		root(t, actors.With(Ping{}, actors.Meta("user", "\xff"))),
		root(t, actors.With(Ping{}, actors.Meta("traceparent", "\xff"))),
	} {
		got, err := ev.AppendBinary([]byte("before"))
		require.ErrorIs(t, err, actors.ErrEncode)
		requireMentions(t, err, `PING: "\xff" is not UTF-8`)
		assert.Equal(t, "before", string(got))
		_, err = ev.MarshalBinary()
		require.ErrorIs(t, err, actors.ErrEncode)
	}
}

func TestPayloadThatDoesNotEncodeIsNotWritten(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.Raw{Type: "RAW", Data: []byte("[]")})
	got, err := ev.AppendBinary([]byte("before"))
	require.ErrorIs(t, err, actors.ErrEncode)
	assert.Equal(t, "before", string(got))
}

func TestAppendingToDataLeavesTheEventAlone(t *testing.T) {
	t.Parallel()
	sent := root(t, Ordered{Account: "acc-1"})
	got := arrived(t, sent)
	data, _, err := got.Data()
	require.NoError(t, err)
	_ = append(data, "xxxxxxxx"...)
	requireSameEvent(t, sent, got)
}

func TestUpcastInPlaceLeavesTheEventAlone(t *testing.T) {
	t.Parallel()
	sent := root(t, actors.Raw{Type: "EDITED", Data: []byte(`{"n":1}`)})
	got := arrived(t, sent)
	p, err := actors.Decode[Edited](got)
	require.NoError(t, err)
	assert.Equal(t, 2, p.N)
	requireSameEvent(t, sent, got)
}

// Edited is read by an upcast that works in place.
type Edited struct {
	N int `json:"n"`
}

func (Edited) EventType() string { return "EDITED" }

func (Edited) EventHistory() []actors.Past {
	return []actors.Past{actors.Upcast("EDITED", func(data json.RawMessage) (json.RawMessage, error) {
		data[bytes.IndexByte(data, '1')] = '2'
		return data, nil
	})}
}

// FuzzEnvelopeAgainstGenerated: whatever arrives, the generated code reads the same, or refuses it too.
func FuzzEnvelopeAgainstGenerated(f *testing.F) {
	least, err := proto.Marshal(goodEnvelope())
	require.NoError(f, err)
	f.Add(least)
	f.Add(append(slices.Clone(least), manyMetaOnWire(3, 2)...))
	f.Add(append(slices.Clone(least), "\x40\x01\x3a\x01k\x58\x05\x60\x09\x6a\x0400-t\x7a\x03a/b\x30\x01\x1b\x1c"...))
	f.Fuzz(func(t *testing.T, data []byte) { requireAsGenerated(t, data) })
}
