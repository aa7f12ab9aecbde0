package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// finding is a violation of an invariant.
type finding struct{ invariant, text string }

func (f finding) String() string { return f.invariant + ": " + f.text }

// expectation is what a round knows beside the store.
type expectation struct {
	notes  map[uint64]notes // by publisher
	bombs  []uint64         // numbers
	retain bool             // the streams are complete
	lossy  bool             // the server may have lost the end of its log
	healed bool             // all dead letters were replayed, to a program that refuses nothing

	rolledBack time.Time // when the server may have lost it last
	diary      *diary    // of the nodes of a cluster, nil: there are none
	calms      []span    // in which nothing happened but departures in good order
}

// verdict is what the checker says.
type verdict struct {
	findings []finding
	accepted int
	lost     int // accepted events that the store knows nothing of
	events   int // published events in the store
	letters  int

	asked   int
	refused map[string]int // by kind
	excused int            // answers of before the store went back
}

// check judges a store at rest.
func check(c content, want expectation) verdict {
	k := &checker{content: c, want: want, states: map[string]any{}, marks: map[string]map[mark]int{}}
	k.rebuild()
	k.survivors()
	k.accounts()
	k.effects()
	k.letters()
	k.emissions()
	k.order()
	k.sums()
	k.chains()
	k.rest()
	k.trimmed()
	v := verdict{accepted: k.accepted, lost: k.lost, events: len(k.alive), letters: len(c.letters)}
	if d := want.diary; d != nil {
		v.asked, v.refused, v.excused = len(d.answers), d.refused, k.answers(d)
		k.repeats(d)
	}
	v.findings = k.findings
	return v
}

type checker struct {
	content  content
	want     expectation
	states   map[string]any          // by organ/key
	marks    map[string]map[mark]int // by organ: how often an event has changed a cell
	alive    map[uint64]bool         // transfers that the store knows of
	accepted int
	lost     int
	findings []finding
}

// mostFindings of one invariant are told; the first tell enough.
const mostFindings = 10

func (k *checker) find(invariant, format string, args ...any) {
	n := 0
	for _, f := range k.findings {
		if f.invariant == invariant {
			n++
		}
	}
	if n < mostFindings {
		k.findings = append(k.findings, finding{invariant, fmt.Sprintf(format, args...)})
	}
}

func cellName(organ, key string) string { return organ + "/" + key }

func (k *checker) rebuild() {
	for _, text := range k.content.strange {
		k.find("I6", "strange: %s", text)
	}
	for i, s := range k.content.shards {
		for _, c := range s.cells {
			state, errs := rebuild(c)
			for _, err := range errs {
				k.find("I8", "shard %d: %v", i, err)
			}
			name := cellName(c.organ, c.key)
			if k.states[name] != nil {
				k.find("I8", "cell %s is in two shards", name)
			}
			k.states[name] = state
			if k.marks[c.organ] == nil {
				k.marks[c.organ] = map[mark]int{}
			}
			for _, m := range logOf(state) {
				k.marks[c.organ][m]++
			}
		}
	}
}

func logOf(state any) []mark {
	switch s := state.(type) {
	case bookState:
		return s.Log
	case chainState:
		return s.Log
	case tallyState:
		return s.Log
	}
	return nil
}

// survivors finds the transfers that have left any trace at all.
func (k *checker) survivors() {
	k.alive = map[uint64]bool{}
	for _, marks := range k.marks {
		for m := range marks {
			k.alive[numberOf(m)] = true
		}
	}
	for _, l := range k.content.letters {
		if l.event.typ == "TRANSFER" {
			k.alive[l.event.body.N] = true
		}
	}
	for _, s := range k.content.shards {
		for _, e := range s.entries {
			if ours(e) {
				k.alive[e.body.N] = true
			}
		}
	}
}

// ours tells whether an event is of those that follow from a transfer; bombs do not, nor does what a desk says about its work.
func ours(e recorded) bool {
	return e.typ == "TRANSFER" || e.typ == "CREDIT" || e.typ == "ECHO" || e.typ == "FLAKED" || e.typ == "TICK"
}

func numberOf(m mark) uint64 {
	var n uint64
	if _, err := fmt.Sscan(strings.Split(string(m), "/")[1], &n); err != nil {
		panic(fmt.Sprintf("mark %q: %v", m, err))
	}
	return n
}

