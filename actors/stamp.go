package actors

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Stamper turns payloads into events: it gives id, time, key, cause, correlation and
// hops, and refuses what must not become an event. For runtimes.
//
// A Stamper is for one goroutine: it remembers what it has checked.
type Stamper struct {
	limits   Limits
	checking bool
	encode   bool
	line     lineage
	lastKey  string
	known    [stampedTypes]stamped // an organ emits a few types, by turns
	next     int                   // which of them is forgotten next
	names    map[string]uint16     // event types that are sound, and their numbers
}

// stamped is a payload type that has been checked.
type stamped struct {
	goType  reflect.Type
	pointer bool
	event   string // the last event type of its payloads
	number  uint16 // of that
}

// stampedTypes is how many payload types a Stamper knows: they are looked through one by one.
const stampedTypes = 8

// stampedNames is how many event types a Stamper knows. It begins anew when there are more: they may come from outside.
const stampedNames = 4096

// StamperOptions configures NewStamper.
type StamperOptions struct {
	Service, Organ string // what derived ids come from; Organ "" for a publisher
	Limits         Limits
	Encode         bool // encode at once, and check the size: for durable backends
	Checking       bool // as Encode, and every handler decodes, and must not change its payload
}

// NewStamper returns a Stamper.
func NewStamper(o StamperOptions) *Stamper {
	return &Stamper{
		limits:   o.Limits.WithDefaults(),
		checking: o.Checking,
		encode:   o.Encode || o.Checking,
		line:     newLineage(o.Service, o.Organ),
	}
}

// ErrEmissionID reports an emission decorated with an ID: emissions derive theirs.
var ErrEmissionID = errors.New("actors: an emission derives its id; ID is for Publish")

// hopReset is the delay from which an emission starts a new chain, so that timers may
// re-arm themselves for ever while a hot loop may not.
const hopReset = time.Second

// Root makes the first event of a chain. Errors name the field and the value.
func (s *Stamper) Root(p Payload, now time.Time) (Event, error) {
	r := &record{timeUS: micro(now)}
	if err := s.fill(r, p); err != nil {
		return Event{}, err
	}
	if r.id.IsZero() {
		r.id, r.random = NewID(), true
	}
	r.correlation = r.id
	return s.finish(r)
}

// Emission makes the event of the payload at position pos (from 0) that a handling of
// parent returned. The same arguments give the same id.
func (s *Stamper) Emission(parent Event, pos int, p Payload, now time.Time) (Event, error) {
	from := parent.r
	r := &record{
		correlation: from.correlation,
		causation:   from.id,
		timeUS:      micro(now),
		hops:        min(from.hops, maxHops-1) + 1,
		extra:       from.extra,
	}
	if r.extra != nil && (r.extra.only != "" || r.extra.dueUS != 0) {
		// A replay concerns one organ, and a delay one event; what is emitted concerns everybody, at once.
		r.extra = &extra{traceparent: from.extra.traceparent, meta: from.extra.meta}
	}
	if err := s.fill(r, p); err != nil {
		return Event{}, err
	}
	if !r.id.IsZero() {
		return Event{}, fmt.Errorf("%w: %s has %s", ErrEmissionID, r.typ, r.id)
	}
	s.line.derive(&r.id, from.id, uint32(pos))
	if r.extra != nil && r.due()-r.timeUS >= hopReset.Microseconds() {
		r.hops = 0
	}
	return s.finish(r)
}

// fill sets what depends on the payload and its decorations.
func (s *Stamper) fill(r *record, p Payload) error {
	switch p.(type) {
	case nil, decorated, Delay:
		return s.fillDecorated(r, p)
	default:
		return s.fillBare(r, p)
	}
}

func (s *Stamper) fillDecorated(r *record, p Payload) error {
	d, err := flatten(p)
	if err != nil {
		return err
	}
	r.id, r.key, r.hasKey = d.id, d.key, d.hasKey
	if err := s.fillBare(r, d.inner); err != nil {
		return err
	}
	switch {
	case !d.at.IsZero():
		r.setDue(micro(d.at.Add(time.Microsecond - 1)))
	case d.after > 0:
		due := r.timeUS + d.after.Microseconds()
		if d.after%time.Microsecond != 0 {
			due++
		}
		r.setDue(due)
	}
	if len(d.meta) == 0 {
		return nil
	}
	return addMeta(r, d.meta)
}

// fillBare sets what depends on a payload without decorations, where they have not said otherwise.
func (s *Stamper) fillBare(r *record, p Payload) error {
	if err := s.fillType(r, p); err != nil {
		return err
	}
	if err := s.fillKey(r, p); err != nil {
		return err
	}
	return validate(r.typ, p)
}

// fillType sets the payload and its event type.
func (s *Stamper) fillType(r *record, p Payload) error {
	known, err := s.typeOf(p)
	if err != nil {
		return err
	}
	if known.pointer && reflect.ValueOf(p).IsNil() {
		return fmt.Errorf("actors: payload is a nil %T", p)
	}
	r.payload, r.typ = p, p.EventType()
	if r.typ != "" && r.typ == known.event {
		r.number = known.number
		return nil
	}
	if r.number, err = s.name(r.typ); err != nil {
		return fmt.Errorf("%T: %w", p, err)
	}
	known.event, known.number = r.typ, r.number
	return nil
}

