package supervision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// field is one setting of a Policy: what a file calls it and what it may be. The table of
// them is what both Policy.Err and ParsePolicies go by.
type field struct {
	group string // of the mapping in a file it stands in; "" for none
	name  string
	want  string // completes "…, want "
	// read sets the field from a scalar of a file; false when it may not be that.
	read func(p *Policy, tag, text string) bool
	// value returns what the field is, and whether it may be that.
	value func(*Policy) (any, bool)
}

// Limits of the fields. A year is longer than anybody waits and far from overflow; the counts
// are what is remembered (restarts, failures in a row), or tried in a lifetime.
const (
	longestSpan   = 365 * 24 * time.Hour
	mostAttempts  = 1_000_000
	mostRestarts  = 10_000
	mostFailures  = 1_000_000
	steepestCurve = 1000
)

var fields = []field{
	count("", "attempts", 1, mostAttempts, func(p *Policy) *int { return &p.Retry.Attempts }),
	span("backoff", "base", func(p *Policy) *time.Duration { return &p.Retry.Backoff.Base }),
	ratio("backoff", "factor", 1, steepestCurve, func(p *Policy) *float64 { return &p.Retry.Backoff.Factor }),
	span("backoff", "max", func(p *Policy) *time.Duration { return &p.Retry.Backoff.Max }),
	ratio("backoff", "jitter", 0, 1, func(p *Policy) *float64 { return &p.Retry.Backoff.Jitter }),
	bounded("", "exhausted", anyStrategy, Log, Nack, strategyText, func(p *Policy) *Strategy { return &p.Exhausted }),
	span("", "timeout", func(p *Policy) *time.Duration { return &p.Timeout }),
	count("", "max_deliveries", 1, mostAttempts, func(p *Policy) *int { return &p.MaxDeliveries }),
	count("restarts", "max", 1, mostRestarts, func(p *Policy) *int { return &p.Restarts.Max }),
	span("restarts", "within", func(p *Policy) *time.Duration { return &p.Restarts.Within }),
	count("breaker", "failures", 0, mostFailures, func(p *Policy) *int { return &p.Breaker.Failures }),
	span("breaker", "open", func(p *Policy) *time.Duration { return &p.Breaker.Open }),
}

func count(group, name string, least, most int, at func(*Policy) *int) field {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	return bounded(group, name, want, least, most, wholeNumber, at)
}

func ratio(group, name string, least, most float64, at func(*Policy) *float64) field {
	want := fmt.Sprintf("a number from %v to %v", least, most)
	return bounded(group, name, want, least, most, number, at)
}

func span(group, name string, at func(*Policy) *time.Duration) field {
	want := fmt.Sprintf("a duration such as \"100ms\", above 0 and up to %v", longestSpan)
	return bounded(group, name, want, 1, longestSpan, duration, at)
}

// bounded makes a field of a value between least and most.
func bounded[T cmp.Ordered](group, name, want string, least, most T, parse func(tag, text string) (T, bool), at func(*Policy) *T) field {
	fits := func(v T) bool { return v >= least && v <= most } // false for NaN
	return field{
		group: group,
		name:  name,
		want:  want,
		read: func(p *Policy, tag, text string) bool {
			v, ok := parse(tag, text)
			if !ok || !fits(v) {
				return false
			}
			*at(p) = v
			return true
		},
		value: func(p *Policy) (any, bool) {
			v := *at(p)
			return v, fits(v)
		},
	}
}

// title is the field's full name, such as "backoff.base".
func (f field) title() string {
	if f.group == "" {
		return f.name
	}
	return f.group + "." + f.name
}

// wholeNumber accepts the plain decimal spelling alone: 010 is eight to some readers of
// YAML and ten to others.
func wholeNumber(tag, text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && tag == "!!int" && strconv.Itoa(n) == text
}

func number(tag, text string) (float64, bool) {
	if tag == "!!int" {
		n, ok := wholeNumber(tag, text)
		return float64(n), ok
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && tag == "!!float"
}

func duration(tag, text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil && tag == "!!str"
}

func strategyText(tag, text string) (Strategy, bool) {
	s, err := ParseStrategy(text)
	return s, err == nil && tag == "!!str"
}

// relation is what must hold between fields that are right by themselves.
type relation struct {
	titles []string
	fault  func(Policy) string // "" when it holds
}

var relations = []relation{
	{[]string{"backoff.base", "backoff.max"}, func(p Policy) string {
		b := p.Retry.Backoff
		if b.Max >= b.Base {
			return ""
		}
		return fmt.Sprintf("backoff.max is %q, want at least backoff.base, which is %q", b.Max, b.Base)
	}},
	{[]string{"exhausted", "attempts", "max_deliveries"}, func(p Policy) string {
		if p.Exhausted != Nack || p.MaxDeliveries >= p.Retry.Attempts {
			return ""
		}
		return fmt.Sprintf("max_deliveries is %q, want at least attempts, which is %q, under nack",
			strconv.Itoa(p.MaxDeliveries), strconv.Itoa(p.Retry.Attempts))
	}},
}

// touches reports whether one of the relation's fields is a key of set.
func touches[V any](r relation, set map[string]V) bool {
	return slices.ContainsFunc(r.titles, func(title string) bool {
		_, ok := set[title]
		return ok
	})
}

// said is a value in an error. The zero Strategy is one that nobody has chosen.
func said(v any) string {
	if v == Strategy(0) {
		return "not set"
	}
	return strconv.Quote(fmt.Sprint(v))
}

// faults returns every mistake of p, which has its defaults, in the order of the table.
func (p Policy) faults() []string {
	var texts []string
	wrong := map[string]bool{}
	for _, f := range fields {
		v, ok := f.value(&p)
		if ok {
			continue
		}
		wrong[f.title()] = true
		texts = append(texts, fmt.Sprintf("%s is %s, want %s", f.title(), said(v), f.want))
	}
	for _, r := range relations {
		if touches(r, wrong) {
			continue
		}
		if text := r.fault(p); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}
