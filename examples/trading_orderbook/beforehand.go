package main

import (
	"encoding/json"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// beforehand finds out how far each chain of AuditTrail was when this run began: a desk on Redis goes on with
// those of earlier runs. It looks at the cells as they step, and tells what a cell had before the
// event that is the first to be settled. Safe for concurrent use.
type beforehand struct {
	mu    sync.Mutex
	links map[string]linksByEvent // by key; nil: it is known
}

type linksByEvent map[actors.ID]desk.Chain

// wrap makes the cells of AuditTrail tell.
func (b *beforehand) wrap(def actors.Definition) actors.Definition {
	organ, keyed := def.(actors.KeyedOrgan)
	if !keyed || def.Name() != desk.AuditTrail {
		return def
	}
	return watchedTrail{organ, b}
}

// step is called before a cell steps, also when it is recovered or tries again: the last call for an event is right.
func (b *beforehand) step(key string, id actors.ID, c actors.Cell) {
	b.mu.Lock()
	defer b.mu.Unlock()
	links, begun := b.links[key]
	if begun && links == nil {
		return
	}
	var said desk.Audit
	data, err := c.Answer(desk.AuditOf{})
	if err != nil || json.Unmarshal(data, &said) != nil {
		return // compare will tell that the chains differ
	}
	if links == nil {
		links = linksByEvent{}
		b.links[key] = links
	}
	links[id] = said.Chain
}

// end returns the chain of key before the event id, and looks at it no longer.
func (b *beforehand) end(key string, id actors.ID) *desk.Chain {
	b.mu.Lock()
	defer b.mu.Unlock()
	chain := b.links[key][id]
	b.links[key] = nil
	return &chain
}

type watchedTrail struct {
	actors.KeyedOrgan
	before *beforehand
}

func (w watchedTrail) NewCell(key string) (actors.Cell, error) {
	c, err := w.KeyedOrgan.NewCell(key)
	return watchedCell{c, key, w.before}, err
}

type watchedCell struct {
	actors.Cell
	key    string
	before *beforehand
}

func (c watchedCell) Step(ev actors.Event) ([]actors.Payload, error) {
	c.before.step(c.key, ev.ID(), c.Cell)
	return c.Cell.Step(ev)
}
