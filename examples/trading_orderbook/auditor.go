package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

// auditLine is one line of an audit file: an event and the head of its chain after it; or, at the
// end of the file, what AuditTrail itself says of a symbol; or, where the chain began in an earlier run, how
// far it was then.
type auditLine struct {
	Symbol string          `json:"symbol"`
	Link   desk.Link       `json:"link"`
	Event  json.RawMessage `json:"event,omitempty"`
	Opened *desk.Link      `json:"opened_matching,omitempty"` // of a line that goes on with a chain
	Closed *desk.Link      `json:"matching,omitempty"`        // of a closing line
}

// auditor computes the chains of AuditTrail again, beside it and in its order, and writes the audit
// file. Safe for concurrent use.
type auditor struct {
	on     bool
	out    io.Writer // nil: nowhere
	mu     sync.Mutex
	chains map[string]*desk.Chain
	before beforehand
	err    error // the first one
}

func newAuditor(out io.Writer, on bool) *auditor {
	return &auditor{on: on || out != nil, out: out, chains: map[string]*desk.Chain{}, before: beforehand{links: map[string]linksByEvent{}}}
}

func (a *auditor) hooks() spine.Hooks {
	if !a.on {
		return spine.Hooks{}
	}
	return spine.Hooks{Settled: func(r spine.Result) {
		if r.Organ == desk.AuditTrail {
			a.add(r.Event)
		}
	}}
}

func (a *auditor) add(ev actors.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	chain := a.chains[ev.Key()]
	if chain == nil {
		chain = a.before.end(ev.Key(), ev.ID())
		a.chains[ev.Key()] = chain
		if chain.All.Events > 0 {
			matching := chain.Matching
			a.write(auditLine{Symbol: ev.Key(), Link: chain.All, Opened: &matching})
		}
	}
	if _, err := chain.Add(ev); err != nil {
		a.fail(err)
		return
	}
	if a.out == nil || a.err != nil {
		return
	}
	event, err := ev.MarshalJSON()
	if err != nil {
		a.fail(err)
		return
	}
	a.write(auditLine{Symbol: ev.Key(), Link: chain.All, Event: event})
}

func (a *auditor) write(line auditLine) {
	if a.out == nil || a.err != nil {
		return
	}
	text, err := json.Marshal(line)
	if err == nil {
		_, err = a.out.Write(append(text, '\n'))
	}
	a.fail(err)
}

func (a *auditor) fail(err error) {
	if a.err == nil && err != nil {
		a.err = err
	}
}

// audited is a chain as AuditTrail has it, and whether it is the one that was computed beside it.
type audited struct {
	symbol string
	chain  desk.Chain
	agrees bool
}

// compare asks AuditTrail for all its chains, and closes the audit file.
func (a *auditor) compare(ctx context.Context, asker spine.Asker) ([]audited, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []audited
	for _, symbol := range slices.Sorted(maps.Keys(a.chains)) {
		said, err := spine.Ask[desk.Audit](ctx, asker, desk.AuditTrail, symbol, desk.AuditOf{})
		if err != nil {
			return all, fmt.Errorf("audit of %q: %w", symbol, err)
		}
		own := a.chains[symbol]
		all = append(all, audited{symbol, said.Chain, said.All == own.All && said.Matching == own.Matching})
		a.write(auditLine{Symbol: symbol, Link: said.All, Closed: &said.Matching})
	}
	return all, nil
}

// logError is why the audit file is not complete.
func (a *auditor) logError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		return nil
	}
	return fmt.Errorf("audit file: %w", a.err)
}
