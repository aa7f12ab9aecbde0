package redisstream

import (
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// entry is an event that this owner has in hand: pending at consumer o, with the progress of each organ.
type entry struct {
	number  uint64 // names it in receipts
	id      streamID
	event   actors.Event // the zero Event while it is away
	key     string
	hasKey  bool
	size    int    // of the event, bytes
	pull    uint64 // that brought it
	works   []work
	alone   [1]work // works, of an event for one organ
	open    int     // works not finished
	active  int     // works ready or in flight
	ordered int     // works not finished that have to keep the order of a key
	noted   bool    // the store has progress of it
	dirty   bool    // it is among those whose progress the present piece writes
	marked  bool    // an owner that died had it in hand
	suspect bool    // again and again: its organs get it one at a time
	gone    bool    // finished or deferred
	parked  bool    // all that is left of it is held: its size counts in shard.parked
	away    bool    // parked without its event, which the server has: read again when it is its turn
}

// work is the progress of one organ, or of NoOrgan with an event that nobody wants.
type work struct {
	organ    int32
	attempts int32
	state    workState
	wait     workWait // while held
	waits    bool     // it is held until its organ takes some, not for a time
	handout  uint64   // the last one
	first    int64    // µs; of the first failure, when attempts are more than 0
	due      int64    // µs; while held: when it is due, or since when it waits
	hold     *hold    // while held, not in a key's order
}

type workState uint8

const (
	workReady    workState = iota // to be handed out
	workInFlight                  // handed out
	workHeld                      // retried or deferred, or behind such a one: in a line
	workFinished
)

// workWait is what held work waits for once it is the first of its hold.
type workWait uint8

const (
	waitTurn  workWait = iota // only that it was not the first
	waitDue                   // a time
	waitOrgan                 // that the organ takes some, at no time
	waitStore                 // that the store has answered: until then nobody may know of it
)

// real is what held work waits for apart from the store.
func (w *work) real() workWait {
	if w.waits {
		return waitOrgan
	}
	return waitDue
}

func (e *entry) begin(organs []int32) {
	if len(organs) == 1 {
		e.works = e.alone[:1]
	} else {
		e.works = make([]work, len(organs))
	}
	for i, organ := range organs {
		e.works[i] = work{organ: organ}
	}
	e.open, e.active = len(organs), len(organs)
}

func (e *entry) work(organ int32) *work {
	for i := range e.works {
		if e.works[i].organ == organ {
			return &e.works[i]
		}
	}
	return nil
}

// ready is the number of works to be handed out.
func (e *entry) ready() int {
	n := 0
	for i := range e.works {
		if e.works[i].state == workReady {
			n++
		}
	}
	return n
}

// deferrable reports whether e may wait in the store alone: all that is left of it waits, and nothing in the order of a key.
func (e *entry) deferrable() bool { return e.open > 0 && e.active == 0 && e.ordered == 0 }

// plain reports whether a delivery of all ready works need not name them.
func (e *entry) plain() bool {
	for i := range e.works {
		if w := &e.works[i]; w.organ < 0 || w.state != workReady || w.attempts > 0 {
			return false
		}
	}
	return true
}

// handOut makes the delivery of what is ready of e, or of one organ's part of it, and returns how many works that are.
func (e *entry) handOut(shard uint32, handout uint64, only int32) (d spine.Delivery, works int) {
	d = spine.Delivery{
		Event: e.event, Shard: shard, Receipt: spine.Receipt{A: e.number, B: handout},
		Position: e.id.position(), Handout: handout,
	}
	if only < 0 && e.plain() && e.event.Only() == "" {
		for i := range e.works {
			e.works[i].state, e.works[i].handout = workInFlight, handout
		}
		return d, len(e.works)
	}
	d.Todo = []spine.Todo{}
	for i := range e.works {
		w := &e.works[i]
		if w.state != workReady || only >= 0 && w.organ != only {
			continue
		}
		w.state, w.handout = workInFlight, handout
		works++
		if w.organ < 0 {
			continue
		}
		todo := spine.Todo{Organ: int(w.organ), Attempts: int(w.attempts)}
		if w.attempts > 0 {
			todo.First = fromMicro(w.first)
		}
		d.Todo = append(d.Todo, todo)
	}
	return d, works
}

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// routes says which organs of a service an event is for.
type routes struct {
	service   string
	addresses []string // by organ: what Event.Only calls it
	ordered   []bool
	byType    map[string][]int32
}

var nobody = []int32{spine.NoOrgan}

func newRoutes(service spine.Service) routes {
	r := routes{service: service.Name, byType: map[string][]int32{}}
	for i, organ := range service.Organs {
		r.addresses = append(r.addresses, service.Name+"/"+organ.Name)
		r.ordered = append(r.ordered, organ.Ordered)
		for _, typ := range organ.Types {
			r.byType[typ] = append(r.byType[typ], int32(i))
		}
	}
	return r
}

// of returns the organs an event is for: nobody when the service has none for it, none at all when it is for another service.
func (r *routes) of(ev actors.Event) []int32 {
	organs, only := r.byType[ev.Type()], ev.Only()
	if only != "" {
		for _, i := range organs {
			if r.addresses[i] == only {
				return []int32{i}
			}
		}
		if !strings.HasPrefix(only, r.service+"/") {
			return nil
		}
		return nobody
	}
	if len(organs) == 0 {
		return nobody
	}
	return organs
}
