package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// ErrNoCell reports a question about a cell that does not exist.
var ErrNoCell = errors.New("actors: no such cell")

// agree is called when everything the cells have been through is committed: it takes the
// snapshots that are due, and makes room.
func (h *home) agree(ctx context.Context) {
	for _, r := range h.cells.recorded {
		r.recorded = false
		records := int(r.seq - r.snapshot)
		if !r.gone && h.organ.config.Snapshots.Due(records, r.weight, r.stateBytes) {
			h.save(ctx, r)
		}
	}
	clear(h.cells.recorded)
	h.cells.recorded = h.cells.recorded[:0]
	for len(h.cells.byKey) > h.cells.limit {
		if !h.passivate(ctx, h.cells.order.first) {
			return
		}
	}
}

// sweep puts to rest what has been idle, and drops what has expired.
func (h *home) sweep(at time.Time) {
	ctx, now := h.organ.base, instantOf(at)
	h.agree(ctx)
	for r := h.cells.order.first; r != nil; r = h.cells.order.first {
		if r.cell != nil && h.expired(r.at, now) {
			h.cells.drop(r)
			h.organ.cells.passivated.Add(1)
			continue
		}
		if now.since(r.used) < h.organ.config.IdleAfter || !h.passivate(ctx, r) {
			break
		}
	}
	h.expire(ctx, at)
}

// expireAtOnce bounds how many cells one sweep lets the store forget.
const expireAtOnce = 1000

// expire lets the store forget cells that expired. Lane 0 does it for all; a margin keeps it away from a
// cell that another lane has just found alive and is about to change.
func (h *home) expire(ctx context.Context, now time.Time) {
	d := h.organ.keyed.Expiry()
	if d == 0 || h.worker.lane.index != 0 {
		return
	}
	before := now.Add(-d - h.organ.config.Policy.Timeout)
	n, err := h.organ.config.Store.Expire(ctx, h.organ.name, before, expireAtOnce)
	h.organ.cells.expired.Add(int64(n))
	if err != nil {
		h.organ.system.log.Warn("expired cells not removed", "organ", h.organ.name, "error", err)
	}
}

// flush saves what is not saved yet, so that nothing has to be replayed. It does so also
// after an interruption: it is what a graceful stop ends with. of says for which keys, nil for all.
func (h *home) flush(of func(key string) bool) {
	ctx, cancel := h.lasting()
	defer cancel()
	h.agree(ctx)
	for _, r := range h.cells.byKey {
		if r.unsaved() && (of == nil || of(r.key)) {
			h.save(ctx, r)
		}
	}
}

// passivate puts r to rest in the store. false: the store did not take it, and it stays.
func (h *home) passivate(ctx context.Context, r *resident) bool {
	if r.unsaved() && !h.save(ctx, r) {
		h.cells.order.touch(r)
		return false
	}
	h.cells.retire(r)
	h.organ.cells.passivated.Add(1)
	return true
}

// save takes a snapshot. What fails is told and tried again at the next occasion: the records
// are there all the same.
func (h *home) save(ctx context.Context, r *resident) bool {
	var s persistence.Snapshot
	cell := persistence.Cell{Organ: h.organ.name, Key: r.key}
	err := guard(func() (err error) {
		if s, err = persistence.NewSnapshot(r.cell, r.seq, h.organ.keyed.StepVersion()); err != nil {
			return err
		}
		s.At = r.at.time()
		return h.organ.config.Store.Save(ctx, cell, s)
	})
	if err != nil {
		h.organ.system.log.Warn("snapshot not saved", "organ", h.organ.name, "key", r.key, "error", err)
		return false
	}
	h.organ.cells.snapshots.Add(1)
	r.snapshot, r.weight, r.stateBytes = r.seq, 0, len(s.State)
	return true
}

// answer runs an Answer on committed state. It makes no cell.
func (h *home) answer(q *question) (reply json.RawMessage, err error) {
	h.agree(h.organ.base)
	now := instantOf(clock())
	r := h.cells.byKey[q.key]
	if r == nil {
		if r, err = h.fetch(q.key, now); err != nil || h.worker.gone {
			return nil, err
		}
	}
	switch {
	case r.bad != nil:
		return nil, r.bad
	case r.seq == 0 || r.reset || h.expired(r.at, now):
		return nil, fmt.Errorf("%w: organ %s, key %q", ErrNoCell, h.organ.name, q.key)
	}
	h.current = r
	h.worker.begin(0)
	err = guard(func() error { reply, err = r.cell.Answer(q.query); return err })
	if !h.worker.finish() {
		return nil, nil
	}
	h.current = nil
	if panicked(err) {
		// It should only have read, but who knows what it was about.
		h.cells.drop(r)
	}
	return reply, err
}

// fetch loads one cell for a question. One that does not exist, or is not fit for use, does not
// stay.
func (h *home) fetch(key string, now instant) (*resident, error) {
	h.missing, h.starting = h.missing[:0], h.starting[:0]
	r := h.admit(key)
	if err := h.load(now); err != nil {
		return nil, fmt.Errorf("load cell of organ %s: %w", h.organ.name, err)
	}
	corrupt := errors.Is(r.bad, persistence.ErrCorrupt)
	if !corrupt && (r.bad != nil || r.seq == 0 || r.reset) {
		h.cells.drop(r)
	}
	return r, nil
}
