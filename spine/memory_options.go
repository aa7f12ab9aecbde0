package spine

import "time"

// MemoryOption configures NewMemory.
type MemoryOption func(*memorySettings)

type memorySettings struct {
	capacity int
	refuse   bool
	window   time.Duration // of deduplication
	ids      int
	retain   time.Duration
	letters  int
	now      func() time.Time
}

// Defaults of Memory.
const (
	DefaultMemoryCapacity = 1_000_000
	DefaultDedupWindow    = 10 * time.Minute
	DefaultDedupIDs       = 1_000_000
	DefaultLetterLimit    = 10_000
)

func newMemorySettings(opts []MemoryOption) memorySettings {
	s := memorySettings{
		capacity: DefaultMemoryCapacity,
		window:   DefaultDedupWindow,
		ids:      DefaultDedupIDs,
		letters:  DefaultLetterLimit,
		now:      time.Now,
	}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

// WithCapacity bounds the events that are not acknowledged: not yet pulled by the service that is
// furthest behind, or in its hands, or delayed. Publish waits at the bound; emissions and replays of
// dead letters never do, so the stream may hold more. Less than 1 is 1. Default 1,000,000.
func WithCapacity(events int) MemoryOption {
	return func(s *memorySettings) { s.capacity = max(events, 1) }
}

// RefuseWhenFull makes Publish refuse with ErrFull what it would otherwise wait for.
func RefuseWhenFull() MemoryOption {
	return func(s *memorySettings) { s.refuse = true }
}

// WithDedup says for how long, and for how many events at most, a published id is remembered, so that the
// same id again is a duplicate. Only ids that somebody has chosen are (actors.ID); one
// drawn at random cannot come twice. 0 of either turns it off. Default 10 minutes, 1,000,000 ids.
func WithDedup(window time.Duration, ids int) MemoryOption {
	return func(s *memorySettings) { s.window, s.ids = window, ids }
}

// WithRetain keeps events that every service has pulled for at least d, for services that are opened later
// FromBeginning; no more of them than the capacity. Default 0.
func WithRetain(d time.Duration) MemoryOption {
	return func(s *memorySettings) { s.retain = d }
}

// WithLetterLimit bounds the dead letters of each service. Default 10,000.
func WithLetterLimit(n int) MemoryOption {
	return func(s *memorySettings) { s.letters = n }
}

// WithMemoryClock makes the stream ask now instead of time.Now. A clock that does not run
// with the real one wakes no waiting Pull.
func WithMemoryClock(now func() time.Time) MemoryOption {
	return func(s *memorySettings) { s.now = now }
}
