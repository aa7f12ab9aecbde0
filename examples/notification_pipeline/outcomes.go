package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/necrostack/necrostack/actors"
)

// outcomes is a read model: for each request, what has become of it so far. The organ that feeds
// it listens to what begins and what ends a chain; the same event twice changes nothing. Safe for
// concurrent use.
type outcomes struct {
	mu    sync.Mutex
	keep  int
	byID  map[actors.ID]*outcome
	order []actors.ID // oldest first
}

// outcome is one request and what has become of it.
type outcome struct {
	ID       actors.ID
	Request  NotificationRequested
	Refused  []string           // why, when it was
	Channels map[channel]ending // those that have ended
}

// ending is how a channel ended.
type ending struct {
	Status   status
	Attempts int
	Reason   string
}

// newOutcomes keeps the last so many requests.
func newOutcomes(keep int) *outcomes { return &outcomes{keep: keep, byID: map[actors.ID]*outcome{}} }

func (o *outcomes) organ() actors.Organ {
	ended := func(ev actors.Event, c channel, e ending) error {
		o.change(ev, func(x *outcome) { x.Channels[c] = e })
		return nil
	}
	failed := func(ev actors.Event, c channel, u Undelivered) error {
		return ended(ev, c, ending{statusFailed, u.Attempts, u.Reason})
	}
	return actors.NewOrgan(organOutcomes,
		actors.Sink(func(_ context.Context, ev actors.EventOf[NotificationRequested]) error {
			o.begin(ev.Event, ev.Payload)
			return nil
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[NotificationFailed]) error {
			o.change(ev.Event, func(x *outcome) { x.Refused = ev.Payload.Reasons })
			return nil
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[DeliveryCompleted]) error {
			return ended(ev.Event, ev.Payload.Channel, ending{statusDelivered, ev.Payload.Attempts, ""})
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[ChannelUnreachable]) error {
			return ended(ev.Event, ev.Payload.Channel, ending{statusUnreachable, 0, ""})
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[EmailFailed]) error {
			return failed(ev.Event, email, ev.Payload.Undelivered)
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[SMSFailed]) error {
			return failed(ev.Event, sms, ev.Payload.Undelivered)
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[PushFailed]) error {
			return failed(ev.Event, push, ev.Payload.Undelivered)
		}))
}

// begin enters a request. Its organ has one worker, so it comes before all that follows from it.
func (o *outcomes) begin(ev actors.Event, n NotificationRequested) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := ev.Correlation()
	if o.byID[id] != nil || o.keep == 0 {
		return
	}
	o.byID[id] = &outcome{ID: id, Request: n, Channels: map[channel]ending{}}
	o.order = append(o.order, id)
	if len(o.order) > o.keep {
		delete(o.byID, o.order[0])
		o.order = o.order[1:]
	}
}

// change applies what ev says to its request, if that is kept.
func (o *outcomes) change(ev actors.Event, f func(*outcome)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x := o.byID[ev.Correlation()]; x != nil {
		f(x)
	}
}

// list returns the requests that are kept, oldest first.
func (o *outcomes) list() []outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]outcome, 0, len(o.order))
	for _, id := range o.order {
		all = append(all, o.byID[id].copy())
	}
	return all
}

// of returns one request.
func (o *outcomes) of(id actors.ID) (outcome, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.byID[id]
	if x == nil {
		return outcome{}, false
	}
	return x.copy(), true
}

func (x *outcome) copy() outcome {
	c := *x
	c.Refused, c.Channels = slices.Clone(x.Refused), maps.Clone(x.Channels)
	return c
}
