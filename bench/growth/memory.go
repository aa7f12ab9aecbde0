package growth

import (
	"context"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/spine"
)

// Memory is a long run of a small Spine, and the heap at each of its stations.
type Memory struct {
	Step int      `json:"step"` // events handled between two stations
	Heap []uint64 `json:"heap"` // bytes in use when idle, after a collection; the first before any event
}

// Leak is by how much the heap may grow in the last third of the run, over the third before.
const Leak = 0.05

// longRun is how many events a run needs before it says anything: tables and journals have their size then.
const longRun = 1_000_000

// MemoryStations and MemoryStep are ten million events.
const (
	MemoryStations = 10
	MemoryStep     = 1_000_000
)

const (
	memoryKeys = 1000
	// memoryHops are the events of one start: one for the organ without state, one for the keyed one.
	memoryHops = 2
)

// RunMemory lets a Spine of a stateless organ and a keyed one handle events for some stations.
func RunMemory(ctx context.Context, stations, step int, progress func(string)) (m Memory, err error) {
	m.Step = step
	w := load.NewWindow(4096, 256)
	line, err := openMemory(w)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, line.Close()) }()
	m.Heap = append(m.Heap, measure.Heap())
	for i := range stations {
		progress(fmt.Sprintf("memory: %d of %d events", i*step, stations*step))
		if err := line.Feed(ctx, step/memoryHops); err != nil {
			return m, fmt.Errorf("memory: %w", err)
		}
		// Events in flight are no leak.
		if err := line.WaitIdle(ctx); err != nil {
			return m, fmt.Errorf("memory: %w", err)
		}
		m.Heap = append(m.Heap, measure.Heap())
	}
	return m, nil
}

func openMemory(w *load.Window) (*load.Spine, error) {
	first := actors.NewOrgan("first", actors.On(func(_ context.Context, ev actors.EventOf[load.A]) ([]actors.Payload, error) {
		return actors.Emit(load.KeyedA{KeyedBody: load.KeyedBody{Body: ev.Payload.Next()}}), nil
	}))
	second := actors.NewKeyed("second", func(string) *cell { return &cell{} }, countEvents(w))
	keys := load.NewKeys(memoryKeys)
	next := func(i uint64) actors.Payload { return load.A{Body: load.Body{Key: keys.At(load.Mix(i)), Number: i}} }
	return load.StartSpine(w, spine.NewMemory(), next, spine.WithOrgan(first), spine.WithOrgan(second))
}

// Growth is how much larger the heap was in the last third of the stations than in the third
// before, as a share of it; 0 for less than three stations.
func (m Memory) Growth() float64 {
	stations := m.Heap[min(1, len(m.Heap)):]
	third := len(stations) / 3
	if third == 0 {
		return 0
	}
	last, before := stations[len(stations)-third:], stations[len(stations)-2*third:len(stations)-third]
	return mean(last)/mean(before) - 1
}

func mean(heaps []uint64) float64 {
	sum := 0.0
	for _, h := range heaps {
		sum += float64(h)
	}
	return sum / float64(len(heaps))
}

// Long reports whether the run was long enough to be judged.
func (m Memory) Long() bool { return m.events() >= longRun }

func (m Memory) events() int { return max(len(m.Heap)-1, 0) * m.Step }

// Err is an error when the heap has grown in a long run.
func (m Memory) Err() error {
	if g := m.Growth(); m.Long() && g > Leak {
		return fmt.Errorf("memory: the heap grew by %.1f %% in the last third of %d events, want at most %.0f %%",
			100*g, m.events(), 100*Leak)
	}
	return nil
}
