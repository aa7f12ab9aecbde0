package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

// home is the craft of a keyed organ's lane: the cells whose keys fall to it.
//
// Between a batch's end and the answer to its commit the cells are ahead of the store. The
// owner gives the lane nothing else in that time; so whatever arrives here finds memory
// and store in agreement, and may take snapshots and forget cells.
type home struct {
	worker  *worker
	organ   *Organ
	makes   actors.KeyedOrgan // the cells
	emitter emitter
	cells   residents
	changes []persistence.Change // of the batch

	found     []*resident // of the batch, one per item; nil where none is needed
	missing   []persistence.Cell
	starting  []*resident           // one per missing
	histories []persistence.History // room for those of missing
	current   *resident             // in its Step or Answer
}

func newHome(w *worker) *home {
	o := w.organ
	return &home{
		worker:  w,
		organ:   o,
		makes:   guarded{o.keyed},
		emitter: newEmitter(o),
		cells: residents{
			byKey:  map[string]*resident{},
			limit:  max(1, o.config.ResidentCells/len(o.lanes)),
			counts: &o.cells,
		},
	}
}

func (h *home) start() error { return nil }
func (h *home) stop()        { h.cells.forget() }

// crashed drops the cell that was at work, and those that were about to be loaded.
func (h *home) crashed() {
	if h.current != nil {
		h.cells.drop(h.current)
		h.current = nil
	}
	for _, r := range h.starting {
		if r.cell == nil && r.bad == nil {
			h.cells.drop(r)
		}
	}
}

func (h *home) receive(r request) (then func()) {
	switch q := r.(type) {
	case *question:
		reply, err := h.answer(q)
		return func() { q.answer(reply, err) }
	case forget:
		h.cells.forget()
	case sweep:
		h.sweep(clock())
	case flush:
		h.flush(q.of)
		return q.done
	}
	return func() {}
}

// run implements craft.
func (h *home) run(b *Batch) error {
	w := h.worker
	h.agree(h.organ.base)
	h.makeRoom(len(b.Items))
	if err := h.gather(b); err != nil {
		b.Problem = fmt.Errorf("load cells of organ %s: %w", h.organ.name, err)
		return nil
	}
	if w.gone {
		return nil
	}
	for i := 0; i < len(b.Items); i = len(b.Outcomes) {
		it := &b.Items[i]
		var fatal error
		switch {
		case h.organ.stops():
			return nil
		case w.holds(it.Event):
			b.Outcomes = append(b.Outcomes, Outcome{Code: Held})
		case it.Failed != nil:
			w.onFailed(b, &h.emitter, h.organ.keyed.Failed, it)
		default:
			fatal = h.step(b, i)
		}
		if fatal != nil || w.gone {
			return fatal
		}
	}
	return nil
}

// gather brings the cells of the batch's keys into memory, all missing ones in one load.
func (h *home) gather(b *Batch) error {
	h.missing, h.starting, h.found = h.missing[:0], h.starting[:0], h.found[:0]
	now := instantOf(b.Started)
	// All are looked up before any is looked at, so that the processor waits for the memory of several at a time.
	for i := range b.Items {
		var r *resident
		if it := &b.Items[i]; it.ofCell() {
			r = h.cells.byKey[it.Event.Key()]
		}
		h.found = append(h.found, r)
	}
	for i := range b.Items {
		if it := &b.Items[i]; it.ofCell() {
			h.found[i] = h.bring(it.Event.Key(), h.found[i], now)
		}
	}
	if len(h.missing) == 0 {
		return nil
	}
	return h.load(now)
}

// bring returns the resident of key, which is to be loaded where there is none. r is what there was before the batch: an
// event ahead of this one may have brought another.
func (h *home) bring(key string, r *resident, now instant) *resident {
	if r == nil || r.gone {
		r = h.cells.byKey[key]
	}
	if r != nil && r.cell != nil && h.expired(r.at, now) {
		h.cells.drop(r)
		r = nil
	}
	if r == nil {
		r = h.admit(key)
	}
	r.used = now
	h.cells.order.touch(r)
	return r
}

// admit makes room for a cell that has to be loaded.
func (h *home) admit(key string) *resident {
	r := h.cells.add(key)
	h.missing = append(h.missing, persistence.Cell{Organ: h.organ.name, Key: key})
	h.starting = append(h.starting, r)
	return r
}

// load rebuilds the missing cells. On an error they are not there.
func (h *home) load(now instant) error {
	histories, err := h.organ.config.Store.Load(h.organ.base, h.missing, h.histories)
	if err == nil && len(histories) != len(h.missing) {
		err = fmt.Errorf("the store returned %d histories for %d cells", len(histories), len(h.missing))
	}
	for i, r := range h.starting {
		if err != nil {
			h.cells.drop(r)
			continue
		}
		h.rebuild(r, h.missing[i], histories[i], now)
		if h.worker.gone {
			return nil
		}
	}
	h.histories = histories[:0]
	clear(histories) // they keep what the store may have dropped since
	return err
}

