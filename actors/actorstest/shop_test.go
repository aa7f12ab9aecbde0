package actorstest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
)

// The payloads and organs of this package's tests.

type Deposited struct {
	Account string   `json:"account"`
	Cents   int      `json:"cents"`
	Tags    []string `json:"tags,omitempty"`
}

func (Deposited) EventType() string  { return "DEPOSITED" }
func (d Deposited) EventKey() string { return d.Account }

type Withdrawn struct {
	Account string `json:"account"`
	Cents   int    `json:"cents"`
}

func (Withdrawn) EventType() string  { return "WITHDRAWN" }
func (w Withdrawn) EventKey() string { return w.Account }

type Paid struct {
	Account string   `json:"account"`
	Cents   int      `json:"cents"`
	Tags    []string `json:"tags,omitempty"`
}

func (Paid) EventType() string { return "PAID" }

type Refused struct {
	Why string `json:"why"`
}

func (Refused) EventType() string { return "REFUSED" }

type NotJSON struct{ C chan int }

func (NotJSON) EventType() string { return "NOT_JSON" }

// Account is a state, Balance a query.
type (
	Account struct {
		Cents int      `json:"cents"`
		Tags  []string `json:"tags"`
	}
	Balance struct{}
)

var errBroke = errors.New("the account is empty")

// accounts takes deposits, and pays withdrawals while it can.
func accounts() *actors.Keyed[Account] {
	return actors.NewKeyed("accounts", func(string) *Account { return &Account{} },
		actors.Step(func(a *Account, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			if ev.Payload.Cents <= 0 {
				a.Cents = -1 // forgotten with the error
				return nil, fmt.Errorf("a deposit of %d", ev.Payload.Cents)
			}
			a.Cents += ev.Payload.Cents
			return nil, nil
		}),
		actors.Step(func(a *Account, ev actors.EventOf[Withdrawn]) ([]actors.Payload, error) {
			if ev.Payload.Cents > a.Cents {
				return actors.Emit(Refused{Why: errBroke.Error()}), nil
			}
			a.Cents -= ev.Payload.Cents
			return actors.Emit(Paid{Account: ev.Key(), Cents: ev.Payload.Cents}), nil
		}),
		actors.Answer(func(a *Account, _ Balance) (int, error) { return a.Cents, nil }),
		actors.OnCellFailed[Account](func(_ actors.EventOf[Deposited], f actors.Failure) []actors.Payload {
			return actors.Emit(Refused{Why: f.Err.Error()})
		}),
	)
}

// keyed is an organ with one step, for deposits.
func keyed(step func(*Account, actors.EventOf[Deposited]) ([]actors.Payload, error), parts ...actors.Part[Account]) *actors.Keyed[Account] {
	return actors.NewKeyed("k", func(string) *Account { return &Account{} }, append(parts, actors.Step(step))...)
}

// till is a stateless organ that pays what has been deposited.
func till() actors.Organ {
	return actors.NewOrgan("till",
		actors.On(func(ctx context.Context, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			if ev.Payload.Cents == 0 {
				return actors.Emit(Refused{Why: "lost with the error"}), actors.Permanent(errBroke)
			}
			return actors.Emit(
				actors.With(Paid{Account: ev.Key(), Cents: ev.Payload.Cents}, actors.Key("bank")),
				Refused{Why: actors.EffectKey(ctx)},
			), nil
		}),
		actors.OnFailed(func(ev actors.EventOf[Deposited], f actors.Failure) []actors.Payload {
			return actors.Emit(Refused{Why: fmt.Sprintf("%s after %d attempts", f.Err, f.Attempt)})
		}),
	)
}

// recorder is a T that keeps what would have failed the test.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit() // as testing.T does
}

// requireReported wants f to fail its test, with all of the parts in the message.
func requireReported(t *testing.T, f func(actorstest.T), parts ...string) {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		f(r)
	}()
	<-done
	require.NotEmpty(t, r.fatal, "nothing was reported")
	for _, part := range parts {
		require.Contains(t, r.fatal, part)
	}
}
