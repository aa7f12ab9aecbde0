package actorstest

import (
	"context"
	"errors"

	"github.com/necrostack/necrostack/actors"
)

// Handle gives p to organ as one attempt of a worker of its own, and stops it.
func Handle(t T, organ actors.Organ, p actors.Payload, opts ...Option) Result {
	t.Helper()
	h := worker(t, organ)
	defer h.Stop()
	set := settingOf(t, opts)
	s := &stage{t: t, organ: organ.Name()}
	in := s.input(p, set)
	out, err := h.Handle(attempt(set, organ, in.event), in.event)
	return s.result(in, out, err)
}

// HandleBatch gives all of ps, which are of one event type, to organ's OnBatch or SinkBatch in one
// call. It returns the results of an OnBatch, one for each of ps, or the error of a SinkBatch. Options hold
// for each of them.
func HandleBatch(t T, organ actors.Organ, ps []actors.Payload, opts ...Option) ([]Result, error) {
	t.Helper()
	h := worker(t, organ)
	defer h.Stop()
	set := settingOf(t, opts)
	s := &stage{t: t, organ: organ.Name()}
	var evs []actors.Event
	var ins []input
	for _, p := range ps {
		in := s.input(p, set)
		if !h.Batches(in.event.Type()) || in.event.Type() != ps[0].EventType() {
			t.Fatalf("actorstest: organ %s has no OnBatch or SinkBatch for %s next to %s", organ.Name(), in.event.Type(), ps[0].EventType())
		}
		evs, ins = append(evs, in.event), append(ins, in)
	}
	if len(evs) == 0 || len(evs) > actors.BatchLimit {
		t.Fatalf("actorstest: a batch of %d events, want 1 to %d", len(evs), actors.BatchLimit)
	}
	made, err := h.HandleBatch(attempt(set, organ, evs[0]), evs)
	if errors.Is(err, actors.ErrMutated) {
		t.Fatalf("actorstest: organ %s: %v", organ.Name(), err)
	}
	var results []Result
	for i, m := range made {
		results = append(results, s.result(ins[i], m.Emit, m.Err))
	}
	return results, err
}

// Failed tells organ, an actors.Organ or an actors.KeyedOrgan, that its failure at p is
// settled for good, and returns what its OnFailed emits. The organ must have one for
// p's type. Fields of failure that are zero are filled in. OnFailed is called twice, since it
// must be pure.
func Failed(t T, organ actors.Definition, p actors.Payload, failure actors.Failure, opts ...Option) Result {
	t.Helper()
	if err := organ.Err(); err != nil {
		t.Fatalf("actorstest: %v", err)
	}
	s := &stage{t: t, organ: organ.Name()}
	in := s.input(p, settingOf(t, opts))
	failed, stop := onFailed(t, organ, in.event.Type())
	defer stop()
	failure = filled(failure, organ, in.event)
	first := s.result(in, failed(in.event, failure), nil)
	again := s.result(in, failed(in.event, failure), nil)
	if first.wire(t) != again.wire(t) {
		t.Fatalf("actorstest: organ %s: OnFailed for %s is not pure: it emitted\n%s\nand then\n%s", organ.Name(), in.event.Type(), first, again)
	}
	return first
}

// onFailed finds the organ's function for typ, and how to end what it needs.
func onFailed(t T, organ actors.Definition, typ string) (failed func(actors.Event, actors.Failure) []actors.Payload, stop func()) {
	t.Helper()
	switch o := organ.(type) {
	case actors.Organ:
		if o.WantsFailed(typ) {
			h := worker(t, o)
			return h.Failed, h.Stop
		}
	case actors.KeyedOrgan:
		if o.WantsFailed(typ) {
			return o.Failed, func() {}
		}
	}
	t.Fatalf("actorstest: organ %s has no OnFailed for %s", organ.Name(), typ)
	return nil, nil
}

func filled(f actors.Failure, organ actors.Definition, ev actors.Event) actors.Failure {
	if f.Organ == "" {
		f.Organ = organ.Name()
	}
	if f.Err == nil {
		f.Err = errors.New("actorstest: a failure")
	}
	if f.Kind == 0 {
		f.Kind, f.After = actors.Classify(f.Err)
	}
	f.Attempt = max(f.Attempt, 1)
	if f.Last.IsZero() {
		f.Last = handledAt(ev)
	}
	if f.First.IsZero() {
		f.First = f.Last
	}
	return f
}

func worker(t T, organ actors.Organ) *actors.Handler {
	t.Helper()
	h, err := organ.Handler()
	if err != nil {
		t.Fatalf("actorstest: %v", err)
	}
	return h
}

func attempt(set setting, organ actors.Organ, ev actors.Event) context.Context {
	return actors.WithAttempt(set.ctx, actors.AttemptInfo{Event: ev.ID(), Organ: organ.Name(), Attempt: set.attempt})
}
