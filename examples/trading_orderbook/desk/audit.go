package desk

import (
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

const trailVersion = 1

// MarshalBinary implements encoding.BinaryMarshaler: version, links, counts by type.
func (t *trail) MarshalBinary() ([]byte, error) {
	c := append(make(canonical, 0, 512), trailVersion)
	for _, l := range []*Link{&t.All, &t.Matching} {
		c = append(c.count(l.Events), l.Head[:]...)
	}
	c = c.count(uint64(len(t.counts)))
	for i, n := range t.counts {
		c = c.text(audited[i].typ).count(n)
	}
	return c, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. After an error the trail is what it was.
func (t *trail) UnmarshalBinary(data []byte) error {
	r := readingOf(data, trailVersion)
	var links [2]Link
	for i := range links {
		links[i].Events = r.count()
		copy(links[i].Head[:], r.bytes(len(Head{})))
	}
	counts := make([]uint64, len(audited))
	for n := r.count(); n > 0 && !r.bad; n-- {
		typ := r.text()
		i := slices.IndexFunc(audited, func(x auditedType) bool { return x.typ == typ })
		if i < 0 {
			r.fail()
			break
		}
		counts[i] = r.count()
	}
	if err := r.end(); err != nil {
		return fmt.Errorf("desk: audit of %q: %w", t.symbol, err)
	}
	t.Chain, t.counts = Chain{All: links[0], Matching: links[1]}, counts
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
