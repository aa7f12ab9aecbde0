package spine

import (
	"math/bits"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// Stats is what a Spine has done since it began to run, and what it is at. Events are counted once per
// organ that handled them, except where said otherwise.
type Stats struct {
	Received        int // deliveries, an event handed out again counts again
	Processed       int // settled for good: done, logged or dead-lettered
	Emitted         int // appended by settlements
	Acked           int // events every organ is finished with
	DeadLetters     int
	Retries         int
	Deferred        int
	Unwanted        map[string]int // by type: events no organ listens to, but for what a supervision.Desk tells; at most 1,000 types
	EnqueueFailures map[string]int // by type of the event whose handling emitted too much or the unencodable
	BackendErrors   int
	ShardsLost      int
	LettersFull     int // dead letters refused for lack of room
	Abandoned       int // handlers that ignore the end of their context and still run
	InFlight        int // events in hand
	InFlightBytes   int
	Delayed         int // delayed events that are not due; -1 when the backend does not tell
	Organs          map[string]OrganStats
}

// OrganStats is the part of one organ.
type OrganStats struct {
	Handled        int            // attempts that succeeded
	Failures       map[string]int // attempts that failed, by kind
	Retries        int
	Deferred       int
	Logged         int
	DeadLetters    int
	Emitted        int
	OnFailedErrors int
	InHand         int
	Batches        int
	Breaker        string // closed, open, half-open
	Paused         bool
	Latency        Latency // of the handler, per event: a batch's time divided by its items
	Cells          host.CellStats
}

// Latency holds quantiles of a distribution, each at most 25 % too high.
type Latency struct {
	P50, P99, Max time.Duration
}

// typesBound bounds maps by event type: types come from outside.
const typesBound = 1000

// otherTypes is where types beyond the bound are counted.
const otherTypes = "(other)"

// statsBook counts, on the core's goroutine.
type statsBook struct {
	received, processed, emitted, acked, dead int
	backendErrors, shardsLost, lettersFull    int
	abandoned                                 int
	unwantedTypes, enqueueTypes               typeCounts
}

func newStatsBook() statsBook {
	return statsBook{unwantedTypes: newTypeCounts(told...), enqueueTypes: newTypeCounts()}
}

// told are the types of the library's own events: nobody has to listen to them, so it is no mistake that nobody does.
var told = []string{supervision.LetterReplayed{}.EventType(), supervision.LetterDropped{}.EventType()}

// organBook counts for one organ.
type organBook struct {
	handled, batches, emitted                       int
	latency                                         histogram
	retries, deferred, logged, dead, onFailedErrors int
	failures                                        [32]int // by actors.Kind
}

func (b *organBook) failed(k actors.Kind) { b.failures[int(k)%len(b.failures)]++ }

func (b *organBook) batch(x *host.Batch) {
	b.batches++
	if n := len(x.Items); n > 0 {
		b.latency.add(x.Ended.Sub(x.Started)/time.Duration(n), n)
	}
}

func (s *statsBook) settled(o *organBook, x *Settlement, a Answer) {
	s.emitted += len(x.Emitted)
	if a.Acked {
		s.acked++
	}
	if x.Kind == Done || x.Kind == Dead {
		s.processed++
	}
	if x.Kind == Dead {
		s.dead++
	}
	if o == nil {
		return
	}
	o.emitted += len(x.Emitted)
	if x.Kind == Dead {
		o.dead++
	}
}

// unwanted counts an event nobody listens to, and reports whether its type is new and worth a note. number is Event.TypeNumber, or 0.
func (s *statsBook) unwanted(ev actors.Event, number uint16) bool {
	return s.unwantedTypes.addNumbered(ev, number)
}

func (s *statsBook) enqueueFailure(typ string) { s.enqueueTypes.add(typ) }

// typeCounts counts by event type.
type typeCounts struct {
	byType   map[string]*int
	byNumber []*int          // the same counts, by actors.Event.TypeNumber as far as they have come
	leftOut  map[string]*int // counts nobody asks for, so that byNumber knows these types too
}

// newTypeCounts makes counts of all types but those left out, which never are the first of theirs.
func newTypeCounts(leftOut ...string) typeCounts {
	t := typeCounts{byType: map[string]*int{}, leftOut: map[string]*int{}}
	for _, typ := range leftOut {
		t.leftOut[typ] = new(int)
	}
	return t
}

func (t *typeCounts) add(typ string) (n *int, first bool) {
	if n := t.leftOut[typ]; n != nil {
		*n++
		return n, false
	}
	n = t.byType[typ]
	if n == nil && len(t.byType) >= typesBound {
		typ = otherTypes
		n = t.byType[typ]
	}
	if n == nil {
		n = new(int)
		t.byType[typ] = n
	}
	*n++
	return n, *n == 1
}

// addNumbered is add, and looks at an event with a number only the first time: what a matching engine emits and nobody hears
// comes by the million, from another core.
func (t *typeCounts) addNumbered(ev actors.Event, number uint16) (first bool) {
	if int(number) < len(t.byNumber) && t.byNumber[number] != nil {
		*t.byNumber[number]++
		return false
	}
	n, first := t.add(ev.Type())
	if number != 0 {
		t.byNumber = grown(t.byNumber, int(number)+1)
		t.byNumber[number] = n
	}
	return first
}

// grown is s with at least n elements, the new ones zero.
func grown[T any](s []T, n int) []T {
	if len(s) < n {
		s = append(s, make([]T, n-len(s))...)
	}
	return s
}

func (t *typeCounts) now() map[string]int {
	counts := make(map[string]int, len(t.byType))
	for typ, n := range t.byType {
		counts[typ] = *n
	}
	return counts
}

// histogram counts durations in buckets of a quarter of a power of two. These lie apart: they would part what is looked at
// together.
type histogram struct {
	total   int
	max     time.Duration
	buckets *[4 * 64]int
}

func newHistogram() histogram { return histogram{buckets: new([4 * 64]int)} }

func (h *histogram) add(d time.Duration, n int) {
	h.buckets[bucketOf(d)] += n
	h.total += n
	h.max = max(h.max, d)
}

func bucketOf(d time.Duration) int {
	if d < 4 {
		return int(max(d, 0))
	}
	e := bits.Len64(uint64(d)) - 1 // at least 2
	return 4*(e-1) + int(uint64(d)>>(e-2)&3)
}

// bound is the upper end of bucket i.
func bound(i int) time.Duration {
	if i < 4 {
		return time.Duration(i)
	}
	e := i/4 + 1
	return time.Duration(uint64(5+i%4)<<(e-2)) - 1
}

func (h *histogram) quantile(q float64) time.Duration {
	want := int(q*float64(h.total) + 0.5)
	seen := 0
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= want {
			return min(bound(i), h.max)
		}
	}
	return h.max
}

