package actors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Organ is a stateless organ: a name and reactions to event types. Make one with NewOrgan
// or PerWorker. It is safe for concurrent use if its functions are.
type Organ struct{ def *organDef }

// Definition is what stateless and keyed organs have in common.
type Definition interface {
	// Name identifies the organ within its service.
	Name() string
	// Types are the event types it listens to, sorted.
	Types() []string
	// Err reports all mistakes of its construction at once, or nil.
	Err() error
}

// ErrOrgan is wrapped by every mistake in the making of an organ.
var ErrOrgan = errors.New("actors: organ")

type organDef struct {
	name      string
	reactions map[string]*reaction
	failed    map[string]func(Event, Failure) []Payload
	stop      []func()
	fresh     func() (Organ, error)
	errs      []error
}

type reaction struct {
	handle func(context.Context, Event) ([]Payload, error)
	one    func(context.Context, Event) (Payload, error) // Map's, instead of handle
	batch  batchFunc                                     // OnBatch and SinkBatch only
}

// NewOrgan makes a stateless organ. Mistakes (an unsafe name, no reaction, two reactions
// to one type, a nil function, a payload without a type) do not panic: Err lists them all,
// and spine.New reports them.
func NewOrgan(name string, rs ...Reaction) Organ {
	d := &organDef{
		name:      name,
		reactions: map[string]*reaction{},
		failed:    map[string]func(Event, Failure) []Payload{},
	}
	if err := CheckName("organ", name); err != nil {
		d.mistake("%w", err)
	}
	before := len(d.errs)
	for _, r := range rs {
		if r.define == nil {
			d.mistake("a reaction is the zero Reaction")
			continue
		}
		r.define(d)
	}
	if len(d.reactions) == 0 && len(d.errs) == before {
		d.mistake("it listens to no event type")
	}
	for _, typ := range slices.Sorted(maps.Keys(d.failed)) {
		if d.reactions[typ] == nil {
			d.mistake("OnFailed for %s, which it does not listen to", typ)
		}
	}
	return Organ{d}
}

// PerWorker makes an organ whose workers each have an instance of their own, for handlers
// that keep a connection or a buffer. fresh is called once here, to learn the types,
// once per further worker, and again when a worker restarts after a panic; two workers may call
// it at the same time. All instances must have the same types. The organ is known by name alone; what the instances
// are called does not matter. Release what fresh acquires in OnStop.
func PerWorker(name string, fresh func() (Organ, error)) Organ {
	d := &organDef{name: name}
	if err := CheckName("organ", name); err != nil {
		d.mistake("%w", err)
	}
	if fresh == nil {
		d.mistake("PerWorker without a function")
		return Organ{d}
	}
	first, err := fresh()
	if err == nil {
		err = checkInstance(first)
	}
	if err != nil {
		d.mistake("first instance: %w", err)
		return Organ{d}
	}
	d.reactions, d.failed = first.def.reactions, first.def.failed
	d.fresh = instancesOf(name, first, fresh)
	return Organ{d}
}

func checkInstance(o Organ) error {
	if err := o.Err(); err != nil {
		return err
	}
	if o.def.fresh != nil {
		return errors.New("it is itself a PerWorker: return a NewOrgan")
	}
	return nil
}

// instancesOf hands out the instance made for its types first, then fresh ones.
func instancesOf(name string, first Organ, fresh func() (Organ, error)) func() (Organ, error) {
	spare := make(chan Organ, 1)
	spare <- first
	types := first.Types()
	return func() (Organ, error) {
		select {
		case o := <-spare:
			return o, nil
		default:
		}
		o, err := fresh()
		if err != nil {
			return Organ{}, fmt.Errorf("organ %s: fresh instance: %w", name, err)
		}
		if err := checkInstance(o); err != nil {
			return Organ{}, fmt.Errorf("organ %s: fresh instance: %w", name, err)
		}
		if !slices.Equal(o.Types(), types) {
			return Organ{}, fmt.Errorf("organ %s: fresh instance listens to %v, the first one to %v", name, o.Types(), types)
		}
		return o, nil
	}
}

