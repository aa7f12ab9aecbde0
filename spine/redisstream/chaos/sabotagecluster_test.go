package chaos_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dayOne is when everything happens that is said to have happened to a spoilt store.
var dayOne = time.Unix(1_000_000, 0)

// truth is a cell of a store that is not spoilt yet.
type truth struct {
	organ, key string
	log        []mark
}

func (x truth) says(s seen) answer {
	return answer{Organ: x.organ, Key: x.key, Seen: s, Stored: s.Len, at: dayOne}
}

// diary is what nodes were told of the store before it was spoilt, and what they have worked on.
func (v *vandal) diary() *diary {
	d := newDiary()
	for _, x := range v.truths {
		for n := range len(x.log) + 1 {
			d.answers = append(d.answers, x.says(seenOf(x.log[:n])))
		}
	}
	d.refused["moved"] = 1
	d.worked["book 1"] = []time.Time{dayOne.Add(-time.Second), dayOne, dayOne.Add(2 * time.Second)}
	return d
}

// alien is an answer of another cell.
func alien(w *expectation) {
	a := w.diary.answers[len(w.diary.answers)-1]
	a.Seen = seenOf([]mark{markOf("TICK", 1, 0), markOf("TICK", 2, 0)})
	w.diary.answers = append(w.diary.answers, a)
}

// lies are what nodes may have been told, or done, that they must not.
var lies = []violation{
	{"I13", "an answer was of events that the cell has not seen", alien, nil},
	{"I13", "an answer was of a state that was committed later", func(w *expectation) {
		w.diary.answers[len(w.diary.answers)-1].Stored--
	}, nil},
	{"I13", "an answer was of a state that was never committed", func(w *expectation) {
		ahead := w.diary.answers[len(w.diary.answers)-1]
		ahead.Seen = seen{Len: ahead.Seen.Len + 1, Sum: linked(ahead.Seen.Sum, "TICK/1/0")}
		ahead.Stored++
		w.diary.answers = append(w.diary.answers, ahead)
	}, nil},
	{"I13", "an answer has skipped an event", func(w *expectation) {
		a := &w.diary.answers[len(w.diary.answers)-2]
		a.Seen.Len++
	}, nil},
	{"I13", "an answer long after the store went back was false", func(w *expectation) {
		w.lossy, w.rolledBack = true, dayOne.Add(-2*stale)
		alien(w)
	}, nil},
	{"I13", "a question failed for no known reason", func(w *expectation) { w.diary.refused[unknown+"it"] = 1 }, nil},
	{"I15", "what a node had done was done again when it left", func(w *expectation) {
		w.diary.worked["book 1"] = append(w.diary.worked["book 1"], dayOne.Add(time.Second/2))
	}, nil},
}

// mishap is what must be found in what a round sees before the end.
type mishap struct {
	invariant, what string
	findings        func() []finding
}

var mishaps = []mishap{
	{"I10", "two tokens in one epoch", func() []finding { return seenOwners("1 a", "2 b", "2 c") }},
	{"I10", "an epoch comes again", func() []finding { return seenOwners("1 a", "2 b", "1 a") }},
	{"I14", "a shard has no owner", func() []finding { return unserved(leases("", "b/1/x"), held("b/1", 1)) }},
	{"I14", "the owner of a shard does not know of it", func() []finding { return unserved(leases("a/1/x"), held("a/1")) }},
	{"I14", "two nodes take a shard for theirs", func() []finding {
		return unserved(leases("a/1/x"), slices.Concat(held("a/1", 0), held("b/1", 0)))
	}},
	{"I14", "another node than the owner serves a shard", func() []finding { return unserved(leases("a/1/x"), held("b/1", 0)) }},
	{"I16", "an older program takes over from a newer", func() []finding {
		x := newTenure()
		x.see(0, map[string]string{"epoch": "1", "tok": "a", "organs": "audit book"})
		x.see(0, map[string]string{"epoch": "2", "tok": "b", "organs": "book"})
		return x.findings
	}},
}

// seenOwners makes a tenure see owners of one shard, each an epoch and a token.
func seenOwners(owners ...string) []finding {
	x := newTenure()
	for _, o := range owners {
		x.see(0, map[string]string{"epoch": o[:1], "tok": o[2:]})
	}
	return x.findings
}

func leases(tokens ...string) []map[string]string {
	var owns []map[string]string
	for _, token := range tokens {
		owns = append(owns, map[string]string{"tok": token})
	}
	return owns
}

func held(owner string, shards ...uint32) []holding { return []holding{{Owner: owner, Shards: shards}} }

func TestWhatIsAsItShouldBeIsNotFound(t *testing.T) {
	t.Parallel()
	assert.Empty(t, seenOwners("1 a", "1 a", "2 b", "2 "))
	assert.Empty(t, unserved(leases("a/1/x", "b/1/x"), slices.Concat(held("b/1", 1), held("a/1", 0), held("c/1"))))
}

func TestAnswersOfAStoreThatWentBackAreExcused(t *testing.T) {
	t.Parallel()
	k := &checker{want: expectation{lossy: true, rolledBack: dayOne.Add(-time.Second)}}
	d := newDiary()
	d.answers = []answer{truth{organ: "book", key: "a"}.says(seen{Len: 1, Sum: "x"})}
	assert.Equal(t, 1, k.answers(d))
	assert.Empty(t, k.findings)
}

func TestVacancyIsFromTheKillToTheNextOwner(t *testing.T) {
	t.Parallel()
	v := newVacancy()
	for shard, owner := range []string{"a", "a", "b"} {
		v.see(shard, owner, dayOne)
	}
	v.fell("a", dayOne, true)
	v.see(0, "a", dayOne.Add(time.Second)) // nobody has it yet
	v.see(0, "b", dayOne.Add(2*time.Second))
	assert.Len(t, v.orphans, 1)
	v.see(1, "", dayOne.Add(2*time.Second))
	v.see(1, "c", dayOne.Add(3*time.Second))
	v.see(2, "c", dayOne.Add(9*time.Second)) // given, not left behind
	assert.Empty(t, v.orphans)
	assert.Equal(t, 3*time.Second, v.longest)
	assert.Equal(t, 3*time.Second, v.calmMost)
	assert.Equal(t, 3, v.moves)
}

func TestWorkWithoutProgressIsFound(t *testing.T) {
	t.Parallel()
	w := &watch{tenure: newTenure(), vacancy: newVacancy(), since: time.Now().Add(-time.Minute)}
	w.note([]any{"5", "0"}, []map[string]string{{}})
	stalled, backlog := w.idle()
	assert.GreaterOrEqual(t, stalled, time.Minute)
	assert.EqualValues(t, 5, backlog)
	w.note([]any{"5", "3"}, []map[string]string{{}})
	stalled, _ = w.idle()
	assert.Less(t, stalled, time.Minute)
}

func TestATenureCountsChanges(t *testing.T) {
	t.Parallel()
	x := newTenure()
	x.see(0, map[string]string{"epoch": "1", "tok": "a"})
	x.see(0, map[string]string{"epoch": "3", "tok": "b"})
	require.Empty(t, x.findings)
	assert.Equal(t, 2, x.changes)
}
