package spine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// Backend is the seam between the runtime and where events are kept. One Backend value
// serves one service of one node. All methods are safe for concurrent use.
//
// A backend records; it decides nothing. How often to try, when, and what to do then is
// the policy's business and arrives as Settlements.
type Backend interface {
	// Open tells the backend whom it serves. It is called once, before Pull; Publish may be
	// called without it.
	Open(ctx context.Context, s Service) error

	// Publish appends events, in order. Every event has an answer: accepted, duplicate (an
	// event with this id was accepted within the deduplication window), or refused with a
	// reason. When the backlog is full it waits for room until ctx ends, or refuses, as the
	// backend was configured. The error is for what concerns all events.
	Publish(ctx context.Context, evs []actors.Event) ([]Published, error)

	// Pull waits for at least one delivery, or until ctx ends, and returns at most w.Events
	// of at most w.Bytes in all (but at least one). What it has taken when ctx ends it returns
	// without error. With w.Hand the deliveries may come that way.
	//
	// An organ that is ordered gets the events of one key in stream order: after a Retry or Defer of
	// an event nothing later of its key is handed out to that organ before it, except what had been
	// handed out already; such later ones come back by Defer and are handed out again in their place.
	Pull(ctx context.Context, w Want) ([]Delivery, error)

	// Settle applies settlements and answers each; answers have the same length and order. Each settlement is
	// applied whole (emissions, change of state, dead letter, progress) or not at all. A
	// settlement repeated is answered as the first time and applied once. The backend repeats
	// an attempt without an answer until it has one; an error means that none will come, and that
	// the caller must take every shard of these settlements for lost, up to their own hand-outs.
	Settle(ctx context.Context, ss []Settlement) ([]Answer, error)

	// Close ends waiting Pulls and Publishes with ErrClosed. It may be called twice.
	Close(ctx context.Context) error
}

// Errors of backends that callers branch on.
var (
	ErrClosed  = errors.New("spine: backend is closed")
	ErrFull    = errors.New("spine: backlog is full")
	ErrService = errors.New("spine: service")
	ErrOrgans  = errors.New("spine: organs are missing")
	// ErrHanded is returned by a Pull that has brought something by Want.Hand.
	ErrHanded = errors.New("spine: the deliveries were handed over")
)

// Service is who works on a backend: organs deployed together under one name.
type Service struct {
	Name   string
	Organs []OrganSpec
	Start  Start
	// Retired names organs that the service had and has no more: what waits for them is given up.
	Retired []string
}

// Validate reports why no backend can serve s; the error wraps ErrService. Every Open calls it.
func (s Service) Validate() error {
	if err := actors.CheckName("service", s.Name); err != nil {
		return fmt.Errorf("%w: %w", ErrService, err)
	}
	seen := map[string]bool{}
	for _, organ := range s.Organs {
		if err := actors.CheckName("organ", organ.Name); err != nil {
			return fmt.Errorf("%w %q: %w", ErrService, s.Name, err)
		}
		if seen[organ.Name] {
			return fmt.Errorf("%w %q: two organs are named %q", ErrService, s.Name, organ.Name)
		}
		seen[organ.Name] = true
	}
	return nil
}

