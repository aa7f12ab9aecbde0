package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/supervision"
)

// lettersFlags say which dead letters, and how to go about them.
type lettersFlags struct {
	organ, typ, reason, key, text string
	limit                         int
	rate                          float64
	dryRun                        bool
	because, payload              string
}

// everyLetter stands for a letter where all that the flags choose are meant.
const everyLetter = "all"

func (l *lettersFlags) define(f *flag.FlagSet) {
	f.StringVar(&l.organ, "organ", "", "dead letters of this organ")
	f.StringVar(&l.typ, "type", "", "dead letters of events of this type")
	f.StringVar(&l.reason, "reason", "", "dead letters for this reason, such as error, permanent, panic, timeout")
	f.StringVar(&l.key, "key", "", "dead letters of events with this key")
	f.StringVar(&l.text, "text", "", "dead letters with this in their error")
	f.IntVar(&l.limit, "limit", 100, "with letters and replay: so many at most, the oldest; 0 is all, and the default of replay")
	f.Float64Var(&l.rate, "rate", 0, "with replay: so many per second at most; 0 is no limit")
	f.BoolVar(&l.dryRun, "dry-run", false, "with replay and drop: only say how many it would be")
	f.StringVar(&l.because, "because", "", "with replay and drop: why, for the events that tell of it")
	f.StringVar(&l.payload, "payload", "", "with replay of one: a file with the JSON to take the place of the payload")
}

// lettersOnly are the flags by the commands that take them.
var lettersOnly = map[string][]string{
	"organ": {"letters", "replay", "drop"}, "type": {"letters", "replay", "drop"}, "reason": {"letters", "replay", "drop"},
	"key": {"letters", "replay", "drop"}, "text": {"letters", "replay", "drop"},
	"limit": {"letters", "replay"}, "rate": {"replay"}, "payload": {"replay"},
	"dry-run": {"replay", "drop"}, "because": {"replay", "drop"},
}

// check finds flags that the command does not take: one that was not meant so must not change more letters than was meant.
func (l *lettersFlags) check(words []string, given map[string]bool) error {
	name := words[0]
	one := (name == "replay" || name == "drop") && words[len(words)-1] != everyLetter
	for f, takers := range lettersOnly {
		switch {
		case !given[f]:
		case !slices.Contains(takers, name):
			return usage("--%s is for %s", f, strings.Join(takers, " and "))
		case one && f != "because" && f != "payload":
			return usage("--%s is for %s all, not for one letter", f, name)
		case !one && f == "payload":
			return usage("--payload is for the replay of one letter")
		}
	}
	if f := l.empty(given); f != "" {
		return usage("--%s is empty; leave it out to do without", f)
	}
	if l.reason != "" && actors.KindOf(l.reason) == 0 {
		return usage("--reason is %q, which is none", l.reason)
	}
	if l.limit < 0 {
		return usage("--limit is %d, want 0 or more", l.limit)
	}
	if !(l.rate >= 0) || math.IsInf(l.rate, 0) {
		return usage("--rate is %v, want 0 or more", l.rate)
	}
	return nil
}

// empty is a flag that was given without a value, "" when there is none: a shell's variable that is not set must not make all
// letters of those of one organ, nor a replay as it was of one with another payload.
func (l *lettersFlags) empty(given map[string]bool) string {
	for f, value := range map[string]string{
		"organ": l.organ, "type": l.typ, "reason": l.reason, "key": l.key, "text": l.text, "payload": l.payload,
	} {
		if given[f] && value == "" {
			return f
		}
	}
	return ""
}

func (l *lettersFlags) filter() supervision.Filter {
	return supervision.Filter{Organ: l.organ, Type: l.typ, Reason: actors.KindOf(l.reason), Key: l.key, Text: l.text}
}

// desk is where the letters of the service are worked with.
func (v *invocation) desk(ctx context.Context, b *redisstream.Backend) (*supervision.Desk, error) {
	_, s, err := lookAt(ctx, b, v.words[1])
	if err != nil {
		return nil, err
	}
	return supervision.NewDesk(b.LettersOf(s.Name), s.Name, supervision.Because(v.letters.because)), nil
}

