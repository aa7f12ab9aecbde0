package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/necrostack/necrostack/actors"
)

// Chain is the audit chain of one symbol: a running hash that every audited event goes through, so that
// whoever has the events can compute it again and finds any that is missing, changed or out of
// its place. The zero value is an empty chain; it is for one goroutine.
//
// All goes over every audited event in the order in which the trail had them. Matching goes over those
// alone that MatchingEngine has emitted: their order is that of the commands, whatever settles when.
type Chain struct {
	All      Link `json:"all"`
	Matching Link `json:"matching"`

	scratch canonical
}

// Link is where a chain is: after so many events it has this head.
type Link struct {
	Events uint64 `json:"events"`
	Head   Head   `json:"head"`
}

// Head is the SHA-256 of the head before, the event's id, the length and text of its type, and its
// payload in canonical form. The head of no events is zero. As text it is hexadecimal.
type Head [sha256.Size]byte

// String returns the head in hexadecimal.
func (h Head) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Head) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Head) UnmarshalText(text []byte) error {
	data, err := hex.DecodeString(string(text))
	if err != nil || len(data) != len(h) {
		return fmt.Errorf("desk: head %q is not %d bytes in hexadecimal", clip(string(text)), len(h))
	}
	*h = Head(data)
	return nil
}

// Add puts an event through the chain and reports whether it is of a type that is audited; others change
// nothing. The events must be of one symbol, which the caller looks to. An event that does not
// decode is an error and changes nothing.
func (c *Chain) Add(ev actors.Event) (bool, error) {
	for i := range audited {
		if audited[i].typ == ev.Type() {
			return true, audited[i].add(c, ev)
		}
	}
	return false, nil
}

// auditable is a payload that goes through a chain.
type auditable interface {
	actors.KeyedPayload
	appendTo(canonical) canonical
}

// auditedType is one type of event that is audited.
type auditedType struct {
	typ  string
	add  func(*Chain, actors.Event) error
	step func(place int) actors.Part[trail] // place in audited
}

// audited are all of them: every order, trade, settlement and alert event. BOOK_CHANGED repeats in
// levels what the orders say, and POSITION_CHANGED what the settlements say.
var audited = []auditedType{
	auditedBy[OrderSubmitted](never),
	auditedBy[OrderValidated](never),
	auditedBy(func(r OrderRejected) bool { return r.RejectedBy == MatchingEngine }),
	auditedBy[OrderQueued](always),
	auditedBy[OrderTriggered](always),
	auditedBy[OrderPartialFill](always),
	auditedBy[OrderFilled](always),
	auditedBy[OrderCancelled](always),
	auditedBy[OrderAmended](always),
	auditedBy[OrdersCancelled](always),
	auditedBy[PhaseChanged](always),
	auditedBy[TradeExecuted](always),
	auditedBy[SettlementComplete](never),
	auditedBy[SettlementFailed](never),
	auditedBy[RiskAlert](never),
}

func always[P any](P) bool { return true }
func never[P any](P) bool  { return false }

// auditedBy audits P; matching tells whether MatchingEngine has emitted it. Payloads are handed on by value: behind
// a pointer to a function that is not known here each would be an allocation.
func auditedBy[P auditable](matching func(P) bool) auditedType {
	var zero P
	add := func(c *Chain, ev actors.Event, p P) {
		c.link(p.appendTo(c.begin(ev)), matching(p))
	}
	return auditedType{
		typ: zero.EventType(),
		add: func(c *Chain, ev actors.Event) error {
			p, err := actors.Decode[P](ev)
			if err == nil {
				add(c, ev, p)
			}
			return err
		},
		step: func(place int) actors.Part[trail] {
			return actors.Step(func(t *trail, ev actors.EventOf[P]) ([]actors.Payload, error) {
				add(&t.Chain, ev.Event, ev.Payload)
				t.counts[place]++
				return nil, nil
			})
		},
	}
}

// begin returns the link of an event so far, with room for a head in front.
func (c *Chain) begin(ev actors.Event) canonical {
	id := ev.ID()
	b := append(c.scratch[:0], make([]byte, len(Head{}))...)
	return append(b, id[:]...).text(ev.Type())
}

// link ends it.
func (c *Chain) link(b canonical, matching bool) {
	c.All.follow(b)
	if matching {
		c.Matching.follow(b)
	}
	c.scratch = b
}

func (l *Link) follow(b canonical) {
	copy(b, l.Head[:])
	l.Head = sha256.Sum256(b)
	l.Events++
}
