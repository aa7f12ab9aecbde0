package host

// White box: agenda is a pure core.

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/actors"
)

// note is the event of a task.
type note struct {
	Key string
	N   int
}

func (note) EventType() string { return "NOTE" }

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func taskOf(t require.TestingT, key string, n int, ds ...actors.Decoration) *task {
	if key != "" {
		ds = append(ds, actors.Key(key))
	}
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.With(note{key, n}, ds...), noon)
	require.NoError(t, err)
	return &task{event: ev}
}

func numbers(t require.TestingT, ts []*task) (ns []int) {
	for _, x := range ts {
		p, err := actors.Decode[note](x.event)
		require.NoError(t, err)
		ns = append(ns, p.N)
	}
	return ns
}

// pickAll is pick without the lane.
func (a *agenda) pickAll(line int) []*task {
	ts := a.pick(line, 100, true)
	a.lines[line].busy = false
	return ts
}

func TestAgendaHandsOutInOrderOfArrival(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, true)
	for n := range 5 {
		a.add(taskOf(t, fmt.Sprint("k", n%2), n), noon)
	}
	assert.Equal(t, []int{0, 1, 2}, numbers(t, a.pick(0, 3, true)))
	assert.True(t, a.lines[0].busy)
	assert.False(t, a.wants(0, noon))
	a.lines[0].busy = false
	assert.True(t, a.wants(0, noon))
	assert.Equal(t, []int{3, 4}, numbers(t, a.pickAll(0)))
	assert.Empty(t, a.pickAll(0))
	assert.False(t, a.lines[0].busy)
}

func TestAgendaHoldsTheKeyOfATaskThatWaits(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, true)
	for n, key := range []string{"a", "b", "a", "b", "a"} {
		a.add(taskOf(t, key, n), noon)
	}
	first := a.pick(0, 1, true)[0]
	first.failures = 1
	a.later(first, noon.Add(time.Minute))
	assert.Equal(t, []int{1, 3}, numbers(t, a.pickAll(0)), "the other key goes on")
	a.add(taskOf(t, "a", 5), noon)
	assert.Empty(t, a.pickAll(0))
	assert.Equal(t, noon.Add(time.Minute), a.next(noon))
	a.awake(noon.Add(time.Minute - 1))
	assert.Empty(t, a.pickAll(0))
	a.awake(noon.Add(time.Minute))
	assert.Equal(t, []int{0}, numbers(t, a.pickAll(0)), "alone: the others wait for how it ends")
	assert.Empty(t, a.pickAll(0))
	a.settled(first)
	assert.Equal(t, []int{2, 4, 5}, numbers(t, a.pickAll(0)))
	assert.True(t, a.next(noon).IsZero())
}

func TestAgendaWithoutOrderLetsOthersOvertake(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, false)
	for n := range 3 {
		a.add(taskOf(t, "a", n), noon)
	}
	first := a.pick(0, 1, true)[0]
	first.failures = 1
	a.later(first, noon.Add(time.Minute))
	assert.Equal(t, []int{1}, numbers(t, a.pick(0, 1, true)))
	a.awake(noon.Add(time.Minute))
	assert.Equal(t, []int{0, 2}, numbers(t, a.pickAll(0)), "what has waited goes first")
}

func TestAgendaPutsBackInFront(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, true)
	for n := range 4 {
		a.add(taskOf(t, "", n), noon)
	}
	picked := a.pick(0, 3, true)
	a.again(0, picked[1:])
	assert.Equal(t, []int{1, 2, 3}, numbers(t, a.pickAll(0)))
}

func TestAgendaClosesBeforeItBeginsAnew(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, true)
	for n := range 3 {
		a.add(taskOf(t, "a", n), noon)
	}
	first := a.pick(0, 1, true)[0]
	first.final = &actors.Failure{}
	a.close(first)
	assert.Equal(t, []int{0}, numbers(t, a.pick(0, 9, false)), "also when nothing fresh is allowed")
	a.again(0, []*task{first})
	a.lines[0].busy = false
	assert.Equal(t, []int{0}, numbers(t, a.pickAll(0)))
	assert.Empty(t, a.pickAll(0), "its key is held until that is done")
	a.settled(first)
	assert.Equal(t, []int{1, 2}, numbers(t, a.pickAll(0)))
}

func TestAgendaLetsDelayedEventsTakeTheirPlaceWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, true)
	a.add(taskOf(t, "a", 0, actors.After(time.Minute)), noon)
	a.add(taskOf(t, "a", 1), noon)
	assert.Equal(t, []int{1}, numbers(t, a.pickAll(0)), "it holds nothing back")
	a.add(taskOf(t, "a", 2), noon)
	a.awake(noon.Add(time.Minute))
	assert.Equal(t, []int{2, 0}, numbers(t, a.pickAll(0)))
}

func TestAgendaLinesAreChosenByKey(t *testing.T) {
	t.Parallel()
	a := newAgenda(4, false)
	used := map[int]int{}
	for n := range 40 {
		x := taskOf(t, fmt.Sprint("k", n%10), n)
		a.add(x, noon)
		require.Equal(t, laneOf(x.event.KeyHash(), 4), x.line)
		used[x.line]++
	}
	assert.Greater(t, len(used), 1)
	clear(used)
	for n := range 40 {
		x := taskOf(t, "", n)
		a.add(x, noon)
		used[x.line]++
	}
	assert.Equal(t, map[int]int{0: 10, 1: 10, 2: 10, 3: 10}, used, "in turn without a key")
}

