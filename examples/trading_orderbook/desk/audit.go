package desk

import (
	"encoding/json"
	"fmt"
	"slices"

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

// trail is the state of AuditTrail. It counts types by their place in audited: of a handful of words a map
// would cost more than the hash.
type trail struct {
	symbol string
	Chain
	counts []uint64
}

func (t *trail) audit() Audit {
	a := Audit{Symbol: t.symbol, Chain: t.Chain, Types: map[string]uint64{}}
	for i, n := range t.counts {
		if n > 0 {
			a.Types[audited[i].typ] = n
		}
	}
	return a
}

// MarshalBinary implements encoding.BinaryMarshaler: what AuditOf is answered.
func (t *trail) MarshalBinary() ([]byte, error) { return json.Marshal(t.audit()) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler. After an error the trail is what it was.
func (t *trail) UnmarshalBinary(data []byte) error {
	var a Audit
	if err := json.Unmarshal(data, &a); err != nil {
		return err
	}
	counts := make([]uint64, len(audited))
	for typ, n := range a.Types {
		i := slices.IndexFunc(audited, func(x auditedType) bool { return x.typ == typ })
		if i < 0 {
			return fmt.Errorf("desk: audit of %q has %d events of type %q, which is not audited", a.Symbol, n, clip(typ))
		}
		counts[i] = n
	}
	t.symbol, t.Chain, t.counts = a.Symbol, a.Chain, counts
	return nil
}

// newAuditTrail hashes and counts; the events themselves are where the program writes them.
func newAuditTrail() *actors.Keyed[trail] {
	parts := []actors.Part[trail]{
		actors.Answer(func(t *trail, _ AuditOf) (Audit, error) { return t.audit(), nil }),
	}
	for i := range audited {
		parts = append(parts, audited[i].step(i))
	}
	return actors.NewKeyed(AuditTrail, func(key string) *trail {
		return &trail{symbol: key, counts: make([]uint64, len(audited))}
	}, parts...)
}