func (d *organDef) mistake(format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%w %q: %w", ErrOrgan, d.name, fmt.Errorf(format, args...)))
}

// Name implements Definition.
func (o Organ) Name() string {
	if o.def == nil {
		return ""
	}
	return o.def.name
}

// Types implements Definition.
func (o Organ) Types() []string {
	if o.def == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(o.def.reactions))
}

// Err implements Definition.
func (o Organ) Err() error {
	if o.def == nil {
		return fmt.Errorf("%w: the zero Organ; use NewOrgan", ErrOrgan)
	}
	return errors.Join(o.def.errs...)
}

// Handler makes an instance to run the organ with: a fresh one for PerWorker, else the
// organ itself. It may be called from several goroutines; a Handler is for one. For runtimes.
func (o Organ) Handler() (*Handler, error) {
	if err := o.Err(); err != nil {
		return nil, err
	}
	if o.def.fresh == nil {
		return &Handler{name: o.def.name, def: o.def}, nil
	}
	inner, err := o.def.fresh()
	if err != nil {
		return nil, err
	}
	return &Handler{name: o.def.name, def: inner.def}, nil
}

// Handler runs one instance of an organ. It does not recover panics.
type Handler struct {
	name     string // the organ's; def is of one instance, which may have another
	def      *organDef
	lastType string
	last     *reaction
	only     [1]Payload // what a Map has returned
}

func (h *Handler) reaction(typ string) *reaction {
	if typ != h.lastType || h.last == nil {
		h.lastType, h.last = typ, h.def.reactions[typ]
	}
	return h.last
}

// Handle calls the reaction to ev. Its error says what kind of failure it is (Classify). What it returns may be
// overwritten by the next call, and by Forget.
func (h *Handler) Handle(ctx context.Context, ev Event) ([]Payload, error) {
	r := h.reaction(ev.Type())
	if r == nil {
		return nil, OfKind(KindUndecodable, fmt.Errorf("organ %s has no reaction to %s", h.name, ev.Type()))
	}
	if r.one == nil {
		return r.handle(ctx, ev)
	}
	p, err := r.one(ctx, ev)
	if p == nil || err != nil {
		return nil, err
	}
	h.only[0] = p
	return h.only[:], nil
}

// Forget lets go of what the last Handle has returned, so that an idle handler keeps nothing alive.
func (h *Handler) Forget() { h.only[0] = nil }

// Batches reports whether events of this type are handled by an OnBatch or a SinkBatch.
func (h *Handler) Batches(typ string) bool {
	r := h.reaction(typ)
	return r != nil && r.batch != nil
}

// HandleBatch gives events to their OnBatch or SinkBatch: at least one, all of one type for which
// Batches reports true. The error concerns all of them. Without one there is a result for each event,
// or there are none, when all went well and nothing is to be emitted.
func (h *Handler) HandleBatch(ctx context.Context, evs []Event) ([]BatchResult, error) {
	return h.reaction(evs[0].Type()).batch(ctx, evs)
}

// Failed calls the organ's OnFailed for ev, if it has one.
func (h *Handler) Failed(ev Event, f Failure) []Payload {
	if on := h.def.failed[ev.Type()]; on != nil {
		return on(ev, f)
	}
	return nil
}

// Stop runs the instance's OnStop functions.
func (h *Handler) Stop() {
	for _, stop := range h.def.stop {
		stop()
	}
}

// WantsFailed reports whether the organ has an OnFailed for typ.
func (o Organ) WantsFailed(typ string) bool { return o.def != nil && o.def.failed[typ] != nil }

// Batching reports whether some events are handled by an OnBatch or a SinkBatch.
func (o Organ) Batching() bool {
	if o.def == nil {
		return false
	}
	for _, r := range o.def.reactions {
		if r.batch != nil {
			return true
		}
	}
	return false
}

// Exclusive reports whether every worker has its own instance (PerWorker).
func (o Organ) Exclusive() bool { return o.def != nil && o.def.fresh != nil }
