package supervision_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// A policy for an organ whose events must not be lost: six attempts, then a slow redelivery, and in the
// end a dead letter.
func ExamplePolicy() {
	p := supervision.Policy{
		Retry:     supervision.Retry{Attempts: 6, Backoff: supervision.Exponential(time.Second, time.Minute)},
		Exhausted: supervision.Nack,
	}
	fmt.Println(p.Err())

	p.Timeout = -time.Second
	p.Exhausted = 0
	fmt.Println(p.Err())
	// Output:
	// <nil>
	// policy: exhausted is not set, want log, store or nack
	// policy: timeout is "-1s", want a duration such as "100ms", above 0 and up to 8760h0m0s
}

// The same failure, again and again, until the policy has had enough.
func ExamplePolicy_Judge() {
	p := supervision.Policy{
		Retry:         supervision.Retry{Attempts: 3},
		Exhausted:     supervision.Nack,
		MaxDeliveries: 5,
	}.WithDefaults()
	const middle = 0.5 // a random number in earnest; one half is no jitter
	for attempt := 1; attempt <= 5; attempt++ {
		v := p.Judge(actors.Failure{
			Organ: "mailer", Kind: actors.KindError, Err: errors.New("451 try later"), Attempt: attempt,
		}, false, middle)
		fmt.Println(attempt, v.Action, v.After)
	}
	// Output:
	// 1 again 100ms
	// 2 again 400ms
	// 3 again 30s
	// 4 again 30s
	// 5 dead_lettered 0s
}

func ExampleParsePolicies() {
	file := strings.NewReader(`
default:
  attempts: 3
  timeout: 10s
organs:
  mailer:
    attempts: 8
    backoff: {base: 1s, max: 5m}
    exhausted: nack
`)
	ps, err := supervision.ParsePolicies(file, []string{"mailer", "auditor"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, organ := range []string{"mailer", "auditor"} {
		p := ps.For(organ)
		fmt.Println(organ, p.Retry.Attempts, p.Retry.Backoff.Max, p.Exhausted, p.Timeout)
	}
	// Output:
	// mailer 8 5m0s nack 10s
	// auditor 3 30s store 10s
}

// All mistakes of a file are told at once, each with its line.
func ExampleParsePolicies_mistakes() {
	file := strings.NewReader(`
default:
  attempts: none
  retires: 3
organs:
  mialer: {timeout: 30}
`)
	_, err := supervision.ParsePolicies(file, []string{"mailer"})
	fmt.Println(err)
	// Output:
	// policy file, line 3: default: attempts is "none", want a whole number from 1 to 1000000
	// policy file, line 4: default: unknown field "retires", want attempts, backoff, exhausted, timeout, max_deliveries, restarts, breaker
	// policy file, line 6: unknown organ "mialer"
	// policy file, line 6: organ "mialer": timeout is "30", want a duration such as "100ms", above 0 and up to 8760h0m0s
}