// letterLine is a letter in a list. Its event, which may be a megabyte, is not in it.
type letterLine struct {
	ID       string    `json:"id"`
	Organ    string    `json:"organ"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Error    string    `json:"error"`
	Type     string    `json:"event_type,omitempty"` // missing, as the key, where the event cannot be read
	Key      string    `json:"key,omitempty"`
}

// wholeLetter is a letter that is shown.
type wholeLetter struct {
	letterLine
	Stack string          `json:"stack,omitempty"`
	Event json.RawMessage `json:"event,omitempty"` // missing where it cannot be read
}

func lineOf(l supervision.DeadLetter) letterLine {
	line := letterLine{
		ID: l.ID, Organ: l.Organ, Reason: l.Reason.String(), Attempts: l.Attempts, First: l.First, Last: l.Last, Error: l.Error,
	}
	if !l.Event.IsZero() {
		line.Type, line.Key = l.Event.Type(), l.Event.Key()
	}
	return line
}

func wholeOf(l supervision.DeadLetter) wholeLetter {
	w := wholeLetter{letterLine: lineOf(l), Stack: l.Stack}
	if l.Event.IsZero() {
		return w
	}
	if text, err := l.Event.MarshalJSON(); err == nil {
		w.Event = text
	}
	return w
}

// errorWidth is how much of an error stands in a row, in bytes.
const errorWidth = 60

// letters lists the dead letters of a service, the oldest first.
func letters(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	d, err := v.desk(ctx, b)
	if err != nil {
		return err
	}
	t := table{head: []string{"LETTER", "LAST", "ORGAN", "TYPE", "KEY", "REASON", "ATTEMPTS", "ERROR"}}
	lines, more := []letterLine{}, false
	for l, err := range d.List(ctx, v.letters.filter()) {
		if err != nil {
			return err
		}
		if more = v.letters.limit > 0 && len(lines) == v.letters.limit; more {
			break
		}
		x := lineOf(l)
		lines = append(lines, x)
		t.row(x.ID, x.Last.Format(time.DateTime), x.Organ, dash(x.Type), dash(x.Key), x.Reason, x.Attempts, clip(x.Error, errorWidth))
	}
	t.value = lines
	if err := v.show(t); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(v.err, "necro: there are more than %d, --limit 0 is all\n", v.letters.limit)
	}
	return nil
}

func numberOf(letters int) string {
	if letters == 1 {
		return "1 dead letter"
	}
	return fmt.Sprintf("%d dead letters", letters)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

// letter shows one letter whole.
func letter(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	d, err := v.desk(ctx, b)
	if err != nil {
		return err
	}
	l, err := d.Show(ctx, v.words[2])
	if err != nil {
		return err
	}
	x := wholeOf(l)
	t := table{head: []string{"FACT", "VALUE"}, value: x}
	t.row("letter", x.ID)
	t.row("organ", x.Organ)
	t.row("reason", x.Reason)
	t.row("attempts", x.Attempts)
	t.row("first", x.First.Format(time.RFC3339Nano))
	t.row("last", x.Last.Format(time.RFC3339Nano))
	t.row("error", x.Error)
	t.row("key", dash(x.Key))
	t.row("event", dash(string(x.Event)))
	for i, line := range strings.Split(x.Stack, "\n") {
		if line != "" {
			t.row([]string{"stack", ""}[min(i, 1)], strings.ReplaceAll(line, "\t", "    "))
		}
	}
	return v.show(t)
}

// replay gives a letter's event, or those of all that are chosen, to the organ that failed once more.
func replay(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	d, err := v.desk(ctx, b)
	if err != nil {
		return err
	}
	if v.words[2] != everyLetter {
		return v.replayOne(ctx, d)
	}
	r, err := d.ReplayAll(ctx, v.letters.filter(), supervision.ReplayOptions{
		Rate: v.letters.rate, DryRun: v.letters.dryRun, Limit: v.letters.limit,
	})
	if v.letters.dryRun {
		return errors.Join(err, v.done(map[string]any{"would_replay": len(r.Dry)}, "%s would be replayed", numberOf(len(r.Dry))))
	}
	failed := len(r.Failed) + r.Unnamed
	said := v.done(map[string]any{"replayed": r.Replayed, "gone": r.Skipped, "failed": failed},
		"%s replayed, %d were gone, %d failed", numberOf(r.Replayed), r.Skipped, failed)
	return errors.Join(err, said)
}

func (v *invocation) replayOne(ctx context.Context, d *supervision.Desk) error {
	edited, err := v.edited(ctx, d)
	if err != nil {
		return err
	}
	id, err := d.Replay(ctx, v.words[2], edited)
	if err != nil {
		return err
	}
	return v.done(map[string]any{"replayed": 1, "event": id.String()}, "replayed as event %s", id)
}

// edited is what takes the place of the letter's payload, nil for nothing.
func (v *invocation) edited(ctx context.Context, d *supervision.Desk) (actors.Payload, error) {
	if v.letters.payload == "" {
		return nil, nil
	}
	l, err := d.Show(ctx, v.words[2])
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(v.letters.payload)
	if err != nil {
		return nil, fmt.Errorf("--payload: %w", err)
	}
	return actors.Raw{Type: lineOf(l).Type, Data: data}, nil
}

// drop removes a letter, or all that are chosen, for good.
func drop(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	d, err := v.desk(ctx, b)
	if err != nil {
		return err
	}
	if id := v.words[2]; id != everyLetter {
		n, err := d.Drop(ctx, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: %q", supervision.ErrNoLetter, id)
		}
		return v.done(map[string]any{"dropped": n}, "dropped")
	}
	n, err := d.DropAll(ctx, v.letters.filter(), v.letters.dryRun)
	if v.letters.dryRun {
		return errors.Join(err, v.done(map[string]any{"would_drop": n}, "%s would be dropped", numberOf(n)))
	}
	return errors.Join(err, v.done(map[string]any{"dropped": n}, "%s dropped", numberOf(n)))
}
