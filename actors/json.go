package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrJSON reports text that is not an event's JSON form.
var ErrJSON = errors.New("actors: not an event")

// jsonForm is the public JSON form of an event: exactly these four fields.
type jsonForm struct {
	ID        string          `json:"id"`
	Timestamp string          `json:"timestamp"`
	EventType string          `json:"event_type"`
	Payload   json.RawMessage `json:"payload"`
}

// MarshalJSON writes the four fields id, timestamp (RFC 3339, UTC), event_type and
// payload, and nothing of the envelope.
func (e Event) MarshalJSON() ([]byte, error) {
	f, err := e.form()
	if err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

func (e Event) form() (jsonForm, error) {
	payload, err := e.r.jsonBody()
	if err != nil {
		return jsonForm{}, err
	}
	return jsonForm{
		ID:        e.r.id.String(),
		Timestamp: e.Time().Format(time.RFC3339Nano),
		EventType: e.r.typ,
		Payload:   payload,
	}, nil
}

// UnmarshalJSON reads the four fields and refuses any other. The event is the first of a chain
// of its own and has no key. Errors wrap ErrJSON and name the field and the value.
func (e *Event) UnmarshalJSON(data []byte) error {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	for name := range fields {
		if !slices.Contains([]string{"id", "timestamp", "event_type", "payload"}, name) {
			return fmt.Errorf("%w: unknown field %q", ErrJSON, clip(name))
		}
	}
	r := &record{}
	if err := readForm(r, fields); err != nil {
		return err
	}
	r.correlation = r.id
	e.r = r
	return nil
}

func readForm(r *record, fields map[string]json.RawMessage) error {
	id, err := textField(fields, "id")
	if err != nil {
		return err
	}
	if r.id, err = ParseID(id); err != nil {
		return fmt.Errorf("%w: field id: %w", ErrJSON, err)
	}
	if r.id.IsZero() {
		return fmt.Errorf("%w: field id is %q, which stands for none", ErrJSON, id)
	}
	stamp, err := textField(fields, "timestamp")
	if err != nil {
		return err
	}
	if r.timeUS, err = parseTime(stamp); err != nil {
		return err
	}
	if r.typ, err = textField(fields, "event_type"); err != nil {
		return err
	}
	if err := CheckName("event_type", r.typ); err != nil {
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	payload, ok := fields["payload"]
	if !ok {
		return fmt.Errorf("%w: field payload is missing", ErrJSON)
	}
	if err := checkObject(payload); err != nil {
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	r.body.Store(&body{data: payload})
	return nil
}

func parseTime(stamp string) (int64, error) {
	at, err := time.Parse(time.RFC3339Nano, stamp)
	// time.Parse also takes hours of one digit, and a comma for the point.
	if err != nil || stamp[13] != ':' || stamp[19] == ',' || !writable(micro(at)) {
		return 0, fmt.Errorf("%w: field timestamp is %q, want RFC 3339 with a zone", ErrJSON, clip(stamp))
	}
	return micro(at), nil
}

// writable tells whether a time has a text of its own in RFC 3339, whose years have four digits.
func writable(us int64) bool {
	year := fromMicro(us).Year()
	return 0 <= year && year <= 9999
}

func textField(fields map[string]json.RawMessage, name string) (string, error) {
	raw, ok := fields[name]
	if !ok {
		return "", fmt.Errorf("%w: field %s is missing", ErrJSON, name)
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fmt.Errorf("%w: field %s is %q, want a string", ErrJSON, name, clip(string(raw)))
	}
	return *s, nil
}

// AppendJSONLine appends the event as one line: the four fields, then key,
// correlation_id, causation_id and hops, for people and tools that follow a chain.
func (e Event) AppendJSONLine(b []byte) ([]byte, error) {
	f, err := e.form()
	if err != nil {
		return b, err
	}
	line := struct {
		jsonForm
		Key         *string `json:"key"`
		Correlation string  `json:"correlation_id"`
		Causation   *string `json:"causation_id"`
		Hops        int     `json:"hops"`
	}{jsonForm: f, Correlation: e.r.correlation.String(), Hops: e.Hops()}
	if e.r.hasKey {
		line.Key = &e.r.key
	}
	if !e.r.causation.IsZero() {
		cause := e.r.causation.String()
		line.Causation = &cause
	}
	data, err := json.Marshal(line)
	if err != nil {
		return b, err
	}
	return append(append(b, data...), '\n'), nil
}
