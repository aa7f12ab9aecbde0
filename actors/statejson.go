package actors

import (
	"bytes"
	"encoding/json"
	"sync"
)

// unmarshalJSONState decodes into a zero state: JSON merges into what is there, and what
// fresh put into a map would come back after a Step had deleted it. On an error the state is what it was.
func unmarshalJSONState[S any](b []byte, s *S) error {
	var zero S
	before := *s
	*s = zero
	if len(b) <= smallState && decodeSmall(b, s) {
		return nil
	}
	*s = zero
	err := json.Unmarshal(b, s)
	if err != nil {
		*s = before
	}
	return err
}

// smallState bounds, in bytes, the states that a stateDecoder reads: it keeps room for twice the largest.
const smallState = 4 << 10

// stateDecoder reads one small state after another. json.Unmarshal makes everything it needs anew each time, which is
// ten times what such a state weighs.
type stateDecoder struct {
	in   bytes.Reader
	json *json.Decoder // of in
}

var stateDecoders = sync.Pool{New: func() any {
	d := &stateDecoder{}
	d.json = json.NewDecoder(&d.in)
	return d
}}

// decodeSmall decodes b, and reports whether that went well and b is nothing but one value; what is wrong else, if
// anything, json.Unmarshal has to tell. A decoder that has seen such a thing is not used again.
func decodeSmall(b []byte, state any) bool {
	d := stateDecoders.Get().(*stateDecoder)
	d.in.Reset(b)
	start := d.json.InputOffset()
	if err := d.json.Decode(state); err != nil || d.json.InputOffset()-start != int64(len(b)) {
		return false
	}
	d.in.Reset(nil)
	stateDecoders.Put(d)
	return true
}
