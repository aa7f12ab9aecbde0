package main

import (
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

// record sees every event when it is settled, on the Spine's goroutine: it counts, keeps the books of
// account, and writes the event log. Safe for concurrent use.
type record struct {
	mu       sync.Mutex
	types    map[string]int
	accounts accounts
	alerts   alerts
	log      console.EventLog
}

// newRecord writes to out, unless that is nil.
func newRecord(out io.Writer) *record {
	return &record{types: map[string]int{}, accounts: newAccounts(), log: console.EventLog{Out: out}}
}

func (r *record) hooks() spine.Hooks {
	return spine.Hooks{Acked: func(ev actors.Event, _ []actors.Event) { r.settled(ev) }}
}

func (r *record) settled(ev actors.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.types[ev.Type()]++
	r.accounts.add(ev)
	r.alerts.add(ev)
	r.log.Write(ev)
}

// counted is how many events of each type were settled, and in all.
func (r *record) counted() (types map[string]int, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.types {
		all += n
	}
	return maps.Clone(r.types), all
}

// books returns the books of account.
func (r *record) books() accounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accounts.clone()
}

// done is how many commands are through the book, whatever became of them.
func (r *record) done() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accounts.Commands
}

// logError is why the event log is not complete.
func (r *record) logError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Err()
}

// alerted returns the first alerts, and how many there were.
func (r *record) alerted() ([]desk.RiskAlert, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.alerts.kept), r.alerts.total
}
