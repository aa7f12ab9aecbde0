package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// errDamaged reports what a store holds of the cluster and nobody can make sense of.
var errDamaged = errors.New("cluster: damaged")

// record is the JSON form of what a member says of itself. Fields that are not known are passed over, so that
// newer nodes can say more.
type record struct {
	Beat    uint64   `json:"beat"`
	Weight  float64  `json:"weight"`
	Leaving bool     `json:"leaving,omitempty"`
	Plan    uint64   `json:"plan,omitempty"` // the version that it follows
	Organs  []string `json:"organs,omitempty"`
	Retired []string `json:"retired,omitempty"`
}

func recordOf(s spine.Service, weight float64) record {
	r := record{Weight: weight, Retired: s.Retired}
	for _, o := range s.Organs {
		r.Organs = append(r.Organs, o.Name)
	}
	slices.Sort(r.Organs)
	return r
}

func (r record) encode() string { return encode(r) }

// decodeRecord reads a record. The error wraps errDamaged.
func decodeRecord(id, text string) (record, error) {
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return record{}, fmt.Errorf("%w: record of %q: %w", errDamaged, id, err)
	}
	if err := Validate([]Member{{ID: id, Weight: r.Weight}}, nil, 0); err != nil {
		return record{}, fmt.Errorf("%w: record of %q: %w", errDamaged, id, err)
	}
	return r, nil
}

// supersedes reports whether the program of r may take over from that of x, and that of x not from that of r: r has an
// organ that x neither has nor has retired.
func (r record) supersedes(x record) bool {
	return r.succeeds(x.Organs) && !x.succeeds(r.Organs)
}

// succeeds is spine.Service.Succeeds for what a record tells of a service.
func (r record) succeeds(organs []string) bool {
	return !slices.ContainsFunc(organs, func(name string) bool {
		return !slices.Contains(r.Organs, name) && !slices.Contains(r.Retired, name)
	})
}

// outdated returns who of the members has fewer organs than another one of them.
func outdated(members []Member, records map[string]record) map[string]bool {
	old := make(map[string]bool)
	programs := programsOf(members, records)
	for _, m := range members {
		r := records[m.ID]
		if slices.ContainsFunc(programs, func(p record) bool { return p.supersedes(r) }) {
			old[m.ID] = true
		}
	}
	return old
}

// programsOf returns a record for each set of organs there is: few, however many members.
func programsOf(members []Member, records map[string]record) []record {
	var programs []record
	for _, m := range members {
		r := records[m.ID]
		if !slices.ContainsFunc(programs, func(p record) bool {
			return slices.Equal(p.Organs, r.Organs) && slices.Equal(p.Retired, r.Retired)
		}) {
			programs = append(programs, r)
		}
	}
	return programs
}

// pinning is the JSON form of the pins.
type pinning struct {
	Version uint64 `json:"version"` // counted up by every change
	Pins    Pins   `json:"pins"`

	text string // as the store has it
}

func (p pinning) encode() string { return encode(p) }

// decodePins reads the pins; "" is none. On an error, which wraps errDamaged, there are none either, and the text is still
// what the next ones replace.
func decodePins(text string, shards int) (pinning, error) {
	none := pinning{text: text}
	if text == "" {
		return none, nil
	}
	p := none
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return none, fmt.Errorf("%w: pins: %w", errDamaged, err)
	}
	if err := Validate(nil, p.Pins, shards); err != nil {
		return none, fmt.Errorf("%w: pins: %w", errDamaged, err)
	}
	for _, to := range p.Pins {
		if err := actors.CheckName("pin", to); err != nil {
			return none, fmt.Errorf("%w: pins: %w", errDamaged, err)
		}
	}
	return p, nil
}

// encode makes the JSON form of one of our own types, all of which have one.
func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cluster: %T has no JSON form: %v", v, err))
	}
	return string(text)
}
