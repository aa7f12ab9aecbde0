package actors

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/necrostack/necrostack/proto/wirepb"
)

// Written and read by hand, the envelope costs a fraction of what the generated code takes, which has to
// fill a message first. The tests hold the two against each other.

// The field numbers of Envelope in proto/wire.proto. Up to 15 a tag is one byte.
const (
	fieldVersion     protowire.Number = 1
	fieldID          protowire.Number = 2
	fieldTime        protowire.Number = 3
	fieldType        protowire.Number = 4
	fieldPayload     protowire.Number = 5
	fieldKind        protowire.Number = 6
	fieldKey         protowire.Number = 7
	fieldHasKey      protowire.Number = 8
	fieldCorrelation protowire.Number = 9
	fieldCausation   protowire.Number = 10
	fieldHops        protowire.Number = 11
	fieldDue         protowire.Number = 12
	fieldTraceparent protowire.Number = 13
	fieldMeta        protowire.Number = 14
	fieldOnly        protowire.Number = 15

	// Those of a map's entry.
	fieldName  protowire.Number = 1
	fieldValue protowire.Number = 2
)

// appendWire appends the fields in the order of their numbers, those without a value left out.
func (r *record) appendWire(b, payload []byte, encoding Encoding) []byte {
	b = appendNumber(b, fieldVersion, envelopeVersion)
	b = appendText(b, fieldID, r.id[:])
	b = appendNumber(b, fieldTime, uint64(r.timeUS))
	b = appendText(b, fieldType, r.typ)
	b = appendText(b, fieldPayload, payload)
	b = appendNumber(b, fieldKind, uint64(kindOnWire(encoding)))
	b = appendText(b, fieldKey, r.key)
	if r.hasKey {
		b = appendNumber(b, fieldHasKey, 1)
	}
	if r.correlation != r.id {
		b = appendText(b, fieldCorrelation, r.correlation[:])
	}
	if !r.causation.IsZero() {
		b = appendText(b, fieldCausation, r.causation[:])
	}
	b = appendNumber(b, fieldHops, uint64(r.hops))
	if r.extra == nil {
		return b
	}
	return r.extra.appendWire(b)
}

func (x *extra) appendWire(b []byte) []byte {
	b = appendNumber(b, fieldDue, uint64(x.dueUS))
	b = appendText(b, fieldTraceparent, x.traceparent)
	for _, m := range x.meta {
		b = protowire.AppendTag(b, fieldMeta, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(m.wireSize()))
		// An entry of a map has both its fields, whatever they hold.
		b = protowire.AppendString(protowire.AppendTag(b, fieldName, protowire.BytesType), m.name)
		b = protowire.AppendString(protowire.AppendTag(b, fieldValue, protowire.BytesType), m.value)
	}
	return appendText(b, fieldOnly, x.only)
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendText[T string | []byte](b []byte, field protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return append(protowire.AppendVarint(b, uint64(len(v))), v...)
}

func kindOnWire(encoding Encoding) wirepb.PayloadKind {
	if encoding == Protobuf {
		return wirepb.PayloadKind_PROTOBUF
	}
	return wirepb.PayloadKind_JSON
}

// envelopeSize is the size of what AppendBinary appends, apart from the payload and its kind.
func (e Event) envelopeSize() int {
	r := e.r
	n := numberSize(envelopeVersion) + textSize(len(r.id)) + numberSize(uint64(r.timeUS)) +
		textSize(len(r.typ)) + textSize(len(r.key)) + numberSize(uint64(r.hops))
	if r.hasKey {
		n += numberSize(1)
	}
	if r.correlation != r.id {
		n += textSize(len(r.correlation))
	}
	if !r.causation.IsZero() {
		n += textSize(len(r.causation))
	}
	if r.extra == nil {
		return n
	}
	n += numberSize(uint64(r.extra.dueUS)) + textSize(len(r.extra.traceparent)) + textSize(len(r.extra.only))
	for _, m := range r.extra.meta {
		n += textSize(m.wireSize())
	}
	return n
}

func payloadSize(data []byte, encoding Encoding) int {
	return textSize(len(data)) + numberSize(uint64(kindOnWire(encoding)))
}

func (m metaPair) wireSize() int {
	return 1 + protowire.SizeBytes(len(m.name)) + 1 + protowire.SizeBytes(len(m.value))
}

func numberSize(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(v)
}

func textSize(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(n)
}

// checkText refuses what no reader would take: strings of protobuf are UTF-8.
func (r *record) checkText() error {
	err := checkUTF8(r.typ, r.key)
	if x := r.extra; x != nil && err == nil {
		err = checkUTF8(x.traceparent, x.only)
		for i := 0; i < len(x.meta) && err == nil; i++ {
			err = checkUTF8(x.meta[i].name, x.meta[i].value)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrEncode, r.typ, err)
	}
	return nil
}

func checkUTF8(a, b string) error {
	for _, s := range [...]string{a, b} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%q is not UTF-8", clip(s))
		}
	}
	return nil
}

