package spine

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

// memoryService is the progress of one service on the stream. Guarded by the stream's lock.
type memoryService struct {
	stream *memoryStream
	name   string
	organs []OrganSpec
	routes memoryRoutes

	term     uint64 // how often it was opened
	adopted  uint64 // hand-outs so far when it was opened last: those up to here are a former owner's
	cursor   uint64 // position of the next fresh event
	slots    memorySlots
	inFlight int           // works
	again    []*memorySlot // with works to be handed out once more, by position
	lines    []memoryLine  // by organ
	takes    []int         // Want.Organs of the last Pull
	turn     int           // which organ's held work is handed out first
	wake     memoryWake    // for Pull

	letters memoryLetters
	store   *persistence.Memory
}

func newMemoryService(st *memoryStream, service Service) *memoryService {
	s := &memoryService{
		stream:  st,
		name:    service.Name,
		cursor:  st.log.first,
		letters: memoryLetters{limit: st.letters},
		store:   persistence.NewMemory(),
	}
	if service.Start == FromNow {
		s.cursor = st.log.end
	}
	return s
}

// checkService reports why a service cannot be opened.
func checkService(service Service) error {
	if err := actors.CheckName("service", service.Name); err != nil {
		return fmt.Errorf("%w: %w", ErrService, err)
	}
	seen := map[string]bool{}
	for _, organ := range service.Organs {
		if err := actors.CheckName("organ", organ.Name); err != nil {
			return fmt.Errorf("%w %q: %w", ErrService, service.Name, err)
		}
		if seen[organ.Name] {
			return fmt.Errorf("%w %q: two organs are named %q", ErrService, service.Name, organ.Name)
		}
		seen[organ.Name] = true
	}
	return nil
}

// unread is the number of events in the log that the service has not pulled.
func (s *memoryService) unread() int { return int(s.stream.log.end - s.cursor) }

// adopt begins the term of a new owner. Everything that was in hand is ready again, and the works of every event are
// those of the organs there are now, as far as their namesakes have come.
func (s *memoryService) adopt(organs []OrganSpec) {
	names := make([]string, len(s.organs))
	for i, organ := range s.organs {
		names[i] = organ.Name
	}
	s.term++
	s.adopted = s.stream.handouts
	s.organs = slices.Clone(organs)
	s.routes = newMemoryRoutes(s.name, organs)
	s.lines = make([]memoryLine, len(organs))
	for i, organ := range organs {
		s.lines[i].ordered = organ.Ordered
	}
	s.takes, s.again, s.inFlight = nil, nil, 0
	for _, slot := range slices.Collect(s.slots.all()) {
		s.adoptSlot(slot, names)
	}
	s.sortAgain()
}

// adoptSlot gives slot the works of the present organs. names are those of the former ones.
func (s *memoryService) adoptSlot(slot *memorySlot, names []string) {
	former := slices.Clone(slot.works)
	slot.listed = false
	slot.begin(s.routes.of(slot.event.Type(), slot.event.Only()).organs)
	for i := range slot.works {
		w := &slot.works[i]
		at := slices.IndexFunc(former, func(f memoryWork) bool {
			return f.organ >= 0 && w.organ >= 0 && names[f.organ] == s.organs[w.organ].Name
		})
		if at < 0 {
			continue
		}
		organ := w.organ
		*w = former[at]
		w.organ = organ
		switch w.state {
		case workFinished:
			slot.open--
		case workHeld:
			s.lines[organ].add(slot, w)
		default:
			w.state = workReady
		}
	}
	if slot.open == 0 {
		s.slots.release(slot, s.stream.handouts)
		return
	}
	s.list(slot)
}

// revoke makes everything that is in hand ready again.
func (s *memoryService) revoke() {
	for slot := range s.slots.all() {
		for i := range slot.works {
			if slot.works[i].state == workInFlight {
				slot.works[i].state = workReady
			}
		}
		s.list(slot)
	}
	s.inFlight = 0
	s.sortAgain()
	s.wake.all()
}

// list notes that slot is to be handed out again, if a work of it is ready.
func (s *memoryService) list(slot *memorySlot) {
	if !slot.listed && slot.ready() > 0 {
		slot.listed = true
		s.again = append(s.again, slot)
	}
}

func (s *memoryService) sortAgain() {
	slices.SortFunc(s.again, func(a, b *memorySlot) int { return cmp.Compare(a.position, b.position) })
}

// nextDue is when the first delayed event, or work held for an organ that takes some, is due.
func (s *memoryService) nextDue(w Want) (time.Time, bool) {
	due := s.stream.delayed.next()
	for i := range s.lines {
		if w.room(i) == 0 {
			continue
		}
		if at := s.lines[i].nextDue(); due.IsZero() || !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	return due, !due.IsZero()
}
