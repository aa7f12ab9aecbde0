package redis

import (
	"time"

	"github.com/necrostack/necrostack/bench/measure"
)

// steadyLong is how many hops a run needs before it says anything: buffers and tables have their size then.
const steadyLong = 1_000_000

// Long reports whether the run was long enough to be judged.
func (s Steady) Long() bool { return s.Hops() >= steadyLong }

// Hops are all that were handled.
func (s Steady) Hops() (n int) {
	for _, at := range s.Stations {
		n += at.Hops
	}
	return n
}

// Thirds are the means of the stations of each third; those of the first that make the thirds unequal are left out. Zeros
// for fewer than three stations.
func (s Steady) Thirds() (thirds [3]Station) {
	n := len(s.Stations) / len(thirds)
	if n == 0 {
		return thirds
	}
	rest := s.Stations[len(s.Stations)-n*len(thirds):]
	for i := range thirds {
		thirds[i] = meanOf(rest[i*n : (i+1)*n])
	}
	return thirds
}

func meanOf(all []Station) (m Station) {
	for _, at := range all {
		m.Hops += at.Hops
		m.Took += at.Took
		m.Memory += at.Memory
		m.Heap += at.Heap
		m.Entries += at.Entries
	}
	n := len(all)
	m.Hops, m.Took, m.Memory, m.Heap, m.Entries = m.Hops/n, m.Took/time.Duration(n), m.Memory/int64(n), m.Heap/uint64(n), m.Entries/int64(n)
	return m
}

// Rate is hops per second.
func (s Station) Rate() float64 { return float64(s.Hops) / s.Took.Seconds() }

// Growth is what f says of the last third, by what it says of the one before.
func (s Steady) Growth(f func(Station) float64) measure.Spread {
	thirds := s.Thirds()
	before := f(thirds[1])
	if !(before > 0) {
		return measure.Spread{}
	}
	return measure.Of([]float64{f(thirds[2]) / before})
}