// wire is an envelope as it stands in its bytes: nothing is copied, and nothing is checked
// but that it is a protobuf message.
type wire struct {
	version, hops                       uint32
	timeUS, dueUS                       int64
	kind                                wirepb.PayloadKind
	hasKey                              bool
	id, correlation, causation, payload []byte
	typ, key, traceparent, only         string
	meta                                []metaPair // in the order of the bytes, names may repeat
}

// read takes the fields from data as the generated code does: of a field that is there twice the last counts,
// and one that is unknown, or of another wire type than its own, is skipped.
func (w *wire) read(data []byte) error {
	for len(data) > 0 {
		field, typ, n := consumeTag(data)
		if n < 0 {
			return noMessage(n)
		}
		data = data[n:]
		var err error
		switch typ {
		case protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(data)
			w.number(field, v)
		case protowire.BytesType:
			var b []byte
			if b, n = protowire.ConsumeBytes(data); n >= 0 {
				err = w.bytes(field, b)
			}
		default:
			n = protowire.ConsumeFieldValue(field, typ, data)
		}
		if n < 0 {
			return noMessage(n)
		}
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// consumeTag returns a negative length, too, for a field number that is too high.
func consumeTag(data []byte) (protowire.Number, protowire.Type, int) {
	field, typ, n := protowire.ConsumeTag(data)
	if n >= 0 && field > protowire.MaxValidNumber {
		_, _, n = protowire.ConsumeTag([]byte{0}) // field 0, invalid as well
	}
	return field, typ, n
}

func noMessage(n int) error {
	// Behind its prefix the module puts a space that is none, in some builds.
	what := strings.TrimPrefix(protowire.ParseError(n).Error(), "proto:")
	return errors.New("no protobuf message: " + strings.TrimSpace(what))
}

func (w *wire) number(field protowire.Number, v uint64) {
	switch field {
	case fieldVersion:
		w.version = uint32(v)
	case fieldTime:
		w.timeUS = int64(v)
	case fieldKind:
		w.kind = wirepb.PayloadKind(v)
	case fieldHasKey:
		w.hasKey = protowire.DecodeBool(v)
	case fieldHops:
		w.hops = uint32(v)
	case fieldDue:
		w.dueUS = int64(v)
	}
}

func (w *wire) bytes(field protowire.Number, b []byte) error {
	switch field {
	case fieldID:
		w.id = b
	case fieldPayload:
		w.payload = b
	case fieldCorrelation:
		w.correlation = b
	case fieldCausation:
		w.causation = b
	case fieldType:
		return readText(&w.typ, "event_type", b)
	case fieldKey:
		return readText(&w.key, "key", b)
	case fieldTraceparent:
		return readText(&w.traceparent, "traceparent", b)
	case fieldOnly:
		return readText(&w.only, "only", b)
	case fieldMeta:
		return w.readMeta(b)
	}
	return nil
}

// readText makes *s the text of b, without a copy.
func readText(s *string, name string, b []byte) error {
	if !utf8.Valid(b) {
		return errors.New(name + " is not UTF-8")
	}
	*s = unsafe.String(unsafe.SliceData(b), len(b))
	return nil
}

// readMeta reads an entry of the map, itself a message.
func (w *wire) readMeta(data []byte) error {
	var m metaPair
	for len(data) > 0 {
		field, typ, n := consumeTag(data)
		if n < 0 {
			return noMessage(n)
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(field, typ, data); n < 0 {
			return noMessage(n)
		}
		if err := m.read(field, typ, data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	w.meta = append(w.meta, m)
	if len(w.meta) <= 4*MetaCountLimit {
		return nil
	}
	// Of two bytes each, they would take sixteen times the memory of what has arrived.
	w.meta = lastOfEach(w.meta)
	if n := len(w.meta); n > MetaCountLimit+1 { // one is not counted, see checkMeta
		return &LimitError{What: "meta", Got: n, Limit: MetaCountLimit, Unit: "strings"}
	}
	return nil
}

func (m *metaPair) read(field protowire.Number, typ protowire.Type, value []byte) error {
	if typ != protowire.BytesType {
		return nil
	}
	b, _ := protowire.ConsumeBytes(value)
	switch field {
	case fieldName:
		return readText(&m.name, "a name of meta", b)
	case fieldValue:
		return readText(&m.value, "a value of meta", b)
	}
	return nil
}
