package clearing

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// HouseConfig says how a House behaves. The zero value is one that settles everything at once.
type HouseConfig struct {
	// Latency is how long every answer takes.
	Latency time.Duration
	// Flaky is the share of requests, 0 to 1, that are answered 503 with nothing settled.
	Flaky float64
	// Lost is the share of requests whose answer is lost on the way, after everything in them was
	// settled.
	Lost float64
	// Seed chooses which requests these are.
	Seed uint64
	// Refuse, when not nil, returns the reason why a trade is not settled, or "". It is called by one
	// goroutine at a time; Poor makes such a function.
	Refuse func(Instruction) string
	// Remember is how many settled trades are recognised when they come again, the oldest going
	// first. Default 1,000,000.
	Remember int
}

const defaultRemember = 1_000_000

// House is a clearing house on a port of its own of 127.0.0.1. It is safe for concurrent use.
type House struct {
	listener net.Listener
	server   *http.Server
	served   sync.WaitGroup
	closing  chan struct{} // closed by Close
	close    sync.Once

	mu      sync.Mutex
	outage  Outage
	changed chan struct{} // closed and replaced when the outage changes
	latency time.Duration
	faults  faults
	ledger  ledger
}

// Outage is how a House is out of service.
type Outage uint8

// The outages.
const (
	InService Outage = iota
	Refusing         // 503 to everything
	Dropping         // connections are closed without an answer
	Silent           // no answer until the client gives up
)

// Open starts a house. Mistakes in c are reported all at once. The caller closes it.
func Open(c HouseConfig) (*House, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Remember == 0 {
		c.Remember = defaultRemember
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("clearing: %w", err)
	}
	h := &House{
		listener: listener, closing: make(chan struct{}), changed: make(chan struct{}), latency: c.Latency,
		faults: newFaults(c), ledger: newLedger(c.Refuse, c.Remember),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /settlements", h.serve)
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	h.served.Go(func() { _ = h.server.Serve(listener) }) // ends with Close, which is all its error says
	return h, nil
}

func (c HouseConfig) check() error {
	var errs []error
	for _, share := range []struct {
		what  string
		value float64
	}{{"flaky", c.Flaky}, {"lost", c.Lost}} {
		if !(share.value >= 0 && share.value <= 1) { // NaN is in no range
			errs = append(errs, fmt.Errorf("clearing: %s is %v, want 0 to 1", share.what, share.value))
		}
	}
	if c.Latency < 0 {
		errs = append(errs, fmt.Errorf("clearing: latency is %s, want 0 or more", c.Latency))
	}
	if c.Remember < 0 {
		errs = append(errs, fmt.Errorf("clearing: remember is %d, want 0 or more", c.Remember))
	}
	return errors.Join(errs...)
}

// URL is what a Client is given.
func (h *House) URL() string { return "http://" + h.listener.Addr().String() + "/settlements" }

// Close ends the house, requests that it is still at included, and waits for all of it.
func (h *House) Close() {
	h.close.Do(func() {
		close(h.closing)
		_ = h.server.Close() // connections are closed without a word; there is none to say
	})
	h.served.Wait()
}

// SetOutage takes the house out of service or puts it back. Requests that wait in a silent house are
// answered when it is back.
func (h *House) SetOutage(o Outage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outage = o
	close(h.changed)
	h.changed = make(chan struct{})
}

// Tally returns the books so far.
func (h *House) Tally() Tally {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ledger.tally
}

// Await returns the books as soon as enough holds of them; it gives up, with false, after patience.
func (h *House) Await(patience time.Duration, enough func(Tally) bool) (Tally, bool) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		h.mu.Lock()
		tally, more := h.ledger.tally, h.ledger.more
		h.mu.Unlock()
		if enough(tally) {
			return tally, true
		}
		select {
		case <-more:
		case <-late.C:
			return tally, false
		}
	}
}

// maxRequest is the largest request in bytes; MaxTrades have a fifth of it.
const maxRequest = 1 << 20

func (h *House) serve(w http.ResponseWriter, r *http.Request) {
	asked := request{Trades: make([]Instruction, 0, MaxTrades)}
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxRequest), r.ContentLength, maxRequest)
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	h.pause(r)
	verdict := h.verdict(r)
	switch {
	case verdict == Silent, verdict == Dropping:
		panic(http.ErrAbortHandler) // the way of net/http to hang up
	case verdict == Refusing:
		h.count(func(t *Tally) { t.TurnedAway++ })
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case len(asked.Trades) == 0 || len(asked.Trades) > MaxTrades:
		http.Error(w, fmt.Sprintf("%d trades, want 1 to %d", len(asked.Trades), MaxTrades), http.StatusRequestEntityTooLarge)
		return
	}
	said, lost := h.settle(asked.Trades)
	if lost {
		panic(http.ErrAbortHandler)
	}
	reply(w, said)
}

// reply sends an answer with its length, so that the client knows how much room it takes.
func reply(w http.ResponseWriter, said response) {
	body, err := json.Marshal(said)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that has gone asks again
}

// verdict is how the house is out of service towards a request, which it keeps waiting while it is
// silent. Silent as an answer means that one of both has given up.
func (h *House) verdict(r *http.Request) Outage {
	for {
		h.mu.Lock()
		outage, changed := h.outage, h.changed
		if outage == InService && h.faults.flaky() {
			outage = Refusing
		}
		h.mu.Unlock()
		if outage != Silent {
			return outage
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return Silent
		case <-h.closing:
			return Silent
		}
	}
}

func (h *House) settle(trades []Instruction) (said response, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	said = h.ledger.settle(trades)
	return said, h.faults.lost()
}

func (h *House) count(f func(*Tally)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ledger.count(f)
}

// pause is the latency of the house.
func (h *House) pause(r *http.Request) {
	if h.latency == 0 {
		return
	}
	timer := time.NewTimer(h.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-h.closing:
	}
}