// accounts compares what was accepted with what is there.
func (k *checker) accounts() {
	for publisher, n := range k.want.notes {
		k.accepted += int(n.accepted)
		for i := uint64(1); i <= n.accepted; i++ {
			if k.alive[publisher*perSource+i] {
				continue
			}
			k.lost++
			if !k.want.lossy {
				k.find("I1", "transfer %d of publisher %d was accepted and is lost", i, publisher)
			}
		}
	}
	for n := range k.alive {
		if i := n % perSource; i > k.want.notes[n/perSource].sent || i == 0 {
			k.find("I2", "transfer %d of publisher %d was not published", i, n/perSource)
		}
	}
}

// effects looks for exactly one of each, over all organs.
func (k *checker) effects() {
	expected := map[string]map[mark]int{"book": {}, "chain": {}, "tally": {}}
	for n := range k.alive {
		if !closed(n) || k.want.healed {
			expected["book"][markOf("TRANSFER", n, 0)] = 1
			expected["book"][markOf("CREDIT", n, 0)] = 1
		}
		if !broken(n) || k.want.healed {
			expected["chain"][markOf("TRANSFER", n, 0)] = 1
		}
		if !hopeless(n) || k.want.healed {
			expected["tally"][markOf("FLAKED", n, 0)] = 1
		}
		expected["tally"][markOf("TICK", n, 0)] = 1
		for part := range parts(n) {
			expected["tally"][markOf("ECHO", n, part)] = 1
		}
	}
	invariant := "I1"
	if k.want.healed {
		invariant = "I9"
	}
	for organ, marks := range expected {
		k.compare(invariant, "effects of "+organ, marks, k.marks[organ])
	}
}

// compare tells what is in one and not in the other.
func (k *checker) compare(invariant, what string, want, got map[mark]int) {
	for _, m := range slices.Sorted(maps.Keys(want)) {
		if got[m] != want[m] {
			k.find(invariant, "%s: %s is there %d times, want %d", what, m, got[m], want[m])
		}
	}
	for _, m := range slices.Sorted(maps.Keys(got)) {
		if want[m] == 0 {
			k.find(invariant, "%s: %s is there %d times, want 0", what, m, got[m])
		}
	}
}

func (k *checker) letters() {
	want, got := map[mark]int{}, map[mark]int{}
	expect := func(organ, typ string, n uint64, reason string, attempts int) {
		want[letterMark(organ, typ, n, reason, fmt.Sprint(attempts))] = 1
	}
	for n := range k.alive {
		if k.want.healed {
			break
		}
		if closed(n) {
			expect("book", "TRANSFER", n, "permanent", 1)
		}
		if broken(n) {
			expect("chain", "TRANSFER", n, "permanent", 1)
		}
		if poisoned(n) {
			expect("poison", "TRANSFER", n, "permanent", 1)
		}
		if hopeless(n) {
			expect("flaky", "TRANSFER", n, "error", attempts)
		}
	}
	for _, n := range k.want.bombs {
		if !k.want.healed {
			expect("bomb", "BOMB", n, "crash", 1)
		}
	}
	for _, l := range k.content.letters {
		got[letterMark(l.organ, l.event.typ, l.event.body.N, l.reason, l.attempts)]++
	}
	k.compare("I7", "dead letters", want, got)
}

func letterMark(organ, typ string, n uint64, reason, attempts string) mark {
	return mark(fmt.Sprintf("%s/%d/%s: %s after %s attempts", typ, n, organ, reason, attempts))
}

// emissions compares the events in complete streams with those that had to be emitted.
func (k *checker) emissions() {
	if !k.want.retain {
		return
	}
	want, got, ids := map[mark]int{}, map[mark]int{}, map[string]int{}
	for n := range k.alive {
		want[markOf("TRANSFER", n, 0)] = 1
		want[markOf("TICK", n, 0)] = 1
		if !closed(n) || k.want.healed {
			want[markOf("CREDIT", n, 0)] = 1
		}
		if !hopeless(n) || k.want.healed {
			want[markOf("FLAKED", n, 0)] = 1
		}
		for part := range parts(n) {
			want[markOf("ECHO", n, part)] = 1
		}
	}
	for _, s := range k.content.shards {
		for _, e := range s.entries {
			ids[e.event.String()]++
			if !e.replay && ours(e) {
				got[markOf(e.typ, e.body.N, e.body.Part)]++
			}
		}
	}
	k.compare("I4", "events in the streams", want, got)
	for id, n := range ids {
		if n > 1 {
			k.find("I4", "%d events have the id %s", n, id)
		}
	}
}
