package redisstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/necrostack/necrostack/actors"
)

// The Python original, MitudruDutta/necrostack, writes an entry with the single field event. Its value is what
// json.dumps makes of id, timestamp (datetime.isoformat), event_type and payload, in this order: ASCII only, "+00:00" for
// the zone, six digits of a second or none.
//
// Its reader takes the field event out of a dictionary of all fields and refuses an unknown name inside of its
// JSON: what these four cannot say may stand beside them in a field of its own. But it decodes the whole answer of the
// server as UTF-8, and gives up the connection when some field is not. So everything written in its form is UTF-8, and
// a stream that it reads must not hold envelopes: all who write to it have to use WithOriginalForm.
//
// What it can write and nobody else read stays malformed here: NaN and Infinity, which are no JSON, ids that are no UUID,
// and event types with characters that CheckName refuses.

const (
	// originalTime is datetime.isoformat without the zone; without its fraction where that is zero.
	originalTime         = "2006-01-02T15:04:05.000000"
	originalWholeSeconds = "2006-01-02T15:04:05"
)

func formatOriginal(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()/1000 == 0 {
		return t.Format(originalWholeSeconds)
	}
	return t.Format(originalTime)
}

// encodeOriginal returns the event in the original's form and, behind a newline, what goes beside it.
func encodeOriginal(ev actors.Event) (string, error) {
	event, besides, err := originalFields(ev)
	if err != nil || besides == "" {
		return event, err
	}
	return event + "\n" + besides, nil
}

// originalFields returns the two fields of an event in the original's form, the second one "" when it is not needed.
func originalFields(ev actors.Event) (event, besides string, err error) {
	if event, err = originalJSON(ev); err != nil {
		return "", "", err
	}
	b := besideOf(ev)
	if b.empty() {
		return event, "", nil
	}
	if err := b.check(); err != nil {
		return "", "", fmt.Errorf("%w: %s: %w", actors.ErrEncode, ev.Type(), err)
	}
	data, err := json.Marshal(b)
	if err != nil {
		return "", "", fmt.Errorf("%w: %s: %w", actors.ErrEncode, ev.Type(), err)
	}
	return event, string(data), nil
}

func originalJSON(ev actors.Event) (string, error) {
	payload, err := jsonPayload(ev)
	if err != nil {
		return "", err
	}
	if err := checkOriginal(ev); err != nil {
		return "", fmt.Errorf("%w: %s: %w", actors.ErrEncode, ev.Type(), err)
	}
	b := bytes.NewBuffer(make([]byte, 0, len(payload)+len(ev.Type())+160))
	b.WriteString(`{"id": "`)
	b.WriteString(ev.ID().String())
	b.WriteString(`", "timestamp": "`)
	b.WriteString(formatOriginal(ev.Time()))
	b.WriteString(`+00:00", "event_type": "`)
	b.WriteString(ev.Type()) // CheckName leaves nothing to be quoted in it
	b.WriteString(`", "payload": `)
	if err := json.Compact(b, payload); err != nil {
		return "", fmt.Errorf("%w: %s: %w", actors.ErrEncode, ev.Type(), err)
	}
	b.WriteString(`}`)
	if !utf8.Valid(b.Bytes()) {
		return "", fmt.Errorf("%w: %s: payload is not UTF-8", actors.ErrEncode, ev.Type())
	}
	if err := checkOriginalSize(ev, payload); err != nil {
		return "", err
	}
	return b.String(), nil
}

// checkOriginal refuses what the original's reader does.
func checkOriginal(ev actors.Event) error {
	id := ev.ID()
	if id[6]>>4 != 4 || id[8]>>6 != 2 {
		return fmt.Errorf("id %s is no UUID of version 4, as the original wants", id)
	}
	if ev.Time().Year() < 1 {
		return fmt.Errorf("time is %s, before the original's first year", ev.Time())
	}
	return nil
}

// jsonPayload is the payload as JSON; a protobuf message becomes its JSON form.
func jsonPayload(ev actors.Event) ([]byte, error) {
	data, encoding, err := ev.Data()
	if err != nil || encoding == actors.JSON {
		return data, err
	}
	text, err := ev.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var f struct{ Payload json.RawMessage }
	if err := json.Unmarshal(text, &f); err != nil || f.Payload[0] != '{' {
		return nil, fmt.Errorf("%w: %s: %q is not a JSON object", actors.ErrEncode, ev.Type(), clip(string(f.Payload)))
	}
	return f.Payload, nil
}

// decodeOriginal reads the original's JSON. The event has no key.
func decodeOriginal(text string) (actors.Event, error) {
	if !utf8.ValidString(text) {
		return actors.Event{}, malformed("field event is not UTF-8")
	}
	var ev actors.Event
	err := ev.UnmarshalJSON([]byte(text))
	if err == nil {
		return ev, nil
	}
	if zoned, ok := withZone(text); ok && ev.UnmarshalJSON(zoned) == nil {
		return ev, nil
	}
	return actors.Event{}, malformed("field event: %w", err)
}

// withZone returns text with the zone that its timestamp lacks. A program that makes one without a zone gets it written
// as it is; its own default is UTC.
func withZone(text string) ([]byte, bool) {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil, false
	}
	stamp, err := strconv.Unquote(string(fields["timestamp"]))
	if err != nil {
		return nil, false
	}
	at, ok := parseWithoutZone(stamp)
	if !ok {
		return nil, false
	}
	fields["timestamp"] = []byte(at.Format(`"` + time.RFC3339Nano + `"`))
	zoned, err := json.Marshal(fields)
	return zoned, err == nil
}

// parseWithoutZone reads exactly what isoformat writes.
func parseWithoutZone(stamp string) (time.Time, bool) {
	at, err := time.Parse(originalWholeSeconds, stamp) // takes a fraction, too
	return at, err == nil && formatOriginal(at) == stamp
}
