package growth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// fate is what becomes of events whose handling fails.
type fate struct {
	name     string
	about    string
	policy   supervision.Policy
	recovers bool // the second attempt succeeds
}

var (
	logged = fate{
		name: "failures, logged", about: "One attempt, then LOG: a log line, done.",
		policy: supervision.Policy{Retry: supervision.Retry{Attempts: 1}, Exhausted: supervision.Log},
	}
	stored = fate{
		name: "failures, dead letters", about: "One attempt, then STORE: a log line and a dead letter.",
		policy: supervision.Policy{Retry: supervision.Retry{Attempts: 1}, Exhausted: supervision.Store},
	}
	retried = fate{
		name: "failures, retried", about: "The second attempt succeeds, a millisecond later.",
		policy: supervision.Policy{
			Retry: supervision.Retry{
				Attempts: 3,
				Backoff:  supervision.Backoff{Base: time.Millisecond, Factor: 2, Max: time.Second, Jitter: 0.2},
			},
			Exhausted: supervision.Store,
		},
		recovers: true,
	}
)

var errBench = errors.New("failed, as it should")

// failures is one organ that fails more and more often. Its log is written, to nowhere.
func failures(c Config, f fate) Series {
	s := Series{Name: f.name, Unit: "of 1,000 events fail", About: f.about}
	for _, perMille := range []int{0, 1, 10, 100} {
		p := c.plan(1)
		s.Points = append(s.Points, Point{
			At: float64(perMille), Label: fmt.Sprintf("%g %%", float64(perMille)/10), Plan: p,
			Open: openFailures(f, uint64(perMille), p.Warm+p.Starts),
		})
	}
	return s
}

func openFailures(f fate, perMille uint64, letters int) load.Open {
	return func(w *load.Window) (load.Line, error) {
		organ := actors.NewOrgan("organ", actors.Sink(func(ctx context.Context, ev actors.EventOf[load.A]) error {
			bad := load.Mix(ev.Payload.Number)%1000 < perMille
			if bad && f.recovers && actors.Attempt(ctx) == 1 {
				return errBench
			}
			w.Done()
			if bad && !f.recovers {
				return errBench
			}
			return nil
		}))
		return load.StartSpine(w, spine.NewMemory(spine.WithLetterLimit(letters)), plain,
			spine.WithOrgan(organ, spine.Workers(1), spine.WithOrganPolicy(f.policy)))
	}
}
