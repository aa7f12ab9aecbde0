package redisstream

import (
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// The fields of a dead letter's entry. Those of the event follow, as in the entry of an event.
const (
	letterService  = "service"
	letterOrgan    = "organ"
	letterReason   = "reason" // the word of a Kind; free text in the original's form
	letterError    = "error"
	letterAttempts = "attempts"
	letterFirst    = "first"
	letterLast     = "last"
	letterStack    = "stack"
	letterKind     = "kind" // in the original's form: what reason is in ours

	// In the original's form, where the organ is not known, and nothing else is.
	letterEntry    = "original_id" // the id of the entry that failed
	letterFailedAt = "failed_at"

	// For people, who cannot read the envelope.
	letterEventID   = "event_id"
	letterEventType = "event_type"
	letterKey       = "key"

	rawPrefix = "raw:" // of the fields of an entry that could not be read
	badOrgan  = "_bad" // whom such an entry's letter belongs to
	noEvent   = "{}"   // what the original keeps of an entry without an event
)

// letterTime keeps microseconds, in a width that sorts as text.
const letterTime = "2006-01-02T15:04:05.000000Z07:00"

// encodeLetter returns a dead letter's entry, names and values in turn. In the original's form it begins with the fields
// that program writes, and what it has no name for follows; an event that cannot be told in that form stays in ours. A
// letter's ID, where it is set, is taken for the id of the entry that failed. The error wraps actors.ErrEncode.
func encodeLetter(l supervision.DeadLetter, original bool) ([]string, error) {
	if original {
		if event, besides, err := originalFields(l.Event); err == nil {
			return originalLetter(l, event, besides), nil
		}
	}
	envelope, err := encodeEnvelope(l.Event)
	if err != nil {
		return nil, err
	}
	values := []string{letterService, l.Service, letterOrgan, l.Organ, letterReason, l.Reason.String(), letterError, l.Error}
	values = appendAttempts(values, l)
	values = append(values, letterLast, formatLetterTime(l.Last), letterEventID, l.Event.ID().String(), letterEventType, l.Event.Type())
	if l.Event.HasKey() {
		values = append(values, letterKey, l.Event.Key())
	}
	return append(values, fieldEnvelope, envelope), nil
}

func originalLetter(l supervision.DeadLetter, event, besides string) []string {
	text := l.Error
	if text == "" {
		text = l.Reason.String()
	}
	values := []string{
		letterEntry, l.ID, fieldOriginal, event, letterReason, text, letterFailedAt, formatOriginal(l.Last) + "+00:00",
		letterService, l.Service, letterOrgan, l.Organ, letterKind, l.Reason.String(),
	}
	values = appendAttempts(values, l)
	if besides != "" {
		values = append(values, fieldBeside, besides)
	}
	return values
}

func appendAttempts(values []string, l supervision.DeadLetter) []string {
	values = append(values, letterAttempts, strconv.Itoa(l.Attempts), letterFirst, formatLetterTime(l.First))
	if l.Stack != "" {
		values = append(values, letterStack, l.Stack)
	}
	return values
}

func formatLetterTime(t time.Time) string { return t.UTC().Format(letterTime) }

// encodeBadLetter returns the dead letter of an entry that could not be read, or is gone: it belongs to the
// organ _bad and has no event, but behind its own fields all of raw, the names with a prefix. reason
// is the word of a Kind, or another one.
func encodeBadLetter(service, reason, errText string, at time.Time, raw []string) []string {
	when := formatLetterTime(at)
	values := []string{
		letterService, service, letterOrgan, badOrgan, letterReason, reason, letterError, supervision.ClipError(errText),
		letterAttempts, "0", letterFirst, when, letterLast, when,
	}
	for i := 0; i+1 < len(raw); i += 2 {
		values = append(values, rawPrefix+raw[i], raw[i+1])
	}
	return values
}

// decodeLetter reads a dead letter's entry in either form, also as the original writes it: that has no service,
// organ and attempts. Unknown fields are ignored. A letter of the organ _bad may be without an
// event. The error wraps errMalformed.
func decodeLetter(id string, values []string) (supervision.DeadLetter, error) {
	f, err := letterFieldsOf(values)
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	l := supervision.DeadLetter{
		ID: id, Service: f.text[letterService], Organ: f.text[letterOrgan],
		Error: supervision.ClipError(f.text[letterError]), Stack: supervision.ClipStack(f.text[letterStack]),
	}
	read := f.readOurs
	if _, ok := f.text[letterFailedAt]; ok {
		read = f.readOriginals
	}
	if err := read(&l); err != nil {
		return supervision.DeadLetter{}, err
	}
	if f.event.empty() && l.Organ == badOrgan {
		return l, nil
	}
	if l.Event, err = f.event.decode(); err != nil {
		return supervision.DeadLetter{}, err
	}
	return l, nil
}

// letterFields are the fields of a dead letter.
type letterFields struct {
	text  map[string]string
	event entryFields
}

func letterFieldsOf(values []string) (letterFields, error) {
	if len(values)%2 != 0 {
		return letterFields{}, malformed("%d names and values do not make pairs", len(values))
	}
	f := letterFields{text: make(map[string]string, len(values)/2)}
	for i := 0; i < len(values); i += 2 {
		name := values[i]
		if strings.HasPrefix(name, rawPrefix) {
			continue
		}
		known, twice := f.event.set(name, &values[i+1])
		if !known {
			_, twice = f.text[name]
			f.text[name] = values[i+1]
		}
		if twice {
			return letterFields{}, malformed("field %q is there twice", clip(name))
		}
	}
	return f, nil
}

func (f *letterFields) readOurs(l *supervision.DeadLetter) error {
	if err := f.readTime(letterLast, &l.Last); err != nil {
		return err
	}
	return f.readFailure(letterReason, l)
}

// readOriginals reads a letter in the original's form, of which it writes the first four fields and we the others, too.
func (f *letterFields) readOriginals(l *supervision.DeadLetter) error {
	l.Error = supervision.ClipError(f.text[letterReason])
	if err := f.readTime(letterFailedAt, &l.Last); err != nil {
		return err
	}
	if _, ours := f.text[letterKind]; ours {
		return f.readFailure(letterKind, l)
	}
	l.Service, l.Organ, l.Stack, l.Reason, l.First = "", "", "", actors.KindError, l.Last
	if f.event.original != nil && *f.event.original == noEvent {
		f.event, l.Organ = entryFields{}, badOrgan
	}
	return nil
}

// readFailure reads what only we write; kind is the name of the field with the word of a Kind.
func (f *letterFields) readFailure(kind string, l *supervision.DeadLetter) error {
	for _, name := range []string{letterService, letterOrgan} {
		if err := actors.CheckName(name, f.text[name]); err != nil {
			return malformed("%w", err)
		}
	}
	word := f.text[kind]
	l.Reason = actors.KindOf(word)
	switch {
	case l.Reason != 0:
	case l.Organ == badOrgan:
		l.Reason, l.Error = actors.KindUndecodable, supervision.ClipError(word+": "+l.Error)
	default:
		return malformed("field %s is %q, want a kind of failure", kind, clip(word))
	}
	return f.readAttempts(l)
}

func (f *letterFields) readAttempts(l *supervision.DeadLetter) error {
	text := f.text[letterAttempts]
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return malformed("field attempts is %q, want a number", clip(text))
	}
	l.Attempts = int(n)
	return f.readTime(letterFirst, &l.First)
}

func (f *letterFields) readTime(name string, t *time.Time) error {
	text := f.text[name]
	at, ok := parseLetterTime(text)
	if !ok {
		return malformed("field %s is %q, want a time", name, clip(text))
	}
	*t = at
	return nil
}

func parseLetterTime(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return parseWithoutZone(text)
	}
	at = at.UTC()
	// time.Parse also takes hours of one digit, and a comma for the point; a zone may lead out of the years of four digits.
	return at, text[13] == ':' && text[19] != ',' && 0 <= at.Year() && at.Year() <= 9999
}
