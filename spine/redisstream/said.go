package redisstream

import (
	"encoding/json"
	"errors"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// encodedSaid is an answer on its way: its status, and a reply, or the kind and the text of an error.
type encodedSaid struct{ status, kind, text string }

// The statuses of an answer, besides those of saidErrors.
const (
	saidReply = "reply"
	saidMoved = "moved"
	saidError = "error"
)

// saidErrors are errors that are the same for an asker on another node.
var saidErrors = []struct {
	status string
	err    error
}{
	{"no_cell", spine.ErrNoCell}, {"no_organ", spine.ErrNoOrgan}, {"no_answer", actors.ErrNoAnswer}, {"busy", spine.ErrBusy},
}

var movedSaid = encodedSaid{status: saidMoved}

// mostErrorText is how much of an error's text goes to another node, in bytes.
const mostErrorText = 4 << 10

// encodeSaid encodes what an AnswerFunc has returned.
func encodeSaid(data json.RawMessage, err error) encodedSaid {
	if err == nil && len(data) > mostAskBytes {
		err = &actors.LimitError{What: "reply", Got: len(data), Limit: mostAskBytes, Unit: "bytes"}
	}
	switch {
	case err == nil:
		return encodedSaid{status: saidReply, text: string(data)}
	case errors.Is(err, spine.ErrMoved), errors.Is(err, spine.ErrNotRunning), errors.Is(err, spine.ErrClosed):
		return movedSaid
	}
	kind, _ := actors.Classify(err)
	e := encodedSaid{saidError, kind.String(), err.Error()}
	e.text = e.text[:min(len(e.text), mostErrorText)]
	for _, x := range saidErrors {
		if errors.Is(err, x.err) {
			e.status = x.status
		}
	}
	return e
}

// saidBy decodes an answer.
func saidBy(m map[string]string) said {
	switch m["status"] {
	case saidReply:
		return said{data: json.RawMessage(m["text"])}
	case saidMoved:
		return said{moved: true}
	}
	err := error(&remoteError{text: m["text"]})
	for _, x := range saidErrors {
		if m["status"] == x.status {
			err = &remoteError{m["text"], x.err}
		}
	}
	if kind := actors.KindOf(m["kind"]); kind != 0 {
		err = actors.OfKind(kind, err)
	}
	return said{err: err}
}

// remoteError is an error of another node, in its words.
type remoteError struct {
	text string
	same error // what it is here, where that is known
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.same }
