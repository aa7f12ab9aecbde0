package actors

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTypesHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	number := func(s *Stamper, typ string) uint16 {
		ev, err := s.Root(Raw{Type: typ}, time.Now())
		require.NoError(t, err)
		return ev.AsPublished().TypeNumber()
	}
	s := NewStamper(StamperOptions{})
	a, b := number(s, "NUMBERED_A"), number(s, "NUMBERED_B")
	require.NotZero(t, a)
	require.NotZero(t, b)
	require.NotEqual(t, a, b)
	for range 2 { // the second time the type is the one before
		require.Equal(t, a, number(s, "NUMBERED_A"))
	}
	require.Equal(t, a, number(NewStamper(StamperOptions{}), "NUMBERED_A"))
}

func TestStamperForgetsNames(t *testing.T) {
	t.Parallel()
	s := NewStamper(StamperOptions{})
	for i := range stampedNames + 9 {
		_, err := s.name(fmt.Sprint("MANY_", i))
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.names), stampedNames)
	}
	for range 2 {
		_, err := s.name("no name")
		require.ErrorIs(t, err, ErrName)
	}
}

// Not parallel: it reads the heap.
func TestNumberedTypesKeepNoLongerText(t *testing.T) {
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	s := NewStamper(StamperOptions{})
	for i := range 50 {
		text := strings.Repeat("x", 1<<20) + fmt.Sprint("CUT_", i)
		_, err := s.name(text[1<<20:])
		require.NoError(t, err)
	}
	require.Less(t, heap()-before, 10<<20)
	runtime.KeepAlive(s)
}

func TestNoTwoTypesShareANumber(t *testing.T) {
	t.Parallel()
	var n numbering
	seen := map[uint16]bool{}
	for i := range 70_000 {
		x := n.number(fmt.Sprint(i))
		require.True(t, x == 0 || !seen[x], i)
		seen[x] = true
	}
	require.Len(t, seen, 1<<16)
}
