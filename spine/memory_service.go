package spine

import (
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// memoryService is the progress of one service on the stream. Guarded by the stream's lock.
type memoryService struct {
	stream *memoryStream
	name   string
	memoryOwner
	memoryHands
	cursor  uint64     // position of the next fresh event
	wake    memoryWake // for Pull
	letters memoryLetters
	store   *persistence.Memory
}

// memoryOwner is who serves a service at present.
type memoryOwner struct {
	organs  []OrganSpec
	routes  memoryRoutes
	takes   []int  // Want.Organs of its last Pull
	term    uint64 // how often the service was opened
	adopted uint64 // hand-outs before: those up to here are a former owner's
}

// memoryHands is what a service has begun and not finished.
type memoryHands struct {
	slots    memorySlots
	inFlight int           // works
	again    []*memorySlot // with works to be handed out once more, by position
	lines    []memoryLine  // what is held, by organ
	held     int           // works in lines
	turn     int           // whose held work is handed out first
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

// unread is the number of events in the log that the service has not pulled.
func (s *memoryService) unread() int { return int(s.stream.log.end - s.cursor) }

// nextDue is when the first delayed event, or work held for an organ that takes some, is due.
func (s *memoryService) nextDue(w Want) (time.Time, bool) {
	due := s.stream.delayed.next()
	for i := 0; i < len(s.lines) && s.held > 0; i++ {
		if roomOf(w, i) == 0 {
			continue
		}
		if at := s.lines[i].nextDue(); due.IsZero() || !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	return due, !due.IsZero()
}
