package growth

import (
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
)

// text is a payload of some size.
type text struct{ Text string }

// EventType implements actors.Payload.
func (text) EventType() string { return "BENCH_TEXT" }

// payloads is one organ with larger and larger events.
func payloads(c Config, name, about string, checking bool) Series {
	s := Series{Name: name, Unit: "bytes", About: about}
	var opts []spine.Option
	if checking {
		opts = append(opts, spine.WithChecking())
	}
	for _, n := range []int{100, 1000, 10_000, 100_000} {
		p := c.plan(1)
		// A window of large payloads would be a heap of its own.
		p.Window, p.Batch = 512, 32
		if checking {
			p.Starts = max(p.Starts*bytesPerEvent/(n+fixedBytes), 1)
			p.Warm = p.Starts / 10
		}
		s.Points = append(s.Points, Point{At: float64(n), Label: amount(n), Plan: p, Open: openPayload(n, opts)})
	}
	return s
}

// Of payloads that are encoded there are fewer the larger they are, so that every point takes about as long:
// as many as have bytesPerEvent each, when every event weighs fixedBytes to begin with.
const (
	bytesPerEvent = 100
	fixedBytes    = 900
)

func openPayload(n int, opts []spine.Option) load.Open {
	return func(w *load.Window) (load.Line, error) {
		next := func(uint64) actors.Payload { return text{sample[:n]} }
		with := append([]spine.Option{spine.WithOrgan(sink[text]("organ", w), spine.Workers(1))}, opts...)
		return load.StartSpine(w, spine.NewMemory(), next, with...)
	}
}

// sample is what texts are cut from: nothing that JSON would have to escape.
var sample = strings.Repeat("necrostack ", 10_000)