// Succeeds reports whether s may take over from a service that had these organs: it must have each of them, or
// retire it by name. Otherwise it would acknowledge events that an organ of the other still wants. The error wraps
// ErrOrgans and names those that are missing.
func (s Service) Succeeds(organs []string) error {
	var missing []string
	for _, name := range organs {
		has := slices.ContainsFunc(s.Organs, func(o OrganSpec) bool { return o.Name == name })
		if !has && !slices.Contains(s.Retired, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: service %q has had the organs %q, which are neither there nor retired: is this an older program, or "+
		"another service under the same name? (WithRetired gives organs up)", ErrOrgans, s.Name, missing)
}

// OrganSpec is what a backend needs to know of an organ. Deliveries and settlements name
// it by its index in Service.Organs.
type OrganSpec struct {
	Name    string
	Types   []string
	Ordered bool // events of a key in stream order: keyed organs and Ordered()
	Keyed   bool // has state
}

// Start is where a service begins that the backend does not know yet.
type Start uint8

// Where a new service begins.
const (
	FromBeginning Start = iota // with the oldest event that is kept
	FromNow                    // with what is published from now on
)

// Published is the answer to one published event.
type Published struct {
	Code PublishCode
	Err  error // why it was refused
}

// PublishCode is the kind of a Published.
type PublishCode uint8

// The answers to Publish.
const (
	Accepted PublishCode = iota
	Duplicate
	Refused
)

// Want is what a Pull may bring.
type Want struct {
	Events int // at least 1
	Bytes  int // by Event.Size, which may be that of when the event was appended; at least 1
	// Organs holds for every organ of the service how many deliveries of deferred and
	// retried work it takes now; an organ with 0 is handed none. nil is no limit. Fresh events
	// are handed out regardless of it.
	Organs []int
	// Into is memory that the result may use, as far as it goes.
	Into []Delivery
	// Hand, if not nil, may be given the result in place of the caller of Pull, once, by another call of the backend that has
	// found it on its way, such as a Settle: that spares waking the one who pulls before the event is handled. Pull
	// then returns ErrHanded. Hand does not block, and calls nothing of the backend.
	Hand func([]Delivery)
}

// Receipt names a delivery to the backend that made it. Its content is the backend's business.
type Receipt struct{ A, B uint64 }

// Position is an event's place in its shard's stream. Only positions of one shard compare.
type Position struct{ Hi, Lo uint64 }

// Before reports whether p comes before x in the stream.
func (p Position) Before(x Position) bool {
	return p.Hi < x.Hi || p.Hi == x.Hi && p.Lo < x.Lo
}

// Delivery is an event handed out, with what is still to do for it.
type Delivery struct {
	Event    actors.Event
	Receipt  Receipt
	Shard    uint32
	Position Position
	// Handout numbers what the backend hands out: what is handed out later never has a lower one. See
	// Answer.Handouts.
	Handout uint64
	// Todo lists the organs that are neither finished nor waiting. nil is the usual case of
	// a fresh event: all organs of the service that listen to its type (to whom Event.Only addresses it, if
	// anybody), none of which has tried.
	Todo []Todo
	// organs are those of the usual case, from a backend that has just looked them up.
	organs []int32
	// number is Event.TypeNumber from a backend that has it at hand, with Acked.
	number uint16
	// Acked says that no organ of the service wants the event, and that the backend has acknowledged it by itself: the
	// delivery has an Event and nothing else, is there to be counted, and is not to be settled. A backend that
	// leaves it to the service hands such an event out with a Todo that is empty and not nil.
	Acked bool
	// Lost says that this is no delivery but a message, with no more than a Shard and a Handout: everything of
	// the shard that was handed out up to Handout is lost and will come again, as after an answer Lost. A
	// backend says so where it has found out by itself, and before it hands out anything of the shard again.
	Lost bool
}

// Todo is what one organ has still to do for a delivery.
type Todo struct {
	Organ    int
	Attempts int       // failed so far
	First    time.Time // of the first failure; zero when Attempts is 0
	// Crashes is more than 0 where the process has died again and again with this event in hand: it is handed out
	// alone then, for the Crashes-th time.
	Crashes int
}

// NoOrgan is the organ of a settlement for an event that no organ of the service wants.
const NoOrgan = -1

// Settlement is all that follows from what one organ made of one delivery.
type Settlement struct {
	Receipt Receipt
	Shard   uint32
	Organ   int // or NoOrgan
	Kind    SettleKind
	Emitted []actors.Event          // Done and Dead
	Letter  *supervision.DeadLetter // Dead
	Later   *Later                  // Retry and Defer
	Change  *persistence.Change     // Done, of a keyed organ
}

// SettleKind says what becomes of the delivery for the organ.
type SettleKind uint8

// The kinds of settlement.
const (
	Done  SettleKind = iota // finished
	Dead                    // finished, with a dead letter
	Retry                   // try again later: an attempt has failed
	Defer                   // hand out again later: this was no attempt
)

// Later says when a delivery is to be handed out again.
type Later struct {
	// Attempts failed so far, and the time of the first; both are handed back in Todo.
	Attempts int
	First    time.Time
	// Due is when; a time that has passed is at once.
	Due time.Time
	// Waits says that there is no such time: the work waits, at no cost, until the organ takes some
	// (Want.Organs).
	Waits bool
}

// Answer is the store's answer to one settlement.
type Answer struct {
	Code AnswerCode
	// Acked says that with this settlement every organ of the service is finished with the event.
	Acked bool
	// Handouts is the highest Delivery.Handout there was in the settlement's shard when it was
	// applied. What has a higher one was handed out afterwards, in knowledge of it.
	Handouts uint64
}

// AnswerCode is the kind of an Answer.
type AnswerCode uint8

// The answers to Settle.
const (
	// Settled: applied now, or by an earlier copy of this settlement.
	Settled AnswerCode = iota
	// Lost: not applied, or nobody knows, because memory and store have parted. The caller drops what it knows of
	// the delivery's shard, cells included, as far as it was handed out up to Answer.Handouts; it will be
	// handed out again.
	Lost
	// LettersFull: not applied, because there is no room for the dead letter. The caller defers.
	LettersFull
)

// Backlog is how much a backend holds for its service.
type Backlog struct {
	Ready       int       // may be handed out now
	InFlight    int       // handed out, not settled
	Retrying    int       // waiting for the due time of a retry or a deferral
	Waiting     int       // waiting for an organ to take some
	Delayed     int       // delayed events that are not due
	NextDelayed time.Time // when the first of those is due
	DeadLetters int
}

// Inspector is the ability to tell the backlog. RunUntilIdle needs it.
type Inspector interface {
	Backlog(ctx context.Context) (Backlog, error)
}

// Durable is the ability of a backend that writes bytes. What is emitted is encoded at once then, where the organ answers for
// it; digests are exact, and small states are stored whole.
type Durable interface {
	Durable() bool
}
