package redisstream

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
	"github.com/necrostack/necrostack/supervision"
)

// beside is what the four fields of the original's form cannot say.
type beside struct {
	Key         *string           `json:"key,omitempty"`
	Correlation string            `json:"correlation_id,omitempty"` // where it is not the event's own id
	Causation   string            `json:"causation_id,omitempty"`
	Hops        uint32            `json:"hops,omitempty"`
	DueUS       int64             `json:"due_us,omitempty"`
	Traceparent string            `json:"traceparent,omitempty"`
	Meta        map[string]string `json:"meta,omitempty"`
	Only        string            `json:"only,omitempty"`
}

func besideOf(ev actors.Event) beside {
	b := beside{Hops: uint32(ev.Hops()), Traceparent: ev.Traceparent(), Meta: ev.MetaAll(), Only: ev.Only()}
	if ev.HasKey() {
		key := ev.Key()
		b.Key = &key
	}
	if ev.Correlation() != ev.ID() {
		b.Correlation = ev.Correlation().String()
	}
	if !ev.Causation().IsZero() {
		b.Causation = ev.Causation().String()
	}
	if due := ev.Due(); !due.IsZero() {
		b.DueUS = due.UnixMicro()
	}
	return b
}

func (b *beside) empty() bool {
	return b.Key == nil && b.Correlation == "" && b.Causation == "" && b.Hops == 0 && b.DueUS == 0 &&
		b.Traceparent == "" && len(b.Meta) == 0 && b.Only == ""
}

// check refuses what JSON would change without a word.
func (b *beside) check() error {
	texts := []string{b.Traceparent, b.Only}
	for name, value := range b.Meta {
		texts = append(texts, name, value)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%q is not UTF-8", clip(s))
		}
	}
	return nil
}

// decodeBoth reads an event in the original's form with what is beside it.
func decodeBoth(original, besides string) (actors.Event, error) {
	ev, err := decodeOriginal(original)
	if err != nil {
		return actors.Event{}, err
	}
	var b beside
	if err := json.Unmarshal([]byte(besides), &b); err != nil {
		// The text of a number that is too long is in it.
		return actors.Event{}, malformed("field envelope: %s", supervision.ClipError(clip(err.Error())))
	}
	if ev, err = b.join(ev); err != nil {
		return actors.Event{}, malformed("field envelope: %w", err)
	}
	return ev, nil
}

// join returns ev with what b says. In their binary form two parts of a message joined are the message.
func (b *beside) join(ev actors.Event) (actors.Event, error) {
	w := &wirepb.Envelope{Hops: b.Hops, DueUs: b.DueUS, Traceparent: b.Traceparent, Meta: b.Meta, Only: b.Only}
	if b.Key != nil {
		w.Key, w.HasKey = *b.Key, true
	}
	for _, x := range []struct {
		text string
		to   *[]byte
	}{{b.Correlation, &w.CorrelationId}, {b.Causation, &w.CausationId}} {
		if x.text == "" {
			continue
		}
		id, err := actors.ParseID(x.text)
		if err != nil {
			return actors.Event{}, err
		}
		*x.to = id[:]
	}
	data, err := ev.MarshalBinary()
	if err != nil {
		return actors.Event{}, err
	}
	if data, err = (proto.MarshalOptions{}).MarshalAppend(data, w); err != nil {
		return actors.Event{}, err
	}
	var joined actors.Event
	err = joined.UnmarshalBinary(data)
	return joined, err
}
