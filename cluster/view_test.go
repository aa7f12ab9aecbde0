package cluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/cluster"
)

const ttl = 5 * time.Second

// reader reads by a clock of its own.
type reader struct {
	*cluster.View
	now     time.Time
	records map[string]cluster.Record
}

func newReader() *reader {
	return &reader{View: cluster.NewView(ttl), now: time.Unix(0, 0), records: make(map[string]cluster.Record)}
}

// after lets time pass, counts up the beats of some, and reads.
func (r *reader) after(d time.Duration, beating ...string) cluster.Change {
	r.now = r.now.Add(d)
	for _, id := range beating {
		rec := r.records[id]
		rec.Beat++
		rec.Weight = 1
		r.records[id] = rec
	}
	return r.Read(r.now, r.records)
}

func (r *reader) live() []string {
	var ids []string
	for _, m := range r.Live() {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestANewMemberIsAliveAtOnce(t *testing.T) {
	t.Parallel()
	r := newReader()
	assert.Equal(t, cluster.Change{Joined: []string{"a", "b"}}, r.after(0, "b", "a"))
	assert.True(t, r.after(time.Second, "a").Empty())
	assert.Equal(t, cluster.Change{Joined: []string{"c"}}, r.after(time.Second, "a", "c"))
	assert.Equal(t, []cluster.Member{{ID: "a", Weight: 1}, {ID: "b", Weight: 1}, {ID: "c", Weight: 1}}, r.Live())
}

func TestAMemberWithABeatOfZeroIsSeen(t *testing.T) {
	t.Parallel()
	r := newReader()
	r.records["a"] = cluster.Record{Weight: 2}
	assert.Equal(t, cluster.Change{Joined: []string{"a"}}, r.after(0))
	assert.Equal(t, []cluster.Member{{ID: "a", Weight: 2}}, r.Live())
}

func TestASilentMemberDiesAfterTheTimeToLive(t *testing.T) {
	t.Parallel()
	r := newReader()
	r.after(0, "a", "b")
	for range 4 {
		assert.True(t, r.after(time.Second, "a").Empty())
	}
	assert.True(t, r.after(time.Second-1, "a").Empty(), "a nanosecond too early")
	assert.Equal(t, cluster.Change{Died: []string{"b"}}, r.after(1, "a"))
	assert.Equal(t, []string{"a"}, r.live())
	assert.True(t, r.after(time.Second, "a").Empty(), "it dies once")
	assert.Equal(t, map[string]uint64{"b": 1}, r.Dead())
	delete(r.records, "b")
	assert.True(t, r.after(time.Second, "a").Empty(), "buried")
	assert.Empty(t, r.Dead())
}

func TestFewReadingsNeverKill(t *testing.T) {
	// The longest pauses that are no gap: after three readings the time is over, and the fourth decides.
	t.Parallel()
	r := newReader()
	r.after(0, "a")
	assert.True(t, r.after(ttl/2).Empty())
	assert.True(t, r.after(ttl/2).Empty())
	assert.Equal(t, cluster.Change{Died: []string{"a"}}, r.after(1))
}

func TestAGapBetweenReadingsBeginsSilenceAnew(t *testing.T) {
	t.Parallel()
	for _, gap := range []time.Duration{ttl/2 + 1, 100 * ttl, -time.Second} {
		r := newReader()
		r.after(0, "a")
		for range 4 {
			r.after(time.Second)
		}
		assert.True(t, r.after(gap).Empty())
		for range 4 {
			assert.True(t, r.after(time.Second).Empty())
		}
		assert.Equal(t, cluster.Change{Died: []string{"a"}}, r.after(time.Second))
	}
}

func TestADeadMemberStaysDeadOverAGapAndLivesWhenItsBeatMoves(t *testing.T) {
	t.Parallel()
	r := newReader()
	r.after(0, "a")
	for range 5 {
		r.after(time.Second)
	}
	assert.Empty(t, r.live())
	assert.True(t, r.after(10*ttl).Empty())
	assert.Equal(t, cluster.Change{Joined: []string{"a"}}, r.after(time.Second, "a"))
	for range 3 {
		assert.True(t, r.after(time.Second).Empty())
	}
	rec := r.records["a"]
	rec.Beat -= 2 // a store that was set back
	r.records["a"] = rec
	for range 4 {
		assert.True(t, r.after(time.Second).Empty())
	}
	assert.Equal(t, []string{"a"}, r.live())
}

func TestAMemberLeavesByItsWordOrWithItsRecord(t *testing.T) {
	t.Parallel()
	r := newReader()
	r.after(0, "a", "b", "c")
	r.records["a"] = cluster.Record{Beat: 2, Leaving: true}
	delete(r.records, "b")
	assert.Equal(t, cluster.Change{Left: []string{"a", "b"}}, r.after(time.Second, "c"))
	assert.Equal(t, []string{"c"}, r.live())
	delete(r.records, "a")
	assert.True(t, r.after(time.Second, "c").Empty(), "it has left already")
	assert.Equal(t, cluster.Change{Joined: []string{"b"}}, r.after(time.Second, "b", "c"))
}

func TestAMemberThatLeavesMayDie(t *testing.T) {
	t.Parallel()
	r := newReader()
	r.after(0, "a")
	r.records["a"] = cluster.Record{Beat: 2, Leaving: true}
	assert.Equal(t, cluster.Change{Left: []string{"a"}}, r.after(time.Second))
	for range 4 {
		assert.True(t, r.after(time.Second).Empty())
	}
	assert.Equal(t, cluster.Change{Died: []string{"a"}}, r.after(time.Second))
	assert.Equal(t, map[string]uint64{"a": 2}, r.Dead())
	r.records["a"] = cluster.Record{Beat: 3, Leaving: true}
	assert.True(t, r.after(time.Second).Empty(), "it goes on leaving")
	assert.Empty(t, r.Dead())
}

func TestAChangedWeightIsAChange(t *testing.T) {
	t.Parallel()
	r := newReader()
	r.after(0, "a", "b")
	r.records["a"] = cluster.Record{Beat: 2, Weight: 3}
	assert.Equal(t, cluster.Change{Weighed: []string{"a"}}, r.after(time.Second))
	assert.Equal(t, 3.0, r.Live()[0].Weight)
}

func TestAnotherIncarnationIsAnotherMember(t *testing.T) {
	t.Parallel()
	r := newReader()
	one, two := cluster.MemberID("desk", [8]byte{1}), cluster.MemberID("desk", [8]byte{2})
	r.after(0, one)
	assert.Equal(t, cluster.Change{Joined: []string{two}}, r.after(time.Second, two))
	for range 3 {
		r.after(time.Second, two)
	}
	assert.Equal(t, cluster.Change{Died: []string{one}}, r.after(time.Second, two))
	assert.Equal(t, []string{two}, r.live())
}

func TestChangesAddUpToTheLiveAndNobodyWhoBeatsDies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newReader()
		ids := []string{"a", "b", "c", "d"}
		sum := make(map[string]bool)
		for range rapid.IntRange(1, 60).Draw(t, "readings") {
			change := r.after(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms"))*time.Millisecond, pick(t, ids)...)
			for _, id := range change.Joined {
				assert.False(t, sum[id])
				sum[id] = true
			}
			for _, id := range change.Left {
				assert.True(t, sum[id])
			}
			for _, id := range append(change.Left, change.Died...) {
				delete(sum, id)
			}
			assert.Subset(t, r.live(), keysOf(sum))
			assert.Len(t, r.live(), len(sum))
			for _, id := range pick(t, ids) {
				rec, ok := r.records[id]
				if rec.Leaving || !ok {
					delete(r.records, id)
					continue
				}
				rec.Leaving = rapid.Bool().Draw(t, "leaving")
				r.records[id] = rec
			}
		}
	})
}

// pick draws some of these, often none.
func pick(t *rapid.T, ids []string) []string {
	var picked []string
	for _, id := range ids {
		if rapid.IntRange(0, 3).Draw(t, id) == 0 {
			picked = append(picked, id)
		}
	}
	return picked
}

func keysOf(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}
