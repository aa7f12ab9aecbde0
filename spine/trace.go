package spine

import (
	"context"
	"log/slog"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// tracer writes the five log lines (Received, Dispatched, Completed, Enqueued, Acked) at DEBUG
// and calls the hooks. Whether anybody listens is asked once per batch.
type tracer struct {
	log   *slog.Logger
	hooks Hooks
}

func (t *tracer) debug() bool { return t.log.Enabled(context.Background(), slog.LevelDebug) }

func (t *tracer) started(s Service) {
	t.log.Info("spine started", "service", s.Name, "organs", len(s.Organs))
	if t.hooks.Started != nil {
		t.hooks.Started()
	}
}

// stopped tells the end of a run. left events are in memory alone.
func (t *tracer) stopped(s Service, err error, left int) {
	if err != nil {
		t.log.Error("spine stopped", "service", s.Name, "error", clipError(err))
	} else {
		t.log.Info("spine stopped", "service", s.Name)
	}
	if left > 0 {
		t.log.Warn("events are left in memory, and end with the process", "service", s.Name, "events", left)
	}
}

func (t *tracer) received(ds []Delivery) {
	debug := t.debug()
	if !debug && t.hooks.Received == nil && t.hooks.Settled == nil && t.hooks.Acked == nil {
		return
	}
	for i := range ds {
		if ds[i].Lost {
			continue // it has no event
		}
		if debug {
			t.line("Received", ds[i].Event)
		}
		if t.hooks.Received != nil {
			t.hooks.Received(ds[i].Event)
		}
		if ds[i].Acked {
			t.finished(Result{Event: ds[i].Event, Acked: true}, debug)
		}
	}
}

func (t *tracer) dispatched(organ string, b *host.Batch) {
	if !t.debug() {
		return
	}
	for _, it := range b.Items {
		t.line("Dispatched", it.Event, slog.String("organ", organ), slog.Int("attempt", int(it.Attempt)))
	}
}

func (t *tracer) completed(organ string, b *host.Batch) {
	debug := t.debug()
	if !debug && t.hooks.Completed == nil {
		return
	}
	took := b.Ended.Sub(b.Started) / time.Duration(max(len(b.Items), 1))
	for k := range b.Items {
		out := &b.Outcomes[k]
		if out.Code != host.Handled && out.Code != host.Failed || b.Items[k].Failed != nil {
			continue // not begun, or a call of OnFailed, which is no attempt
		}
		done := Completion{
			Event: b.Items[k].Event, Organ: organ, Attempt: int(b.Items[k].Attempt),
			Started: b.Started, Took: took, Emitted: out.Emitted, Failure: out.Failure,
		}
		if debug {
			t.completedLine(done)
		}
		if t.hooks.Completed != nil {
			t.hooks.Completed(done)
		}
	}
}

func (t *tracer) completedLine(d Completion) {
	types := make([]string, len(d.Emitted))
	for i, ev := range d.Emitted {
		types[i] = ev.Type()
	}
	attrs := []slog.Attr{
		slog.String("organ", d.Organ), slog.Int("attempt", d.Attempt),
		slog.Duration("duration", d.Took), slog.Any("emitted", types),
	}
	if d.Failure != nil {
		attrs = append(attrs, slog.String("reason", d.Failure.Kind.String()))
	}
	t.line("Completed", d.Event, attrs...)
}

// settled tells what the answers to a chunk say. It runs before the core forgets the works.
func (t *tracer) settled(c *core, ch *chunk, answers []Answer) {
	debug := t.debug()
	if !debug && t.hooks.Settled == nil && t.hooks.Acked == nil && t.hooks.Dead == nil {
		return
	}
	for k, a := range answers {
		if a.Code == Settled {
			t.settledOne(c, &ch.ss[k], &c.ledger.works[ch.refs[k]], a, debug)
		}
	}
}

func (t *tracer) settledOne(c *core, s *Settlement, w *work, a Answer, debug bool) {
	organ := c.organName(w.organ)
	if debug && len(s.Emitted) > 0 {
		ids := make([]string, len(s.Emitted))
		for i, ev := range s.Emitted {
			ids[i] = ev.ID().String()
		}
		t.line("Enqueued", w.event, slog.String("organ", organ), slog.Any("ids", ids))
	}
	if s.Kind == Done || s.Kind == Dead {
		t.finished(Result{Event: w.event, Organ: organ, Emitted: s.Emitted, Letter: s.Letter, Acked: a.Acked}, debug)
	}
}

// finished tells that an organ, or nobody, has finished with an event.
func (t *tracer) finished(r Result, debug bool) {
	if t.hooks.Settled != nil {
		t.hooks.Settled(r)
	}
	if r.Letter != nil && t.hooks.Dead != nil {
		t.hooks.Dead(*r.Letter)
	}
	if !r.Acked {
		return
	}
	if debug {
		t.line("Acked", r.Event, slog.String("organ", r.Organ))
	}
	if t.hooks.Acked != nil {
		t.hooks.Acked(r.Event, r.Emitted)
	}
}

func (t *tracer) notes(ns []Note) {
	for _, n := range ns {
		n.log(t.log)
		if t.hooks.Note != nil {
			t.hooks.Note(n)
		}
	}
}

func (t *tracer) line(text string, ev actors.Event, more ...slog.Attr) {
	t.log.LogAttrs(context.Background(), slog.LevelDebug, text, append(eventAttrs(ev), more...)...)
}

func eventAttrs(ev actors.Event) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("event_id", ev.ID().String()),
		slog.String("event_type", ev.Type()),
		slog.String("correlation_id", ev.Correlation().String()),
	}
	if ev.HasKey() {
		attrs = append(attrs, slog.String("key", ev.Key()))
	}
	return attrs
}

// clipError bounds error text in a log line.
func clipError(err error) string {
	if err == nil {
		return ""
	}
	return supervision.ClipError(err.Error())
}
