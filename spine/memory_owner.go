package spine

import (
	"cmp"
	"slices"
)

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
	s.takes, s.again, s.inFlight, s.held = nil, nil, 0, 0
	for _, slot := range slices.Collect(s.slots.all()) {
		s.adoptSlot(slot, names)
	}
	s.sortAgain()
}

// adoptSlot gives slot the works of the present organs. names are those of the former ones.
func (s *memoryService) adoptSlot(slot *memorySlot, names []string) {
	former := slices.Clone(slot.works)
	slot.listed = false
	slot.begin(s.routes.find(slot.event.Type(), slot.event.Only()).organs)
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
			s.hold(slot, w)
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
