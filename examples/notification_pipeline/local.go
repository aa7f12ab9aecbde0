package main

import (
	"errors"
	"net"
	"sync"
	"time"
)

// local are the gateways that the program starts for itself, on 127.0.0.1, when it is given none. They
// speak the real protocols, fail where they are told to, and keep books, so that a run can be
// compared with what has arrived. One that is nil was not started.
type local struct {
	smtp *localSMTP
	sms  *localHTTP
	push *localHTTP
}

// localOptions says how local gateways behave.
type localOptions struct {
	latency time.Duration // of the SMTP server, for each mail
	faults  faults
	hold    func(channel) // for tests: called while a message is being taken
}

// fault is how a gateway behaves towards one address.
type fault struct {
	busy    int  // so many tries are turned away: 421 of SMTP, 503 of HTTP
	blocked bool // every try is refused for good
}

// faults finds the fault of an address, by the channel it belongs to.
type faults func(c channel, address string) fault

// sampleFaults are those of the built-in contacts.
func sampleFaults(_ channel, address string) fault {
	switch address {
	case "bob@example.com":
		return fault{busy: 2}
	case "frank@example.com":
		return fault{busy: 6}
	case "erin-laptop":
		return fault{busy: 1}
	case "+351 900 000 003":
		return fault{blocked: true}
	default:
		return fault{}
	}
}

// startLocal starts the gateways of some channels.
func startLocal(o localOptions, wanted ...channel) (*local, error) {
	l := &local{}
	var errs []error
	for _, c := range wanted {
		var err error
		switch c {
		case email:
			l.smtp, err = startLocalSMTP(newGate(c, o), o.latency)
		case sms:
			l.sms, err = startLocalHTTP(newGate(c, o))
		case push:
			l.push, err = startLocalHTTP(newGate(c, o))
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// close stops what runs and waits for it. It returns nil.
func (l *local) close() error {
	if l.smtp != nil {
		l.smtp.close()
	}
	for _, h := range []*localHTTP{l.sms, l.push} {
		if h != nil {
			h.close()
		}
	}
	return nil
}

// gate returns what the channels have in common of one of them; nil when it was not started.
func (l *local) gate(c channel) *gate {
	switch {
	case c == email && l.smtp != nil:
		return l.smtp.gate
	case c == sms && l.sms != nil:
		return l.sms.gate
	case c == push && l.push != nil:
		return l.push.gate
	default:
		return nil
	}
}

// url is where a channel that was started is reached.
func (l *local) url(c channel) string {
	switch c {
	case email:
		return "smtp://" + l.smtp.address()
	case sms:
		return l.sms.url()
	default:
		return l.push.url()
	}
}

// listen opens a port that nobody else has.
func listen() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

// gate is what local gateways have in common: faults and books. Safe for concurrent use.
type gate struct {
	channel channel
	options localOptions
	closing chan struct{} // closed when the gateway stops

	mu       sync.Mutex
	tries    map[string]int // by address, of those with a fault
	accepted map[string]int // by id: how often a message was taken
	busy     int            // tries turned away
	blocked  int            // tries refused for good
	open     int            // messages being taken
	most     int            // at the same time
}

func newGate(c channel, o localOptions) *gate {
	return &gate{
		channel: c, options: o, closing: make(chan struct{}),
		tries: map[string]int{}, accepted: map[string]int{},
	}
}

// verdict is what a gateway says to an address.
type verdict int

const (
	taken verdict = iota
	turnedAway
	refusedForGood
)

func (g *gate) judge(address string) verdict {
	if g.options.faults == nil {
		return taken
	}
	f := g.options.faults(g.channel, address)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case f.blocked:
		g.blocked++
		return refusedForGood
	case g.tries[address] < f.busy:
		g.tries[address]++
		g.busy++
		return turnedAway
	default:
		return taken
	}
}

// enter and leave bracket the taking of a message.
func (g *gate) enter() {
	g.mu.Lock()
	g.open++
	g.most = max(g.most, g.open)
	g.mu.Unlock()
	if g.options.hold != nil {
		g.options.hold(g.channel)
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
}

func (g *gate) accept(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepted[id]++
}

// gateBook is what a gateway has seen.
type gateBook struct {
	accepted int      // different messages
	repeated []string // ids taken more than once
	busy     int
	blocked  int
	most     int // messages in work at the same time
}

func (g *gate) book() gateBook {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := gateBook{accepted: len(g.accepted), busy: g.busy, blocked: g.blocked, most: g.most}
	for id, n := range g.accepted {
		if n > 1 {
			b.repeated = append(b.repeated, id)
		}
	}
	return b
}

// pause waits for d, or until the gateway stops.
func (g *gate) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.closing:
	}
}
