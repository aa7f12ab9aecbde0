package spine

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// arrived takes the deliveries of pull number n, or the error that ended it.
func (c *core) arrived(now time.Time, ds []Delivery, err error) {
	c.begin(now)
	n := c.credit.ended(err == nil)
	if err != nil {
		c.pullFailed(err)
		return
	}
	for _, o := range c.inKeys {
		o.holds.arrived(n)
	}
	c.credit.last, c.credit.most = len(ds), 0
	c.idle.again = true // also where all of it is settled before anybody looks
	for i := range ds {
		c.deliver(&ds[i])
	}
	c.credit.skimmed()
}

func (c *core) deliver(d *Delivery) {
	if d.Lost {
		c.shardLost(d.Shard, d.Handout)
		return
	}
	if d.Handout <= c.lost[d.Shard] && !d.Acked {
		return // handed out before its shard was lost: it comes again
	}
	c.steps++
	c.stats.received++
	if c.config.maxSteps > 0 && c.steps == c.config.maxSteps+1 {
		c.fail(ErrMaxSteps)
	}
	if d.Acked {
		c.nobodyWants(d)
		c.stats.acked++
		c.stats.processed++
		return
	}
	if d.Todo != nil {
		c.todo(d)
		return
	}
	organs := d.organs
	if organs == nil {
		organs = c.route.organs(d.Event.Type(), d.Event.Only())
	}
	if len(organs) == 0 {
		c.unwanted(d)
		return
	}
	p := c.ledger.take(d.Event.Size(), len(organs))
	for _, o := range organs {
		i, _ := c.ledger.of(d, int(o), p)
		c.receive(d, i, 0)
	}
}

// todo takes a delivery that says itself which organs it is for.
func (c *core) todo(d *Delivery) {
	if len(d.Todo) == 0 {
		c.unwanted(d)
		return
	}
	p := c.ledger.take(d.Event.Size(), len(d.Todo))
	for _, t := range d.Todo {
		i, w := c.ledger.of(d, t.Organ, p)
		w.failedAt(t.Attempts, t.First)
		c.receive(d, i, t.Crashes)
	}
}

// receive takes one organ's part of a delivery.
func (c *core) receive(d *Delivery, i uint32, crashes int) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	if o.holds != nil {
		c.ledger.place(i, d.Position)
	}
	h := &c.hands[w.organ]
	h.inHand++
	c.credit.counts(h)
	switch {
	case c.stop.draining:
		c.handBack(i, Later{Due: c.now})
	case crashes >= maxCrashes:
		c.crashed(i, crashes)
	case w.event.Hops() > c.config.maxHops:
		c.tooManyHops(i)
	default:
		c.admit(o, i)
	}
}

// admit gives work i to its lane, unless its key or its organ do not let it.
func (c *core) admit(o *organ, i uint32) {
	w := &c.ledger.works[i]
	if o.holds != nil && w.event.HasKey() {
		switch key := w.event.Key(); o.holds.passage(key, c.ledger.positions[i], w.handout) {
		case waits:
			o.holds.park(key, i)
			return
		case goesBack:
			c.handBack(i, Later{Due: c.now})
			return
		}
	}
	if !c.admits(o) {
		c.handBack(i, Later{Waits: true})
		return
	}
	c.credit.found = c.credit.found || o.inHand < c.credit.share/2
	c.enqueue(o, i)
}

// unwanted acknowledges an event that no organ of the service wants.
func (c *core) unwanted(d *Delivery) {
	c.nobodyWants(d)
	i, _ := c.ledger.of(d, NoOrgan, c.ledger.take(d.Event.Size(), 1))
	c.settle(i, Done, nil)
}

func (c *core) nobodyWants(d *Delivery) {
	if c.stats.unwanted(d.Event, d.number) {
		c.note(Note{Kind: NoteUnwanted, Event: d.Event})
	}
}

// maxCrashes is at which hand-out alone (Todo.Crashes) an event is given up. Two deaths would do for one that kills, but not to
// spare one that has the bad luck to be in hand whenever somebody kills the process: a desk killed every
// second lost an order to that.
const maxCrashes = 5

// crashed settles work i for good: again and again the process has died over it.
func (c *core) crashed(i uint32, crashes int) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	o.stats.failed(actors.KindCrash)
	f := actors.Failure{
		Organ: o.name, Kind: actors.KindCrash, Attempt: int(w.attempts()) + 1, First: c.now, Last: c.now,
		Err: fmt.Errorf("the process has died every time it had the event in hand, %d times with nothing else", crashes-1),
	}
	if c.final(i, f, false) {
		c.admit(o, i)
	}
}

func (c *core) tooManyHops(i uint32) {
	w := &c.ledger.works[i]
	f := actors.Failure{
		Organ: c.organs[w.organ].name, Kind: actors.KindHops, Attempt: int(w.attempts()) + 1, First: c.now, Last: c.now,
		Err: &actors.LimitError{What: "the chain of " + w.event.Type(), Got: w.event.Hops(), Limit: c.config.maxHops, Unit: "hops"},
	}
	c.organs[w.organ].stats.failed(f.Kind)
	w.fails(&f, false)
	// No OnFailed: what it emits would have come even further.
	c.settleFinal(i, nil)
}