func (h *histogram) latency() Latency {
	return Latency{P50: h.quantile(0.5), P99: h.quantile(0.99), Max: h.max}
}

// statsNow copies the numbers.
func (c *core) statsNow() Stats {
	b := &c.stats
	s := Stats{
		Received: b.received, Processed: b.processed, Emitted: b.emitted, Acked: b.acked, DeadLetters: b.dead,
		Unwanted: b.unwantedTypes.now(), EnqueueFailures: b.enqueueTypes.now(),
		BackendErrors: b.backendErrors, ShardsLost: b.shardsLost, LettersFull: b.lettersFull, Abandoned: b.abandoned,
		InFlight: c.ledger.events, InFlightBytes: c.ledger.bytes,
		Organs: make(map[string]OrganStats, len(c.organs)),
	}
	for _, o := range c.organs {
		x := o.statsNow()
		s.Retries += x.Retries
		s.Deferred += x.Deferred
		s.Organs[o.name] = x
	}
	return s
}

func (o *organ) statsNow() OrganStats {
	b := &o.stats
	s := OrganStats{
		Handled: b.handled, Retries: b.retries, Deferred: b.deferred, Logged: b.logged, DeadLetters: b.dead,
		Emitted: b.emitted, OnFailedErrors: b.onFailedErrors, InHand: o.inHand, Batches: b.batches,
		Breaker: o.breaker.State().String(), Paused: o.paused, Latency: b.latency.latency(), Failures: map[string]int{},
	}
	for k, n := range b.failures {
		if n > 0 {
			s.Failures[actors.Kind(k).String()] = n
		}
	}
	return s
}
