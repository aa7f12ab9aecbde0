package supervision

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Policy is the rule for one organ's failures. The zero value of a field means its default,
// except for Exhausted, which has to be chosen.
type Policy struct {
	Retry Retry
	// Exhausted is what happens to an event when the attempts are used up.
	Exhausted Strategy
	// Timeout bounds one attempt. Default 30 s.
	Timeout time.Duration
	// MaxDeliveries bounds all attempts under Nack, those of Retry included. Default 20.
	MaxDeliveries int
	Restarts      Restarts
	Breaker       BreakerPolicy
}

// Retry says how often an event is tried, and how far apart.
type Retry struct {
	Attempts int // the first one included; default 5, 1 is no retry
	// Backoff: see WithDefaults for what its zero fields mean.
	Backoff Backoff
}

// Restarts is an organ's restart budget: at most Max in any span of Within.
type Restarts struct {
	Max    int           // default 100
	Within time.Duration // default 1 minute
}

// BreakerPolicy says when an organ's breaker opens, and for how long.
type BreakerPolicy struct {
	// Failures in a row open the breaker. With 0, the default, only a used-up restart
	// budget does.
	Failures int
	// Open is how long it stays open before it lets a probe through. Default 30 s.
	Open time.Duration
}

// Default returns the policy of an organ that nobody has said anything about: 5 attempts,
// 100 ms × 4 up to 30 s between them, ±20 %, then Store; 30 s for an attempt.
func Default() Policy {
	return Policy{
		Retry:         Retry{Attempts: 5, Backoff: Exponential(defaultBase, defaultMax)},
		Exhausted:     Store,
		Timeout:       30 * time.Second,
		MaxDeliveries: 20,
		Restarts:      Restarts{Max: 100, Within: time.Minute},
		Breaker:       BreakerPolicy{Open: 30 * time.Second},
	}
}

// WithDefaults returns p with its zero fields filled from Default. Three zeros stay: Exhausted,
// which is a mistake; Breaker.Failures; and the Jitter of a Backoff whose other three
// fields are set, which then means no jitter.
func (p Policy) WithDefaults() Policy {
	d := Default()
	p.Retry.Attempts = cmp.Or(p.Retry.Attempts, d.Retry.Attempts)
	p.Retry.Backoff = p.Retry.Backoff.withDefaults()
	p.Timeout = cmp.Or(p.Timeout, d.Timeout)
	p.MaxDeliveries = cmp.Or(p.MaxDeliveries, d.MaxDeliveries)
	p.Restarts = p.Restarts.withDefaults()
	p.Breaker = p.Breaker.withDefaults()
	return p
}

func (b Backoff) withDefaults() Backoff {
	if b.Base == 0 || b.Factor == 0 || b.Max == 0 {
		b.Jitter = cmp.Or(b.Jitter, defaultJitter)
	}
	b.Base = cmp.Or(b.Base, defaultBase)
	b.Factor = cmp.Or(b.Factor, defaultFactor)
	b.Max = cmp.Or(b.Max, defaultMax)
	return b
}

func (r Restarts) withDefaults() Restarts {
	d := Default().Restarts
	return Restarts{Max: cmp.Or(r.Max, d.Max), Within: cmp.Or(r.Within, d.Within)}
}

func (b BreakerPolicy) withDefaults() BreakerPolicy {
	b.Open = cmp.Or(b.Open, Default().Breaker.Open)
	return b
}

// Err reports all mistakes of p, as it is with its defaults, in one error of one line each. A
// line names the field, as a policy file spells it, and the value.
func (p Policy) Err() error { return faults("policy", p) }

func faults(whose string, p Policy) error {
	var errs []error
	for _, text := range p.WithDefaults().faults() {
		errs = append(errs, fmt.Errorf("%s: %s", whose, text))
	}
	return errors.Join(errs...)
}

// Policies is the policy of every organ. The zero Policies gives each of them Default.
type Policies struct {
	// Default is for organs that are not in Organs. A Default that is entirely zero stands for
	// the function of that name.
	Default Policy
	// Organs does not inherit from Default here, only in a file; see Policies.Parse.
	Organs map[string]Policy
}

// For returns the policy of an organ, its defaults filled.
func (ps Policies) For(organ string) Policy {
	if p, ok := ps.Organs[organ]; ok {
		return p.WithDefaults()
	}
	if ps.Default == (Policy{}) {
		return Default()
	}
	return ps.Default.WithDefaults()
}

// Err reports all mistakes of all policies in one error of one line each; see Policy.Err.
func (ps Policies) Err() error {
	var errs []error
	if ps.Default != (Policy{}) {
		errs = append(errs, faults("default policy", ps.Default))
	}
	names := make([]string, 0, len(ps.Organs))
	for name := range ps.Organs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		errs = append(errs, faults(fmt.Sprintf("policy of organ %q", name), ps.Organs[name]))
	}
	return errors.Join(errs...)
}
