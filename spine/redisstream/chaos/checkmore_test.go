package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// order compares the logs of cells with the order of the stream: with all of it where it is complete, else with
// what is known of it, the order in which a publisher has published.
func (k *checker) order() {
	if k.want.retain {
		k.streamOrder()
		return
	}
	for _, name := range slices.Sorted(maps.Keys(k.states)) {
		last := map[string]uint64{}
		for _, m := range logOf(k.states[name]) {
			typ, _, _ := strings.Cut(string(m), "/")
			if typ != "TRANSFER" && (typ != "TICK" || k.want.healed) {
				continue
			}
			n := numberOf(m)
			source := fmt.Sprint(typ, n/perSource)
			if n <= last[source] && !k.want.healed {
				k.find("I3", "cell %s: %s comes after number %d", name, m, last[source])
			}
			last[source] = n
		}
	}
}

// streamOrder steps all cells through all events.
func (k *checker) streamOrder() {
	expected, ids := map[string]any{}, map[mark]string{}
	for _, s := range k.content.shards {
		for _, e := range s.entries {
			ids[markOf(e.typ, e.body.N, e.body.Part)] = e.id
			for _, organ := range listeners(e) {
				name := cellName(organ, e.key)
				state, ok := expected[name]
				if !ok {
					state = fresh(organ)
				}
				if next, changes := step(organ, state, e); changes {
					expected[name] = next
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		want, got := logOf(expected[name]), logOf(k.states[name])
		if !slices.Equal(want, got) {
			at := 0
			for at < min(len(want), len(got)) && want[at] == got[at] {
				at++
			}
			k.find("I3", "cell %s: from change %d it is %v, the stream has %v", name, at+1, some(got[at:], ids), some(want[at:], ids))
		}
	}
}

// some are the first of a log, with the entries that they come from.
func some(log []mark, ids map[mark]string) []string {
	var text []string
	for _, m := range log[:min(len(log), 4)] {
		text = append(text, string(m)+"@"+ids[m])
	}
	return text
}

// listeners are the organs with cells that an event is for.
func listeners(e recorded) []string {
	var all []string
	switch e.typ {
	case "TRANSFER":
		all = []string{"book", "chain"}
	case "CREDIT":
		all = []string{"book"}
	case "ECHO", "FLAKED", "TICK":
		all = []string{"tally"}
	}
	return slices.DeleteFunc(all, func(organ string) bool { return e.only != "" && e.only != service+"/"+organ })
}

func (k *checker) sums() {
	total := int64(0)
	for _, name := range slices.Sorted(maps.Keys(k.states)) {
		s, ok := k.states[name].(bookState)
		if !ok {
			continue
		}
		sum := int64(0)
		for _, m := range s.Log {
			amount := transferOf(numberOf(m)).Amount
			if strings.HasPrefix(string(m), "TRANSFER/") {
				amount = -amount
			}
			sum += amount
		}
		if sum != s.Balance {
			k.find("I5", "cell %s has %d, its transfers make %d", name, s.Balance, sum)
		}
		total += s.Balance
	}
	if total != 0 {
		k.find("I5", "the sum of all accounts is %d, want 0", total)
	}
}

func (k *checker) chains() {
	for _, name := range slices.Sorted(maps.Keys(k.states)) {
		s, ok := k.states[name].(chainState)
		if !ok {
			continue
		}
		head := ""
		for _, m := range s.Log {
			head = linked(head, m)
		}
		if head != s.Head {
			k.find("I8", "cell %s: the head is %s, the chain of its %d events ends with %s", name, s.Head, len(s.Log), head)
		}
	}
}

// rest looks for what is left behind.
func (k *checker) rest() {
	for i, s := range k.content.shards {
		if s.pending != 0 {
			k.find("I6", "shard %d has %d pending entries", i, s.pending)
		}
		if s.delivered != s.generated {
			k.find("I6", "shard %d: the service has come to %s, the stream to %s", i, s.delivered, s.generated)
		}
		for _, name := range slices.Sorted(maps.Keys(s.left)) {
			if s.left[name] != 0 {
				k.find("I6", "shard %d: %s has %d elements", i, name, s.left[name])
			}
		}
	}
	if in, done := k.content.load["in"], k.content.load["a:"+service]; in != done {
		k.find("I6", "%s events are counted in, %s done", in, done)
	}
}

// mostLeft is what a stream may hold at the end. There is no bound before that: while an entry is pending nothing behind it
// is trimmed, however much is finished there, and afterwards another 256 entries of the shard have to be finished first. So
// topUp publishes that many events to each shard when all is at rest. Every entry before them is finished then. Of the commits that
// finish them at least one trims: the 256th of one owner at the latest, and the first of another one. So the
// entries before them go, but for those in the last node of the stream, of 100 entries, since only whole nodes are removed.
const mostLeft = fillers + 100

// fillers are as many as bring a trim about.
const fillers = 256

func (k *checker) trimmed() {
	for i, s := range k.content.shards {
		if !k.want.retain && s.length > mostLeft {
			k.find("I11", "the stream of shard %d has %d entries, want at most %d", i, s.length, mostLeft)
		}
	}
}

// tenure is who held a shard in which epoch, seen over and over while a round ran.
type tenure struct {
	tokens   map[string]string // shard/epoch -> token
	epochs   map[int]uint64    // by shard, the last one
	newer    map[int]bool      // shards that the second program has had
	changes  int
	findings []finding
}

func newTenure() *tenure {
	return &tenure{tokens: map[string]string{}, epochs: map[int]uint64{}, newer: map[int]bool{}}
}

// see notes what was read of an owner.
func (t *tenure) see(shard int, own map[string]string) {
	epoch, err := strconv.ParseUint(own["epoch"], 10, 64)
	if err != nil {
		return
	}
	before := t.epochs[shard]
	if epoch < before {
		t.findings = append(t.findings, finding{"I10", fmt.Sprintf("shard %d went from epoch %d back to %d", shard, before, epoch)})
	}
	if before > 0 && epoch > before {
		t.changes += int(epoch - before)
	}
	t.epochs[shard] = epoch
	if now := slices.Contains(strings.Fields(own["organs"]), addedOrgan); t.newer[shard] && !now {
		t.findings = append(t.findings, finding{"I16", fmt.Sprintf("shard %d was taken from a newer program by %s", shard, own["node"])})
	} else {
		t.newer[shard] = now
	}
	place := fmt.Sprint(shard, "/", epoch)
	switch token := own["tok"]; {
	case token == "": // it was released
	case t.tokens[place] == "":
		t.tokens[place] = token
	case t.tokens[place] != token:
		t.findings = append(t.findings, finding{"I10", fmt.Sprintf("shard %d has two tokens in epoch %d: %s and %s", shard, epoch, t.tokens[place], token)})
	}
}
