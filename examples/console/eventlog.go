package console

import (
	"fmt"
	"io"

	"github.com/necrostack/necrostack/actors"
)

// EventLog writes events as JSON lines until it cannot. The zero value writes nowhere. It is for one
// goroutine at a time.
type EventLog struct {
	Out  io.Writer // nil: nowhere
	err  error     // the first one
	line []byte
}

// Write adds an event.
func (l *EventLog) Write(ev actors.Event) {
	if l.Out == nil || l.err != nil {
		return
	}
	if l.line, l.err = ev.AppendJSONLine(l.line[:0]); l.err == nil {
		_, l.err = l.Out.Write(l.line)
	}
}

// Err is why the log is not complete, nil when it is.
func (l *EventLog) Err() error {
	if l.err == nil {
		return nil
	}
	return fmt.Errorf("event log: %w", l.err)
}