// rebuild makes r what the store tells of it. It is on the watch: the Steps are stepped through again.
func (h *home) rebuild(r *resident, cell persistence.Cell, past persistence.History, now instant) {
	r.seq, r.snapshot, r.at, r.used = past.Last, past.Snapshot.Seq, instantOf(past.At), now
	if past.Last > 0 && h.expired(r.at, now) {
		r.reset, r.snapshot = true, past.Last
		past = persistence.History{}
	} else {
		r.stateBytes = len(past.Snapshot.State)
		for _, rec := range past.Records {
			r.weight += rec.Event.Size()
		}
	}
	h.worker.begin(0)
	r.cell, r.bad = persistence.Rebuild(h.makes, cell, past, h.emitter.stamper)
	if !h.worker.finish() {
		return
	}
	switch {
	case r.bad == nil:
		h.organ.cells.loaded.Add(1)
	case errors.Is(r.bad, persistence.ErrCorrupt):
		h.organ.cells.quarantined.Add(1)
		h.organ.config.Notify(Notice{Kind: CellQuarantined, Organ: h.organ, Lane: h.worker.lane, Err: r.bad})
	}
}

// guarded is a keyed organ whose fresh states do not panic: the error says that they did.
type guarded struct{ actors.KeyedOrgan }

// NewCell implements actors.KeyedOrgan.
func (g guarded) NewCell(key string) (c actors.Cell, err error) {
	err = guard(func() (err error) { c, err = g.KeyedOrgan.NewCell(key); return err })
	return c, err
}

func (h *home) expired(at, now instant) bool {
	d := h.organ.keyed.Expiry()
	return d > 0 && now.since(at) > d
}

// step handles item i. The error is that of a panic.
func (h *home) step(b *Batch, i int) error {
	it, r := &b.Items[i], h.found[i]
	if err := h.usable(it, r); err != nil {
		return h.failed(b, it, err)
	}
	h.current = r
	h.worker.begin(1)
	out, err := r.cell.Step(it.Event)
	var o Outcome
	if err == nil {
		o.Emitted, err = h.emitter.events(b, it.Event, out)
	}
	if err == nil {
		o.Change, err = h.change(b, r, it.Event, o.Emitted)
	}
	if !h.worker.finish() {
		return nil
	}
	h.current = nil
	if err == nil {
		b.Outcomes = append(b.Outcomes, o)
		return nil
	}
	// Whatever the step has changed is not to be trusted, and what the batch did to
	// the cell before is not committed yet: the key's later events wait for that.
	h.cells.drop(r)
	h.worker.hold(it.Event)
	return h.failed(b, it, err)
}

// usable says why an item has no cell to be handled by.
func (h *home) usable(it *Item, r *resident) error {
	switch {
	case r == nil:
		return actors.OfKind(actors.KindNoKey, fmt.Errorf(
			"organ %s is keyed, and the event %s has no key: its payload needs an EventKey (actors.KeyedPayload), or an actors.Key by actors.With",
			h.organ.name, it.Event.Type()))
	case r.bad == nil:
		return nil
	case errors.Is(r.bad, persistence.ErrCorrupt):
		return actors.OfKind(actors.KindQuarantine, r.bad)
	}
	// There is nothing wrong with what is stored: its fresh state was refused, or panicked.
	h.cells.drop(r)
	h.worker.hold(it.Event)
	return r.bad
}

// failed records a failure, and passes a panic on.
func (h *home) failed(b *Batch, it *Item, err error) error {
	h.worker.fail(b, it, err, nil)
	if panicked(err) {
		return err
	}
	return nil
}

// change records what the step did to r. Whether it stores the state whole goes by the last encoding: one that has
// outgrown the limit is stored whole once more.
func (h *home) change(b *Batch, r *resident, ev actors.Event, emitted []actors.Event) (*persistence.Change, error) {
	digest, err := persistence.Digest(emitted, h.organ.config.Encode)
	if err != nil {
		return nil, actors.OfKind(actors.KindEnqueue, err)
	}
	var state []byte
	if h.organ.config.Snapshots.Whole(h.organ.config.Encode, ev.Size(), r.stateBytes) {
		if state, err = r.cell.MarshalState(); err != nil {
			return nil, actors.Permanent(fmt.Errorf("encode the state: %w", err))
		}
		r.stateBytes, r.snapshot, r.weight = len(state), r.seq+1, 0
	} else {
		r.weight += ev.Size()
		h.cells.record(r)
	}
	h.changes = append(h.changes, persistence.Change{
		Base: r.seq, Version: h.organ.keyed.StepVersion(), Digest: digest, At: b.Started, State: state, Reset: r.reset,
	})
	if r.reset {
		h.organ.cells.expired.Add(1)
	}
	r.seq++
	r.reset, r.at = false, instantOf(b.Started)
	return &h.changes[len(h.changes)-1], nil
}

// makeRoom makes room for the changes of n items. Those of the batch before are committed, or never will be; where they
// are must not move while the outcomes point to them.
func (h *home) makeRoom(n int) {
	clear(h.changes)
	h.changes = slices.Grow(h.changes[:0], n)
}

// lasting is a context for what has to be stored also after an interruption.
func (h *home) lasting() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(h.organ.base), h.organ.config.Policy.Timeout)
}
