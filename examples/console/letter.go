package console

import (
	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// LetterKey is the key of a dead letter's event, "" where that cannot be read: what somebody else has written into
// the store may be no event.
func LetterKey(l supervision.DeadLetter) string {
	if l.Event.IsZero() {
		return ""
	}
	return l.Event.Key()
}

// LetterMeta is one string of the metadata of a dead letter's event, "" where that cannot be read.
func LetterMeta(l supervision.DeadLetter, name string) string {
	if l.Event.IsZero() {
		return ""
	}
	return l.Event.Meta(name)
}

// LetterCorrelation is the id of the first event of a dead letter's chain, zero where its event cannot be read.
func LetterCorrelation(l supervision.DeadLetter) actors.ID {
	if l.Event.IsZero() {
		return actors.ID{}
	}
	return l.Event.Correlation()
}
