package spine

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func at(n uint64) Position { return Position{Lo: n} }

func TestHoldsPassage(t *testing.T) {
	t.Parallel()
	going := func() *holds { // event 5 goes back
		h := newHolds()
		h.begin("a", at(5))
		return h
	}
	gone := func() *holds { // and the store knew at hand-out 20
		h := going()
		h.answered("a", 20, 3)
		return h
	}
	again := func() *holds { // and event 7 of the same key follows it
		h := gone()
		h.begin("a", at(7))
		return h
	}
	for _, x := range []struct {
		name    string
		holds   *holds
		key     string
		at      uint64
		handout uint64
		want    passage
	}{
		{"nothing is held", newHolds(), "a", 6, 1, passes},
		{"another key", going(), "b", 6, 1, passes},
		{"before the answer a later one waits", going(), "a", 6, 10, waits},
		{"before the answer the same one waits", going(), "a", 5, 10, waits},
		{"before the answer an earlier one passes", going(), "a", 4, 10, passes},
		{"what was handed out before the store knew goes back", gone(), "a", 6, 20, goesBack},
		{"an earlier one too", gone(), "a", 4, 20, goesBack},
		{"what was handed out in knowledge passes", gone(), "a", 6, 21, passes},
		{"a new round starts with its own first", again(), "a", 6, 21, passes},
		{"and lets the later ones wait", again(), "a", 8, 21, waits},
		{"and remembers the round before", again(), "a", 6, 20, goesBack},
	} {
		assert.Equal(t, x.want, x.holds.passage(x.key, at(x.at), x.handout), x.name)
	}
}

func TestHoldsLowestOfARoundCounts(t *testing.T) {
	t.Parallel()
	h := newHolds()
	h.begin("a", at(5))
	h.begin("a", at(3))
	h.begin("a", at(9))
	assert.False(t, h.held("a", at(3)))
	assert.True(t, h.held("a", at(4)))
	assert.False(t, h.held("b", at(4)))
}

func TestHoldsGiveParkedWorksBackWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	h := newHolds()
	h.begin("a", at(1))
	h.begin("a", at(2))
	h.park("a", 30)
	h.park("a", 10)
	assert.Empty(t, h.answered("a", 5, 1))
	assert.True(t, h.held("a", at(2)), "one hand-back is not answered")
	assert.Equal(t, []uint32{30, 10}, h.answered("a", 6, 1))
	assert.False(t, h.held("a", at(2)))
	assert.Empty(t, h.answered("b", 6, 1), "a key that is not held")
}

// TestHoldsAreLiftedByAPullBegunAfterTheLastAnswer: what a pull brings that had begun before may be stale.
func TestHoldsAreLiftedByAPullBegunAfterTheLastAnswer(t *testing.T) {
	t.Parallel()
	h := newHolds()
	h.begin("a", at(1))
	h.answered("a", 5, 4)
	h.arrived(3)
	assert.Equal(t, goesBack, h.passage("a", at(2), 5))
	h.arrived(4)
	assert.Equal(t, passes, h.passage("a", at(2), 5))
	assert.Empty(t, h.keys)
	assert.Nil(t, h.ready)
}

func TestHoldsAreNotLiftedWhileANewRoundIsOut(t *testing.T) {
	t.Parallel()
	h := newHolds()
	h.begin("a", at(1))
	h.answered("a", 5, 2)
	h.begin("a", at(1))
	h.arrived(2)
	assert.Equal(t, waits, h.passage("a", at(2), 9))
	h.answered("a", 9, 3)
	h.arrived(2)
	assert.Equal(t, goesBack, h.passage("a", at(2), 9))
	h.arrived(3)
	assert.Equal(t, passes, h.passage("a", at(2), 9))
}

func TestHoldsUnparkInOneOrder(t *testing.T) {
	t.Parallel()
	h := newHolds()
	for i, key := range []string{"c", "a", "b", "d"} {
		h.begin(key, at(1))
		h.park(key, uint32(10-i))
	}
	assert.Equal(t, []uint32{7, 8, 9, 10}, h.unpark())
	assert.Empty(t, h.unpark())
}

func TestHoldsDropWhatIsVoid(t *testing.T) {
	t.Parallel()
	h := newHolds()
	h.begin("a", at(1))
	h.park("a", 1)
	h.park("a", 2)
	h.drop(func(i uint32) bool { return i == 1 })
	assert.Equal(t, []uint32{2}, h.answered("a", 1, 1))
}