func TestAgendaRestsALine(t *testing.T) {
	t.Parallel()
	a := newAgenda(2, true)
	a.add(taskOf(t, "a", 0), noon)
	i := slices.IndexFunc(a.lines, func(l line) bool { return l.ready.len() > 0 })
	a.lines[i].until = noon.Add(time.Second)
	assert.False(t, a.wants(i, noon))
	assert.Equal(t, noon.Add(time.Second), a.next(noon))
	assert.True(t, a.wants(i, noon.Add(time.Second)))
	a.lines[i].down = true
	assert.False(t, a.wants(i, noon.Add(time.Second)))
}

// TestAgendaKeepsEveryTaskAndTheOrderOfKeys drives an ordered agenda with lanes that do anything with what
// they are given.
func TestAgendaKeepsEveryTaskAndTheOrderOfKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.IntRange(1, 3).Draw(t, "lines")
		m := agendaModel{t: t, a: newAgenda(lines, true), now: noon, last: map[string]int{}, running: make([][]*task, lines)}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) { m.add(rapid.SampledFrom([]string{"a", "b", "c", "d", ""}).Draw(t, "key")) },
			"pick": func(t *rapid.T) {
				m.pick(rapid.IntRange(0, lines-1).Draw(t, "line"), rapid.IntRange(1, 4).Draw(t, "limit"))
			},
			"end":  func(t *rapid.T) { m.end(t, rapid.IntRange(0, lines-1).Draw(t, "line")) },
			"wait": func(t *rapid.T) { m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "s")) * time.Second) },
		})
		m.drain()
	})
}

type agendaModel struct {
	t       *rapid.T
	a       *agenda
	now     time.Time
	told    int
	settled int
	last    map[string]int // per key: the number that was settled last
	running [][]*task
}

func (m *agendaModel) add(key string) {
	m.told++
	m.a.add(taskOf(m.t, key, m.told), m.now)
}

func (m *agendaModel) pick(line, limit int) {
	m.a.awake(m.now)
	if m.a.wants(line, m.now) {
		m.running[line] = m.a.pick(line, limit, true)
	}
}

// end lets a lane end its batch: tasks settle, fail, or are not begun, as a lane would have it.
func (m *agendaModel) end(t *rapid.T, line int) {
	var undone []*task
	held := map[string]bool{}
	stopped := false
	for _, x := range m.running[line] {
		key := x.event.Key()
		what := rapid.SampledFrom([]string{"settle", "settle", "later", "close", "stop"}).Draw(t, "what")
		switch {
		case stopped, key != "" && held[key]:
			undone = append(undone, x)
		case x.final != nil, what == "settle":
			m.settle(x)
		case what == "later":
			held[key] = true
			x.failures++
			m.a.later(x, m.now.Add(time.Minute))
		case what == "close":
			held[key] = true
			x.final = &actors.Failure{}
			m.a.close(x)
		default:
			stopped = true
			undone = append(undone, x)
		}
	}
	m.running[line] = nil
	m.a.lines[line].busy = false
	m.a.again(line, undone)
}

func (m *agendaModel) settle(x *task) {
	m.settled++
	m.a.settled(x)
	key, n := x.event.Key(), numbers(m.t, []*task{x})[0]
	if key == "" {
		return
	}
	require.Greater(m.t, n, m.last[key], "order of key %s", key)
	m.last[key] = n
}

func (m *agendaModel) drain() {
	for range 10 * (m.told + 1) {
		for i := range m.running {
			for _, x := range m.running[i] {
				m.settle(x)
			}
			m.running[i] = nil
			m.a.lines[i].busy = false
			m.pick(i, 3)
		}
		m.now = m.now.Add(time.Minute)
	}
	require.Equal(m.t, m.told, m.settled, "every task is settled once")
	require.Empty(m.t, m.a.left())
}

func TestAgendaLeavesWhatIsNotDone(t *testing.T) {
	t.Parallel()
	a := newAgenda(1, true)
	for n := range 4 {
		a.add(taskOf(t, "a", n), noon)
	}
	a.later(a.pick(0, 1, true)[0], noon.Add(time.Minute))
	a.lines[0].busy = false
	assert.Empty(t, a.pickAll(0)) // puts the others behind the one that waits
	a.add(taskOf(t, "b", 4), noon)
	closing := taskOf(t, "c", 5)
	closing.final = &actors.Failure{}
	a.close(closing)
	left := numbers(t, a.left())
	slices.Sort(left)
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, left)
	assert.Empty(t, a.left())
}

func TestDequeHasTwoEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var d deque[*task]
		var want []*task
		t.Repeat(map[string]func(*rapid.T){
			"back":  func(*rapid.T) { x := &task{}; d.pushBack(x); want = append(want, x) },
			"front": func(*rapid.T) { x := &task{}; d.pushFront(x); want = append([]*task{x}, want...) },
			"many": func(*rapid.T) {
				for range 1500 {
					x := &task{}
					d.pushBack(x)
					want = append(want, x)
				}
			},
			"pop": func(t *rapid.T) {
				for range min(len(want), rapid.SampledFrom([]int{1, 2, 2000}).Draw(t, "n")) {
					require.Same(t, want[0], d.popFront())
					want = want[1:]
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(want), d.len())
				if len(want) == 0 {
					require.LessOrEqual(t, len(d.ring), keepRing)
				}
			},
		})
	})
}
