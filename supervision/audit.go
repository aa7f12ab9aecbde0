package supervision

import (
	"os/user"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// LetterAction is what the audit events of a Desk have in common: which letter somebody did something with, and what it
// had said.
type LetterAction struct {
	Service string `json:"service"`
	Organ   string `json:"organ"`
	Letter  string `json:"letter_id"`
	Event   string `json:"event_id,omitempty"`   // its id; "" for a letter whose event cannot be read
	Type    string `json:"event_type,omitempty"` // of the event; likewise
	Reason  string `json:"reason"`               // the word of a Kind
	Error   string `json:"error"`
	By      string `json:"by"`             // see ActingAs
	Note    string `json:"note,omitempty"` // see Because
}

// LetterReplayed is the payload of the event that tells of a replay. It comes right behind the replay where
// the event has a key, and has that key itself.
type LetterReplayed struct {
	LetterAction
	NewEvent string `json:"new_event_id"` // the id of the replay
	Edited   bool   `json:"edited"`
}

// EventType implements actors.Payload.
func (LetterReplayed) EventType() string { return "DEAD_LETTER_REPLAYED" }

// LetterDropped is the payload of the event that tells of a letter dropped. It has the key of the letter's event.
type LetterDropped struct{ LetterAction }

// EventType implements actors.Payload.
func (LetterDropped) EventType() string { return "DEAD_LETTER_DROPPED" }

// action tells what is done with l.
func (d *Desk) action(l DeadLetter) LetterAction {
	a := LetterAction{
		Service: d.service, Organ: l.Organ, Letter: l.ID, Reason: l.Reason.String(), Error: ClipError(l.Error), By: d.who, Note: d.note,
	}
	if a.By == "" {
		a.By = systemUser()
	}
	if !l.Event.IsZero() {
		a.Event, a.Type = l.Event.ID().String(), l.Event.Type()
	}
	return a
}

// audit makes the event that tells of an action. It begins a chain of its own: a letter whose event has made all the hops it
// may can be dropped without another letter coming of it.
func (d *Desk) audit(l DeadLetter, p actors.Payload) (actors.Event, error) {
	if !l.Event.IsZero() && l.Event.HasKey() {
		p = actors.With(p, actors.Key(l.Event.Key()))
	}
	stamper := actors.NewStamper(actors.StamperOptions{Service: d.service, Encode: true})
	return stamper.Root(p, time.Now())
}

// systemUser is whom the operating system takes this process for.
var systemUser = sync.OnceValue(func() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "unknown"
	}
	return ClipError(u.Username)
})
