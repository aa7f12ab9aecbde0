// Package measure takes the time and the allocations of a piece of work, and says what
// several such samples have in common.
//
// Allocations are counted for the whole process, so nothing else may run beside a sample.
package measure

import (
	"runtime"
	"time"
)

// Sample is one measurement: so many events, so much time and memory for all of them.
type Sample struct {
	Events  int           `json:"events"`
	Took    time.Duration `json:"took_ns"`
	CPU     time.Duration `json:"cpu_ns"` // of all processors, collector included; 0 where that is not known
	Mallocs uint64        `json:"mallocs"`
	Bytes   uint64        `json:"bytes"` // allocated, not in use
	GCs     uint32        `json:"gcs"`
}

// Take measures f, which handles events. The heap is collected before the clock starts, so that every sample
// begins without the garbage of the one before.
func Take(events int, f func() error) (Sample, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start, used := time.Now(), CPU()
	err := f()
	took, used := time.Since(start), CPU()-used
	runtime.ReadMemStats(&after)
	return Sample{
		Events: events, Took: took, CPU: used, GCs: after.NumGC - before.NumGC,
		Mallocs: after.Mallocs - before.Mallocs, Bytes: after.TotalAlloc - before.TotalAlloc,
	}, err
}

// Rate is events per second.
func (s Sample) Rate() float64 { return float64(s.Events) / s.Took.Seconds() }

// Cost is nanoseconds per event.
func (s Sample) Cost() float64 { return float64(s.Took) / float64(s.Events) }

// Work is nanoseconds of processor per event. Neighbours on the machine change it less than Cost.
func (s Sample) Work() float64 { return float64(s.CPU) / float64(s.Events) }

// Effort is Work where that is known, else Cost: to compare samples that are not of the same moment.
func (s Sample) Effort() float64 {
	if s.CPU > 0 {
		return s.Work()
	}
	return s.Cost()
}

// Allocs is allocations per event.
func (s Sample) Allocs() float64 { return float64(s.Mallocs) / float64(s.Events) }

// Size is bytes allocated per event.
func (s Sample) Size() float64 { return float64(s.Bytes) / float64(s.Events) }

// Heap returns the bytes in use after a full collection.
func Heap() uint64 {
	// What finalizers and pools hold on to goes with the second.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
