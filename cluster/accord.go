package cluster

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// accord is the plan in force and what it was made of. It is never changed.
type accord struct {
	version uint64
	pinned  uint64 // the version of the pins
	members []Member
	owners  Plan

	text string // as the store has it
}

// planForm is the JSON form of an accord. Owners is base64 of one unsigned varint for each shard: 0 where nobody is to own it,
// otherwise the position of its owner among the members, counted from 1. So 4,096 shards of 200 members take 11
// KB, which every node reads with every beat.
type planForm struct {
	Version uint64       `json:"version"`
	Pinned  uint64       `json:"pinned,omitempty"`
	Members []memberForm `json:"members"`
	Owners  string       `json:"owners"`
}

type memberForm struct {
	ID     string  `json:"id"`
	Weight float64 `json:"weight"`
}

// next makes the accord that follows a, with its text.
func (a *accord) next(members []Member, pins pinning) (*accord, error) {
	owners, err := Assign(members, pins.Pins, a.owners)
	if err != nil {
		return nil, err
	}
	next := &accord{version: a.version + 1, pinned: pins.Version, members: members, owners: owners}
	next.text = next.encode()
	return next, nil
}

func (a *accord) has(id string) bool {
	return slices.ContainsFunc(a.members, func(m Member) bool { return m.ID == id })
}

// madeFor reports whether a is what these members and pins ask for.
func (a *accord) madeFor(members []Member, pins pinning) bool {
	return slices.Equal(a.members, members) && a.pinned == pins.Version
}

func (a *accord) encode() string {
	form := planForm{Version: a.version, Pinned: a.pinned, Members: []memberForm{}}
	position := make(map[string]uint64, len(a.members))
	for i, m := range a.members {
		form.Members = append(form.Members, memberForm(m))
		position[m.ID] = uint64(i) + 1
	}
	var owners []byte
	for _, id := range a.owners {
		owners = binary.AppendUvarint(owners, position[id])
	}
	form.Owners = base64.StdEncoding.EncodeToString(owners)
	return encode(form)
}

// decodeAccord reads a plan in force; "" is one in which nobody owns anything. On an error, which wraps errDamaged, it returns
// that as well, and the text is still what the next one replaces.
func decodeAccord(text string, shards int) (*accord, error) {
	none := &accord{owners: NewPlan(shards), text: text}
	if text == "" {
		return none, nil
	}
	var form planForm
	if err := json.Unmarshal([]byte(text), &form); err != nil {
		return none, fmt.Errorf("%w: plan: %w", errDamaged, err)
	}
	a := &accord{version: form.Version, pinned: form.Pinned, owners: NewPlan(shards), text: text}
	for _, m := range form.Members {
		a.members = append(a.members, Member(m))
	}
	if err := Validate(a.members, nil, shards); err != nil {
		return none, fmt.Errorf("%w: plan: %w", errDamaged, err)
	}
	if err := a.decodeOwners(form.Owners); err != nil {
		return none, fmt.Errorf("%w: plan: %w", errDamaged, err)
	}
	return a, nil
}

func (a *accord) decodeOwners(text string) error {
	owners, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("owners: %w", err)
	}
	for s := range a.owners {
		position, n := binary.Uvarint(owners)
		if n <= 0 {
			return fmt.Errorf("owners: no more than %d shards, there are %d", s, len(a.owners))
		}
		if position > uint64(len(a.members)) {
			return fmt.Errorf("owners: shard %d is of member %d, there are %d", s, position, len(a.members))
		}
		if position > 0 {
			a.owners[s] = a.members[position-1].ID
		}
		owners = owners[n:]
	}
	if len(owners) > 0 {
		return fmt.Errorf("owners: more than the %d shards that there are", len(a.owners))
	}
	return nil
}
