package actors

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/proto/wirepb"
)

// ErrEnvelope reports bytes that are not an event's wire form.
var ErrEnvelope = errors.New("actors: not an envelope")

// envelopeVersion is the wire form written and read here.
const envelopeVersion = 1

// MarshalBinary returns the wire form: a protobuf Envelope (proto/wire.proto) that holds
// everything, the payload as its own bytes. The error wraps ErrEncode.
func (e Event) MarshalBinary() ([]byte, error) {
	data, encoding, err := e.Data()
	if err != nil {
		return nil, err
	}
	w := e.wire()
	w.Payload = data
	if encoding == Protobuf {
		w.Kind = wirepb.PayloadKind_PROTOBUF
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(w)
}

// wire is the envelope without the payload.
func (e Event) wire() *wirepb.Envelope {
	r := e.r
	w := &wirepb.Envelope{
		Version:   envelopeVersion,
		Id:        r.id[:],
		TimeUs:    r.timeUS,
		EventType: r.typ,
		Key:       r.key,
		HasKey:    r.hasKey,
		Hops:      uint32(r.hops),
		DueUs:     r.due(),
		Meta:      e.MetaAll(),
	}
	if r.correlation != r.id {
		w.CorrelationId = r.correlation[:]
	}
	if !r.causation.IsZero() {
		w.CausationId = r.causation[:]
	}
	if r.extra != nil {
		w.Traceparent, w.Only = r.extra.traceparent, r.extra.only
	}
	return w
}

func (e Event) envelopeSize() int { return proto.Size(e.wire()) }

// UnmarshalBinary reads the wire form. Unknown fields of newer writers are ignored, an
// unknown version is refused. Errors wrap ErrEnvelope and name the field.
func (e *Event) UnmarshalBinary(data []byte) error {
	var w wirepb.Envelope
	if err := proto.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if w.Version != envelopeVersion {
		return fmt.Errorf("%w: version is %d, want %d", ErrEnvelope, w.Version, envelopeVersion)
	}
	r := &record{}
	for _, read := range []func(*record, *wirepb.Envelope) error{readIDs, readFields, readExtra, readBody} {
		if err := read(r, &w); err != nil {
			return err
		}
	}
	e.r = r
	return nil
}

func readFields(r *record, w *wirepb.Envelope) error {
	if !writable(w.TimeUs) {
		return fmt.Errorf("%w: time_us is %d, which is in no year of four digits", ErrEnvelope, w.TimeUs)
	}
	if err := CheckName("event_type", w.EventType); err != nil {
		return fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if w.Hops > maxHops {
		return fmt.Errorf("%w: hops is %d", ErrEnvelope, w.Hops)
	}
	r.timeUS, r.typ, r.hops = w.TimeUs, w.EventType, uint16(w.Hops)
	if w.HasKey {
		r.key, r.hasKey = w.Key, true
	}
	return nil
}

func readBody(r *record, w *wirepb.Envelope) error {
	switch w.Kind {
	case wirepb.PayloadKind_PROTOBUF:
		r.body.Store(&body{data: w.Payload, encoding: Protobuf})
	case wirepb.PayloadKind_JSON:
		if err := checkObject(w.Payload); err != nil {
			return fmt.Errorf("%w: %w", ErrEnvelope, err)
		}
		r.body.Store(&body{data: w.Payload, encoding: JSON})
	default:
		return fmt.Errorf("%w: kind is %d, want 0 or 1", ErrEnvelope, w.Kind)
	}
	return nil
}

// maxHops is what the record's field holds.
const maxHops = 1<<16 - 1

func readIDs(r *record, w *wirepb.Envelope) error {
	if len(w.Id) != len(r.id) {
		return fmt.Errorf("%w: id has %d bytes, want 16", ErrEnvelope, len(w.Id))
	}
	copy(r.id[:], w.Id)
	if r.id.IsZero() {
		return fmt.Errorf("%w: id is %s, which stands for none", ErrEnvelope, r.id)
	}
	r.correlation = r.id
	if err := readID(&r.correlation, "correlation_id", w.CorrelationId); err != nil {
		return err
	}
	return readID(&r.causation, "causation_id", w.CausationId)
}

func readID(id *ID, name string, b []byte) error {
	switch len(b) {
	case 0:
		return nil
	case len(id):
		copy(id[:], b)
		return nil
	default:
		return fmt.Errorf("%w: %s has %d bytes, want 16", ErrEnvelope, name, len(b))
	}
}

func readExtra(r *record, w *wirepb.Envelope) error {
	if len(w.Meta) == 0 && w.Traceparent == "" && w.Only == "" && w.DueUs == 0 {
		return nil
	}
	x := &extra{traceparent: w.Traceparent, only: w.Only, dueUS: w.DueUs}
	for name, value := range w.Meta {
		x.meta = append(x.meta, metaPair{name, value})
	}
	slices.SortFunc(x.meta, func(a, b metaPair) int { return strings.Compare(a.name, b.name) })
	if err := checkMeta(x); err != nil {
		return fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	r.extra = x
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
