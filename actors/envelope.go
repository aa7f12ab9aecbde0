package actors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/necrostack/necrostack/proto/wirepb"
)

// ErrEnvelope reports bytes that are not an event's wire form.
var ErrEnvelope = errors.New("actors: not an envelope")

// envelopeVersion is the wire form written and read here.
const envelopeVersion = 1

// MarshalBinary returns the wire form: a protobuf Envelope (proto/wire.proto) that holds
// everything, the payload as its own bytes. The error wraps ErrEncode.
func (e Event) MarshalBinary() ([]byte, error) {
	b, err := e.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// AppendBinary appends the wire form to b, growing it at most once. With an error, which wraps
// ErrEncode, b is returned as it was.
func (e Event) AppendBinary(b []byte) ([]byte, error) {
	data, encoding, err := e.Data()
	if err != nil {
		return b, err
	}
	if err := e.r.checkText(); err != nil {
		return b, err
	}
	n := e.envelopeSize() + payloadSize(data, encoding)
	if b == nil {
		b = make([]byte, 0, n) // exactly, where Grow leaves room for more
	}
	return e.r.appendWire(slices.Grow(b, n), data, encoding), nil
}

// UnmarshalBinary reads the wire form. Unknown fields of newer writers are ignored, an
// unknown version is refused. Errors wrap ErrEnvelope and name the field.
func (e *Event) UnmarshalBinary(data []byte) error { return e.unmarshal(bytes.Clone(data)) }

// UnmarshalString is UnmarshalBinary without a copy: the event, what Data returns included, lies in
// data's own memory and keeps all of it alive.
func (e *Event) UnmarshalString(data string) error {
	// Nobody writes to what comes of it: Data's bytes must not be changed.
	return e.unmarshal(unsafe.Slice(unsafe.StringData(data), len(data)))
}

// unmarshal reads data, which belongs to the event from now on.
func (e *Event) unmarshal(data []byte) error {
	var w wire
	if err := w.read(data); err != nil {
		return fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if w.version != envelopeVersion {
		return fmt.Errorf("%w: version is %d, want %d", ErrEnvelope, w.version, envelopeVersion)
	}
	a := &arrival{}
	if err := a.fill(&w); err != nil {
		return fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	a.record.body.Store(&a.own)
	e.r = &a.record
	return nil
}

// arrival is the record of an event that came as bytes, and its body: one piece of memory.
type arrival struct {
	record
	own body
}

func (a *arrival) fill(w *wire) error {
	if err := readIDs(&a.record, w); err != nil {
		return err
	}
	if err := readFields(&a.record, w); err != nil {
		return err
	}
	if err := readExtra(&a.record, w); err != nil {
		return err
	}
	return readBody(&a.own, w)
}

// maxHops is what the record's field holds.
const maxHops = 1<<16 - 1

func readIDs(r *record, w *wire) error {
	if len(w.id) != len(r.id) {
		return fmt.Errorf("id has %d bytes, want 16", len(w.id))
	}
	r.id = ID(w.id)
	if r.id.IsZero() {
		return fmt.Errorf("id is %s, which stands for none", r.id)
	}
	r.correlation = r.id
	if err := readID(&r.correlation, "correlation_id", w.correlation); err != nil {
		return err
	}
	return readID(&r.causation, "causation_id", w.causation)
}

func readID(id *ID, name string, b []byte) error {
	switch len(b) {
	case 0:
		return nil
	case len(id):
		*id = ID(b)
		return nil
	default:
		return fmt.Errorf("%s has %d bytes, want 16", name, len(b))
	}
}

func readFields(r *record, w *wire) error {
	if !writable(w.timeUS) {
		return fmt.Errorf("time_us is %d, which is in no year of four digits", w.timeUS)
	}
	if err := CheckName("event_type", w.typ); err != nil {
		return err
	}
	if w.hops > maxHops {
		return fmt.Errorf("hops is %d", w.hops)
	}
	r.timeUS, r.typ, r.hops = w.timeUS, w.typ, uint16(w.hops)
	if w.hasKey {
		r.key, r.hasKey = w.key, true
	}
	return nil
}

func readExtra(r *record, w *wire) error {
	if len(w.meta) == 0 && w.traceparent == "" && w.only == "" && w.dueUS == 0 {
		return nil
	}
	x := &extra{traceparent: w.traceparent, only: w.only, dueUS: w.dueUS, meta: lastOfEach(w.meta)}
	if err := checkMeta(x); err != nil {
		return err
	}
	r.extra = x
	return nil
}

// lastOfEach sorts pairs by name, and keeps the last of those with the same name.
func lastOfEach(pairs []metaPair) []metaPair {
	slices.SortStableFunc(pairs, func(a, b metaPair) int { return strings.Compare(a.name, b.name) })
	kept := pairs[:0]
	for i, p := range pairs {
		if i+1 == len(pairs) || pairs[i+1].name != p.name {
			kept = append(kept, p)
		}
	}
	return kept
}

func readBody(b *body, w *wire) error {
	switch w.kind {
	case wirepb.PayloadKind_PROTOBUF:
		b.encoding = Protobuf
	case wirepb.PayloadKind_JSON:
		if err := checkObject(w.payload); err != nil {
			return err
		}
	default:
		return fmt.Errorf("kind is %d, want 0 or 1", w.kind)
	}
	b.data = slices.Clip(w.payload) // so that nobody's append writes over what follows
	return nil
}

// Replay returns a copy of e as a new event: with a new id, addressed to one organ of
// one service, with replay_of in its metadata, no hops and no delay, and with p instead of its
// payload when p is not nil. Time, key, cause and correlation stay, whatever p is decorated
// with; p must have the same event type. For dead letters.
func (e Event) Replay(id ID, service, organ string, p Payload) (Event, error) {
	r := e.r.clone()
	r.id, r.random, r.hops = id, false, 0
	r.setDue(0)
	r.body.Store(e.r.body.Load())
	if p != nil {
		d, err := flatten(p)
		if err != nil {
			return Event{}, err
		}
		if err := new(Stamper).fillType(r, d.inner); err != nil {
			return Event{}, err
		}
		if r.typ != e.r.typ {
			return Event{}, fmt.Errorf("actors: replay of a %s with a payload of type %q", e.r.typ, r.typ)
		}
		if err := validate(r.typ, r.payload); err != nil {
			return Event{}, err
		}
		r.body.Store(nil)
	}
	if err := addMeta(r, []metaPair{{MetaReplayOf, e.r.id.String()}}); err != nil {
		return Event{}, err
	}
	r.extra.only = service + "/" + organ
	return Event{r}, nil
}

// MetaReplayOf is the metadata name under which a replay names the event it repeats.
const MetaReplayOf = "replay_of"
