package spine

import (
	"context"
	"log/slog"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Note is something worth telling that happened in the Spine: a failure and what was decided
// about it, or an alarm. Notes are logged, and given to Hooks.Note.
type Note struct {
	Kind    NoteKind
	Event   actors.Event    // zero when no single event is concerned
	Organ   string          // of alarms; of failures see Failure
	Failure *actors.Failure // of failures
	After   time.Duration   // of NoteRetry: until the next attempt
	Err     error           // of alarms
}

// NoteKind is the kind of a Note.
type NoteKind uint8

// The kinds of Note.
const (
	NoteRetry       NoteKind = iota + 1 // an attempt failed and will be repeated
	NoteLogged                          // a failure was settled by LOG
	NoteDeadLetter                      // a failure was settled by a dead letter
	NoteOnFailed                        // OnFailed itself failed; the event is settled without its emissions
	NoteBackend                         // the backend failed; it will be tried again
	NoteUnwanted                        // no organ wants events of this type; told once per type
	NoteRestart                         // a lane restarts after a panic
	NoteBudget                          // alarm: an organ used up its restarts; its breaker is open
	NoteAbandoned                       // alarm: a handler ignores the end of its context
	NoteQuarantine                      // alarm: a cell's stored state cannot be trusted
	NoteLettersFull                     // alarm: no room for dead letters; events wait
	NoteShardLost                       // the shard is another node's, or begins anew; what was in hand is handled again
)

var noteTexts = map[NoteKind]struct {
	text  string
	level slog.Level
}{
	NoteRetry:       {"attempt failed, will retry", slog.LevelWarn},
	NoteLogged:      {"event failed, logged", slog.LevelError},
	NoteDeadLetter:  {"event failed, dead-lettered", slog.LevelError},
	NoteOnFailed:    {"on-failed handler failed", slog.LevelError},
	NoteBackend:     {"backend failed, will retry", slog.LevelWarn},
	NoteUnwanted:    {"no organ wants this event type", slog.LevelWarn},
	NoteRestart:     {"organ restarts", slog.LevelWarn},
	NoteBudget:      {"organ restarts too often, breaker opened", slog.LevelError},
	NoteAbandoned:   {"handler ignores its deadline, worker replaced", slog.LevelError},
	NoteQuarantine:  {"cell quarantined", slog.LevelError},
	NoteLettersFull: {"no room for dead letters, events wait", slog.LevelError},
	NoteShardLost:   {"shard lost with work in hand, which is handled again", slog.LevelWarn},
}

// String is the text of the log line.
func (k NoteKind) String() string { return noteTexts[k].text }

func (c *core) note(n Note) { c.out.notes = append(c.out.notes, n) }

// log writes n as one line.
func (n Note) log(l *slog.Logger) {
	t := noteTexts[n.Kind]
	if !l.Enabled(context.Background(), t.level) {
		return
	}
	var attrs []slog.Attr
	if !n.Event.IsZero() {
		attrs = append(attrs, eventAttrs(n.Event)...)
	}
	if n.Organ != "" {
		attrs = append(attrs, slog.String("organ", n.Organ))
	}
	if f := n.Failure; f != nil {
		attrs = append(attrs, slog.String("organ", f.Organ), slog.Int("attempt", f.Attempt),
			slog.String("reason", f.Kind.String()), slog.String("error", clipError(f.Err)))
		if f.Stack != "" {
			attrs = append(attrs, slog.String("stack", f.Stack))
		}
	}
	if n.After > 0 {
		attrs = append(attrs, slog.Duration("after", n.After))
	}
	if n.Err != nil {
		attrs = append(attrs, slog.String("error", clipError(n.Err)))
	}
	l.LogAttrs(context.Background(), t.level, t.text, attrs...)
}