// name checks the name of an event type, and returns its number.
func (s *Stamper) name(typ string) (uint16, error) {
	if n, ok := s.names[typ]; ok {
		return n, nil
	}
	if err := CheckName("event type", typ); err != nil {
		return 0, err
	}
	if len(s.names) >= stampedNames || s.names == nil {
		s.names = map[string]uint16{}
	}
	typ = strings.Clone(typ) // it may be a piece of a long text, which would stay
	n := typeNumbers.number(typ)
	s.names[typ] = n
	return n, nil
}

// typeOf returns what is known of the payload's Go type. The pointer is good until the next call.
func (s *Stamper) typeOf(p Payload) (*stamped, error) {
	t := reflect.TypeOf(p)
	for i := range s.known {
		if s.known[i].goType == t {
			return &s.known[i], nil
		}
	}
	found := payloadTypeOf(t)
	if found.err != nil {
		return nil, fmt.Errorf("actors: payload %w", found.err)
	}
	known := &s.known[s.next]
	*known = stamped{goType: t, pointer: found.pointer}
	s.next = (s.next + 1) % stampedTypes
	return known, nil
}

// fillKey sets the key. All that one handling emits mostly has the same.
func (s *Stamper) fillKey(r *record, p Payload) error {
	if !r.hasKey {
		k, ok := p.(KeyedPayload)
		if !ok {
			return nil
		}
		if r.key, r.hasKey = k.EventKey(), true; r.key == "" {
			return fmt.Errorf("%s: %w: EventKey() returned an empty string", r.typ, ErrName)
		}
	}
	if r.key != "" && r.key == s.lastKey {
		return nil
	}
	if err := CheckName("key", r.key); err != nil {
		return fmt.Errorf("%s: %w", r.typ, err)
	}
	s.lastKey = r.key
	return nil
}

// finish encodes where that is asked for.
func (s *Stamper) finish(r *record) (Event, error) {
	e := Event{r}
	if !s.encode {
		return e, nil
	}
	if err := s.limits.Check(e); err != nil {
		return Event{}, err
	}
	r.checked = s.checking
	return e, nil
}

// clone copies everything but the encoding. (A record must not be copied whole: it
// holds a lock.)
func (r *record) clone() *record {
	return &record{
		id: r.id, correlation: r.correlation, causation: r.causation, timeUS: r.timeUS,
		typ: r.typ, key: r.key, extra: r.extra, payload: r.payload, hops: r.hops, hasKey: r.hasKey, checked: r.checked, random: r.random,
		number: r.number,
	}
}

// Check encodes e and reports, as a *LimitError or an error wrapping ErrEncode, why it
// must not be stored.
func (l Limits) Check(e Event) error {
	l = l.WithDefaults()
	data, _, err := e.Data()
	if err != nil {
		return err
	}
	if len(data) > l.Payload {
		return &LimitError{What: "payload of " + e.Type(), Got: len(data), Limit: l.Payload, Unit: "bytes"}
	}
	if n := e.envelopeSize(); n > l.Envelope {
		return &LimitError{What: "envelope of " + e.Type(), Got: n, Limit: l.Envelope, Unit: "bytes"}
	}
	return nil
}

// addMeta merges pairs into the inherited metadata.
func addMeta(r *record, pairs []metaPair) error {
	x := &extra{}
	if r.extra != nil {
		x.traceparent, x.meta, x.dueUS = r.extra.traceparent, slices.Clone(r.extra.meta), r.extra.dueUS
	}
	for _, p := range pairs {
		if p.name == metaTraceparent {
			x.traceparent = p.value
			continue
		}
		if err := CheckName("meta name", p.name); err != nil {
			return fmt.Errorf("%s: %w", r.typ, err)
		}
		x.meta = slices.DeleteFunc(x.meta, func(m metaPair) bool { return m.name == p.name })
		if p.value != "" {
			x.meta = append(x.meta, p)
		}
	}
	slices.SortFunc(x.meta, func(a, b metaPair) int { return strings.Compare(a.name, b.name) })
	if err := checkMeta(x); err != nil {
		return fmt.Errorf("%s: %w", r.typ, err)
	}
	r.extra = x
	return nil
}

// metaTraceparent is the name under which Meta sets the trace context.
const metaTraceparent = "traceparent"

// checkMeta holds the limits of metadata. What Replay adds is not counted: an event whose
// metadata is full must not be the one dead letter that cannot be replayed.
func checkMeta(x *extra) error {
	size, count := len(x.traceparent), 0
	for _, m := range x.meta {
		if m.name == MetaReplayOf && len(m.value) == len(ID{}.String()) {
			continue
		}
		size += len(m.name) + len(m.value)
		count++
	}
	if count > MetaCountLimit {
		return &LimitError{What: "meta", Got: count, Limit: MetaCountLimit, Unit: "strings"}
	}
	if size > MetaSizeLimit {
		return &LimitError{What: "meta", Got: size, Limit: MetaSizeLimit, Unit: "bytes"}
	}
	return nil
}
