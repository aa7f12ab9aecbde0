package spine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryStream is what the handles of one Memory share. One lock guards all of it,
// services included; it is taken once per batch.
type memoryStream struct {
	memorySettings

	mu       sync.Mutex
	log      memoryLog
	delayed  memoryDelayed
	services []*memoryService
	handouts uint64 // so far, of all services
	dedup    memoryDedup
	room     memoryWake // for Publish
}

func newMemoryStream(opts []MemoryOption) *memoryStream {
	settings := newMemorySettings(opts)
	return &memoryStream{
		memorySettings: settings,
		dedup:          newMemoryDedup(settings.window, settings.ids),
	}
}

func (st *memoryStream) find(service string) int {
	return slices.IndexFunc(st.services, func(s *memoryService) bool { return s.name == service })
}

// succeeds reports whether service may take over.
func (st *memoryStream) succeeds(service Service) error {
	i := st.find(service.Name)
	if i < 0 {
		return nil
	}
	var names []string
	for _, organ := range st.services[i].organs {
		names = append(names, organ.Name)
	}
	return service.Succeeds(names)
}

// open gives a service its new owner.
func (st *memoryStream) open(service Service) *memoryService {
	i := st.find(service.Name)
	if i < 0 {
		i = len(st.services)
		st.services = append(st.services, newMemoryService(st, service))
	}
	s := st.services[i]
	s.adopt(service.Organs)
	s.wake.all()
	st.room.all()
	return s
}

// append adds events: to the log, or where delayed ones wait. Capacity is not its business.
func (st *memoryStream) append(evs []actors.Event, now time.Time) {
	for _, ev := range evs {
		st.add(ev, now)
	}
	if len(evs) > 0 {
		st.wakeServices()
	}
}

func (st *memoryStream) add(ev actors.Event, now time.Time) {
	if due := ev.Due(); !due.IsZero() && due.After(now) {
		st.delayed.add(ev)
		return
	}
	st.log.append(ev, now)
}

func (st *memoryStream) wakeServices() {
	for _, s := range st.services {
		s.wake.all()
	}
}

// promote moves delayed events that are due into the log.
func (st *memoryStream) promote(now time.Time) {
	for {
		ev, ok := st.delayed.take(now)
		if !ok {
			return
		}
		st.log.append(ev, now)
	}
}

// trim drops from the log what every service has pulled and nobody retains.
func (st *memoryStream) trim() {
	pulled := st.log.end
	for _, s := range st.services {
		pulled = min(pulled, s.cursor)
	}
	if st.retain > 0 {
		pulled = st.log.aged(pulled, st.now().Add(-st.retain), st.capacity)
	}
	st.log.drop(pulled)
}

// held is the number of unacknowledged events, as the service that has most of them sees it.
func (st *memoryStream) held() int {
	most := 0
	if len(st.services) == 0 {
		most = int(st.log.end - st.log.first)
	}
	for _, s := range st.services {
		most = max(most, s.unread()+s.slots.taken)
	}
	return most + st.delayed.len()
}

// wait gives the lock away until w wakes, at comes (the zero time never does), or ctx ends;
// the last gives its error.
func (st *memoryStream) wait(ctx context.Context, w *memoryWake, at time.Time) error {
	woken := w.waiter()
	var due <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(at.Sub(st.now()))
		defer timer.Stop()
		due = timer.C
	}
	st.mu.Unlock()
	defer st.mu.Lock()
	select {
	case <-woken:
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// memoryWake wakes everybody who waits. Guarded by the stream's lock.
type memoryWake struct{ woken chan struct{} }

// waiter returns what is closed by the next call of all.
func (w *memoryWake) waiter() <-chan struct{} {
	if w.woken == nil {
		w.woken = make(chan struct{})
	}
	return w.woken
}

func (w *memoryWake) all() {
	if w.woken != nil {
		close(w.woken)
		w.woken = nil
	}
}
