package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/necrostack/necrostack/actors"
)

// RowUnreadable is a row of a file that is no command. It goes to the dead letters like everything else
// that cannot be handled, text included, so that nothing of a file is lost in silence.
type RowUnreadable struct {
	Source string `json:"source"`
	Line   int    `json:"line"`
	Text   string `json:"text"` // as much of it as there is room for
	Error  string `json:"error"`
}

// maxRowText is how much of a row is kept, in bytes.
const maxRowText = 4 << 10

// EventType names the event on the wire.
func (RowUnreadable) EventType() string { return "ROW_UNREADABLE" }

// EventKey is the source.
func (r RowUnreadable) EventKey() string { return keySafe(cmp.Or(r.Source, "none")) }

// keySafe makes a name that may stand in an event's key.
func keySafe(name string) string {
	safe := make([]byte, 0, len(name))
	for _, c := range []byte(name[:min(len(name), actors.NameLimit)]) {
		if actors.CheckName("key", string(c)) != nil {
			c = '_'
		}
		safe = append(safe, c)
	}
	return string(safe)
}

// organIntake is the organ that refuses rows.
const organIntake = "Intake"

func newIntake() actors.Organ {
	return actors.NewOrgan(organIntake, actors.Sink(func(_ context.Context, ev actors.EventOf[RowUnreadable]) error {
		return actors.Permanent(errors.New(ev.Payload.Error))
	}))
}
