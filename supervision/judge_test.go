package supervision_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// noJitter is the random number that leaves a delay as it is.
const noJitter = 0.5

// tableOf returns the policy the cells of the failure table are judged by: 3 attempts, 10 deliveries,
// waits of 1 s, 4 s, 16 s, and 60 s at the longest.
func tableOf(s supervision.Strategy) supervision.Policy {
	return supervision.Policy{
		Retry:         supervision.Retry{Attempts: 3, Backoff: supervision.Exponential(time.Second, time.Minute)},
		Exhausted:     s,
		MaxDeliveries: 10,
	}.WithDefaults()
}

func failed(kind actors.Kind, attempt int) actors.Failure {
	return actors.Failure{Organ: "mailer", Kind: kind, Err: errors.New("no"), Attempt: attempt}
}

var (
	logged    = supervision.Verdict{Action: supervision.Logged}
	dead      = supervision.Verdict{Action: supervision.DeadLettered}
	slowly    = supervision.Verdict{Action: supervision.Again, After: time.Minute, Redelivery: true}
	atOnce    = supervision.Verdict{Action: supervision.Again}
	log, nack = supervision.Log, supervision.Nack
	store     = supervision.Store
)

func againAfter(d time.Duration) supervision.Verdict {
	return supervision.Verdict{Action: supervision.Again, After: d}
}

type cell struct {
	name     string
	failure  actors.Failure
	keyed    bool
	strategy supervision.Strategy
	want     supervision.Verdict
}

func judgeAll(t *testing.T, cells []cell) {
	t.Parallel()
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, tableOf(c.strategy).Judge(c.failure, c.keyed, noJitter))
		})
	}
}

func TestErrorIsRetriedThenTheStrategyDecides(t *testing.T) {
	kind := actors.KindError
	judgeAll(t, []cell{
		{"first attempt, LOG: retried after the base", failed(kind, 1), false, log, againAfter(time.Second)},
		{"first attempt, STORE: retried after the base", failed(kind, 1), false, store, againAfter(time.Second)},
		{"first attempt, NACK: retried, no redelivery", failed(kind, 1), false, nack, againAfter(time.Second)},
		{"second attempt: retried after four times the base", failed(kind, 2), false, store, againAfter(4 * time.Second)},
		{"none left, LOG: logged", failed(kind, 3), false, log, logged},
		{"none left, STORE: dead letter", failed(kind, 3), false, store, dead},
		{"none left, NACK: redelivered at the longest backoff", failed(kind, 3), false, nack, slowly},
		{"last but one delivery, NACK: redelivered", failed(kind, 9), false, nack, slowly},
		{"deliveries used up, NACK: dead letter", failed(kind, 10), false, nack, dead},
		{"more deliveries than there may be, NACK: dead letter", failed(kind, 11), false, nack, dead},
	})
}

func TestTimeoutIsRetriedThenTheStrategyDecides(t *testing.T) {
	kind := actors.KindTimeout
	judgeAll(t, []cell{
		{"attempts left: retried after backoff", failed(kind, 2), false, store, againAfter(4 * time.Second)},
		{"none left, LOG: logged", failed(kind, 3), false, log, logged},
		{"none left, STORE: dead letter", failed(kind, 3), false, store, dead},
		{"none left, NACK: redelivered", failed(kind, 3), false, nack, slowly},
		{"deliveries used up, NACK: dead letter", failed(kind, 10), false, nack, dead},
		{"of a cell: retried after backoff like any other", failed(kind, 2), true, store, againAfter(4 * time.Second)},
		{"of a cell, none left, NACK: redelivered", failed(kind, 3), true, nack, slowly},
	})
}

func TestPanicIsRetriedThenTheStrategyDecides(t *testing.T) {
	kind := actors.KindPanic
	judgeAll(t, []cell{
		{"attempts left: retried after backoff", failed(kind, 1), false, store, againAfter(time.Second)},
		{"none left, LOG: logged", failed(kind, 3), false, log, logged},
		{"none left, STORE: dead letter", failed(kind, 3), false, store, dead},
		{"none left, NACK: redelivered", failed(kind, 3), false, nack, slowly},
		{"deliveries used up, NACK: dead letter", failed(kind, 10), false, nack, dead},
	})
}

func TestPanicOfACellIsRetriedOnceAtOnce(t *testing.T) {
	kind := actors.KindPanic
	judgeAll(t, []cell{
		{"first attempt, LOG: again at once", failed(kind, 1), true, log, atOnce},
		{"first attempt, STORE: again at once", failed(kind, 1), true, store, atOnce},
		{"first attempt, NACK: again at once, no redelivery", failed(kind, 1), true, nack, atOnce},
		{"second attempt, LOG: logged", failed(kind, 2), true, log, logged},
		{"second attempt, STORE: dead letter", failed(kind, 2), true, store, dead},
		{"second attempt, NACK: redelivered", failed(kind, 2), true, nack, slowly},
		{"deliveries used up, NACK: dead letter", failed(kind, 10), true, nack, dead},
	})
}

