package redisstream

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/necrostack/necrostack/actors"
)

// The fields of a stream's entry: fieldEnvelope alone, or fieldOriginal, with fieldBeside where it is needed.
const (
	fieldEnvelope = "e"        // the protobuf envelope
	fieldOriginal = "event"    // the original's JSON
	fieldBeside   = "envelope" // what the original's JSON has no place for, see beside
)

// entryLimit is the largest value of an entry written or read, in bytes: far above what limits of payloads
// make sense, and what a reader can be made to hold by whoever may write to the stream.
const entryLimit = 16 << 20

// errMalformed reports an entry, of events or of dead letters, that cannot be read. Its text is fit to be
// printed: values from the entry appear clipped and quoted.
var errMalformed = errors.New("redisstream: malformed entry")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errMalformed}, args...)...)
}

// encodeEntry returns the field and the value under which ev goes into a stream. In the original's form what
// belongs into fieldBeside, if anything, follows in value behind a newline, of which there is no other: the scripts
// that append it make two fields of it. The error wraps actors.ErrEncode.
func encodeEntry(ev actors.Event, original bool) (field, value string, err error) {
	if original {
		value, err = encodeOriginal(ev)
		return fieldOriginal, value, err
	}
	value, err = encodeEnvelope(ev)
	return fieldEnvelope, value, err
}

func encodeEnvelope(ev actors.Event) (string, error) {
	b, err := ev.MarshalBinary()
	if err != nil {
		return "", err
	}
	if len(b) > entryLimit {
		return "", tooLarge(ev, len(b))
	}
	return unsafe.String(unsafe.SliceData(b), len(b)), nil // nobody else has b
}

func tooLarge(ev actors.Event, n int) error {
	return fmt.Errorf("%w: %w", actors.ErrEncode,
		&actors.LimitError{What: "entry of " + ev.Type(), Got: n, Limit: entryLimit, Unit: "bytes"})
}

// decodeEntry reads an entry whoever wrote it. values are names and values in the order of the entry; the event lies
// in the memory of its value. The error wraps errMalformed.
func decodeEntry(values []string) (actors.Event, error) {
	if len(values) == 2 && values[0] == fieldEnvelope {
		return decodeEnvelope(values[1])
	}
	return decodeFields(values)
}

func decodeEnvelope(value string) (actors.Event, error) {
	if err := checkSize(fieldEnvelope, value); err != nil {
		return actors.Event{}, err
	}
	var ev actors.Event
	if err := ev.UnmarshalString(value); err != nil {
		return actors.Event{}, malformed("field e: %w", err)
	}
	return ev, nil
}

func checkSize(name, value string) error {
	if len(value) > entryLimit {
		return malformed("field %s has %d bytes, the limit is %d", name, len(value), entryLimit)
	}
	return nil
}

// entryFields are the values of an entry's fields, nil for those it does not have.
type entryFields struct{ envelope, original, beside *string }

// set takes a field, and reports whether it is one of an event and whether it was there before.
func (f *entryFields) set(name string, value *string) (known, twice bool) {
	var at **string
	switch name {
	case fieldEnvelope:
		at = &f.envelope
	case fieldOriginal:
		at = &f.original
	case fieldBeside:
		at = &f.beside
	default:
		return false, false
	}
	twice = *at != nil
	*at = value
	return true, twice
}

// empty reports whether there is no field of an event at all.
func (f *entryFields) empty() bool { return *f == entryFields{} }

// decode reads the event. There must be one.
func (f *entryFields) decode() (actors.Event, error) {
	switch {
	case f.envelope != nil && (f.original != nil || f.beside != nil):
		return actors.Event{}, malformed("field e stands beside another form of the event")
	case f.envelope != nil:
		return decodeEnvelope(*f.envelope)
	case f.original == nil:
		return actors.Event{}, malformed("neither field e nor field event is there")
	}
	if err := checkSize(fieldOriginal, *f.original); err != nil {
		return actors.Event{}, err
	}
	if f.beside == nil {
		return decodeOriginal(*f.original)
	}
	if err := checkSize(fieldBeside, *f.beside); err != nil {
		return actors.Event{}, err
	}
	return decodeBoth(*f.original, *f.beside)
}

func decodeFields(values []string) (actors.Event, error) {
	if len(values)%2 != 0 {
		return actors.Event{}, malformed("%d names and values do not make pairs", len(values))
	}
	var f entryFields
	for i := 0; i < len(values); i += 2 {
		switch known, twice := f.set(values[i], &values[i+1]); {
		case !known:
			return actors.Event{}, malformed("field %q, one of %d, is unknown", clip(values[i]), len(values)/2)
		case twice:
			return actors.Event{}, malformed("field %s is there twice", values[i])
		}
	}
	return f.decode()
}

// clip shortens text from a store for an error message, where %q quotes it.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
