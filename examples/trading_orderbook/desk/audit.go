package desk

import (
	"encoding/json"

	"github.com/necrostack/necrostack/actors"
)

// Audit is what an audit trail knows of a symbol.
type Audit struct {
	Symbol string `json:"symbol"`
	Chain
	Types map[string]uint64 `json:"types"` // how many events of each type
}

// AuditOf asks AuditTrail for the Audit of a symbol.
type AuditOf struct{}

// trail is the state of AuditTrail.
type trail struct{ Audit }

// MarshalBinary implements encoding.BinaryMarshaler.
func (t *trail) MarshalBinary() ([]byte, error) { return json.Marshal(t.Audit) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (t *trail) UnmarshalBinary(data []byte) error { return json.Unmarshal(data, &t.Audit) }

// newAuditTrail hashes and counts; the events themselves are where the program writes them.
func newAuditTrail() *actors.Keyed[trail] {
	parts := []actors.Part[trail]{
		actors.Answer(func(t *trail, _ AuditOf) (Audit, error) { return t.Audit, nil }),
	}
	for i := range audited {
		parts = append(parts, audited[i].step)
	}
	return actors.NewKeyed(AuditTrail, func(key string) *trail {
		return &trail{Audit{Symbol: key, Types: map[string]uint64{}}}
	}, parts...)
}