func TestCellIsNotTriedAgainWhenOneAttemptIsAll(t *testing.T) {
	t.Parallel()
	p := tableOf(store)
	p.Retry.Attempts = 1
	assert.Equal(t, dead, p.Judge(failed(actors.KindPanic, 1), true, noJitter))
	p.Exhausted = nack
	assert.Equal(t, slowly, p.Judge(failed(actors.KindPanic, 1), true, noJitter))
}

func TestPermanentFailureIsNeverTriedAgain(t *testing.T) {
	t.Parallel()
	kinds := []actors.Kind{
		actors.KindPermanent, actors.KindUndecodable, actors.KindInvalid, actors.KindLimit, actors.KindNoKey,
	}
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			judgeAll(t, []cell{
				{"LOG: logged", failed(kind, 1), false, log, logged},
				{"STORE: dead letter", failed(kind, 1), false, store, dead},
				{"NACK: dead letter at once", failed(kind, 1), false, nack, dead},
				{"of a cell, NACK: dead letter at once", failed(kind, 1), true, nack, dead},
			})
		})
	}
}

func TestErrorOfAStepIsPermanent(t *testing.T) {
	judgeAll(t, []cell{
		{"LOG: logged", failed(actors.KindError, 1), true, log, logged},
		{"STORE: dead letter", failed(actors.KindError, 1), true, store, dead},
		{"NACK: dead letter at once", failed(actors.KindError, 1), true, nack, dead},
	})
}

func TestSomeFailuresAreDeadLettersEvenUnderLog(t *testing.T) {
	t.Parallel()
	kinds := []actors.Kind{actors.KindHops, actors.KindCrash, actors.KindQuarantine, actors.KindEnqueue}
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			judgeAll(t, []cell{
				{"LOG", failed(kind, 1), false, log, dead},
				{"STORE", failed(kind, 1), false, store, dead},
				{"NACK", failed(kind, 1), false, nack, dead},
				{"of a cell", failed(kind, 1), true, log, dead},
			})
		})
	}
}

func TestHandlerMayChooseTheDelayWhileAttemptsAreLeft(t *testing.T) {
	wish := func(kind actors.Kind, attempt int) actors.Failure {
		f := failed(kind, attempt)
		f.After = time.Hour
		return f
	}
	judgeAll(t, []cell{
		{"instead of the backoff", wish(actors.KindError, 1), false, store, againAfter(time.Hour)},
		{"not when none are left", wish(actors.KindError, 3), false, store, dead},
		{"not for a redelivery", wish(actors.KindError, 3), false, nack, slowly},
	})
}

func TestUnknownStrategyKeepsTheEvent(t *testing.T) {
	t.Parallel()
	for _, s := range []supervision.Strategy{0, 9} {
		assert.Equal(t, dead, tableOf(s).Judge(failed(actors.KindError, 3), false, noJitter))
		assert.Equal(t, dead, tableOf(s).Judge(failed(actors.KindPermanent, 1), false, noJitter))
	}
}

func TestRedeliveryIsJittered(t *testing.T) {
	t.Parallel()
	p := tableOf(nack)
	assert.Equal(t, 48*time.Second, p.Judge(failed(actors.KindError, 3), false, 0).After)
}

// Whatever goes wrong, whatever the policy: an event that keeps failing is settled, after no more
// attempts than the policy grants.
func TestNoEventIsTriedForEver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := supervision.Policy{
			Retry:         supervision.Retry{Attempts: rapid.IntRange(1, 30).Draw(t, "attempts")},
			Exhausted:     supervision.Strategy(rapid.IntRange(0, 4).Draw(t, "strategy")),
			MaxDeliveries: rapid.IntRange(1, 30).Draw(t, "deliveries"),
		}.WithDefaults()
		keyed := rapid.Bool().Draw(t, "keyed")
		most := max(p.Retry.Attempts, p.MaxDeliveries)
		for attempt := 1; ; attempt++ {
			kind := actors.Kind(rapid.IntRange(0, 14).Draw(t, "kind"))
			v := p.Judge(failed(kind, attempt), keyed, rapid.Float64Range(0, 0.999).Draw(t, "rnd"))
			if v.Action != supervision.Again {
				assert.Zero(t, v.After, "settled, but with a delay")
				assert.False(t, v.Redelivery, "settled, but a redelivery")
				return
			}
			if attempt >= most {
				t.Fatalf("attempt %d of at most %d failed with %s and is tried again", attempt, most, kind)
			}
		}
	})
}

func TestActionsHaveTheirText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "again", supervision.Again.String())
	assert.Equal(t, "logged", supervision.Logged.String())
	assert.Equal(t, "dead_lettered", supervision.DeadLettered.String())
	assert.Equal(t, "action(0)", supervision.Action(0).String())
	assert.Equal(t, "action(4)", supervision.Action(4).String())
}
