package actorstest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Start is when the first event of a test is made.
var Start = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// service is the name that derived ids come from.
const service = "actorstest"

// stage makes events whose times and ids are the same in every run.
type stage struct {
	t     T
	organ string
	made  int // events so far
}

// input is one event in the two forms in which it may reach a handler.
type input struct {
	event actors.Event   // encoded, as from a durable backend; checked
	value actors.Event   // with the Go value, as from a volatile one
	bare  actors.Payload // that value
	bytes string         // its encoding
}

// input makes the next event.
func (s *stage) input(p actors.Payload, set setting) input {
	s.t.Helper()
	if set.at.IsZero() {
		set.at = Start.Add(time.Duration(s.made) * time.Second)
	}
	if len(set.key) > 0 {
		p = actors.With(p, set.key...)
	}
	in := input{
		event: s.make(stamper("", true), p, set),
		value: s.make(stamper("", false), p, set),
		bare:  actors.Unwrap(p),
	}
	in.bytes = s.encoding(in.bare)
	s.made++
	return in
}

// make stamps p, under an id that follows from its content and its place.
func (s *stage) make(st *actors.Stamper, p actors.Payload, set setting) actors.Event {
	s.t.Helper()
	ev, err := st.Root(p, set.at)
	if err != nil {
		s.t.Fatalf("actorstest: %T is no event: %v", actors.Unwrap(p), err)
	}
	sum := s.content(ev)
	switch {
	case !set.parent.IsZero():
		ev, err = st.Emission(set.parent, int(binary.BigEndian.Uint16(sum[:])), p, set.at)
	case ev.RandomID():
		ev, err = st.Root(actors.With(p, idOf(sum)), set.at)
	}
	if err != nil {
		s.t.Fatalf("actorstest: %T is no event: %v", actors.Unwrap(p), err)
	}
	return ev
}

// content is a digest of what ev says, and of how many events came before it.
func (s *stage) content(ev actors.Event) [sha256.Size]byte {
	data, _, err := ev.Data()
	if err != nil {
		s.t.Fatalf("actorstest: %s: %v", ev.Type(), err)
	}
	h := sha256.New()
	for _, part := range []string{ev.Type(), ev.Key(), ev.Time().String(), ev.Due().String(), string(data)} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.AppendUvarint(nil, uint64(s.made)))
	return [sha256.Size]byte(h.Sum(nil))
}

// idOf is an id in version 4 layout.
func idOf(sum [sha256.Size]byte) actors.ID {
	id := actors.ID(sum[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

func stamper(organ string, checking bool) *actors.Stamper {
	return actors.NewStamper(actors.StamperOptions{Service: service, Organ: organ, Checking: checking})
}

// result stamps what a handling of in returned.
func (s *stage) result(in input, out []actors.Payload, err error) Result {
	s.t.Helper()
	r := Result{Event: in.event, Err: err}
	if errors.Is(err, actors.ErrMutated) {
		s.t.Fatalf("actorstest: organ %s: %v", s.organ, err)
	}
	if err != nil {
		return r // A failed attempt emits nothing.
	}
	st := stamper(s.organ, true)
	for pos, p := range out {
		ev, err := st.Emission(in.event, pos, p, handledAt(in.event))
		if err != nil {
			s.t.Fatalf("actorstest: organ %s emitted at position %d what is no event: %v", s.organ, pos, err)
		}
		r.Emitted = append(r.Emitted, actors.Unwrap(p))
		r.Events = append(r.Events, ev)
	}
	return r
}

// handledAt is when an event is handled: at once, or when it is due.
func handledAt(ev actors.Event) time.Time {
	if ev.Due().After(ev.Time()) {
		return ev.Due()
	}
	return ev.Time()
}

// encoding is p in bytes, as it is now.
func (s *stage) encoding(p actors.Payload) string {
	s.t.Helper()
	ev, err := stamper("", false).Root(p, Start)
	if err != nil {
		return err.Error() // it has become invalid: another text than before
	}
	data, _, err := ev.Data()
	if err != nil {
		return err.Error()
	}
	return string(data)
}
