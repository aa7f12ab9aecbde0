package host_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// ping is the event of most tests. What a handler does with it stands in the test.
type ping struct {
	N    int
	Name string `json:",omitempty"`
}

func (ping) EventType() string { return "PING" }

// pong is what ping's handlers emit.
type pong struct{ N int }

func (pong) EventType() string { return "PONG" }

// keyed is an event with a key.
type keyed struct {
	Key string
	N   int
}

func (keyed) EventType() string  { return "KEYED" }
func (k keyed) EventKey() string { return k.Key }

// unencodable has no JSON.
type unencodable struct{ C chan int }

func (unencodable) EventType() string { return "UNENCODABLE" }

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// event makes a root event of p.
func event(t testing.TB, p actors.Payload) actors.Event {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(p, epoch)
	require.NoError(t, err)
	return ev
}

// pings are root events with the numbers [0, n).
func pings(t testing.TB, n int) []actors.Event {
	evs := make([]actors.Event, n)
	for i := range evs {
		evs[i] = event(t, ping{N: i})
	}
	return evs
}

// batchOf makes a batch of first attempts.
func batchOf(evs ...actors.Event) *host.Batch {
	b := &host.Batch{}
	for _, ev := range evs {
		b.Items = append(b.Items, host.Item{Event: ev, Attempt: 1})
	}
	return b
}

// owner is what the Spine is to an organ: it gets batches back, and notices.
type owner struct {
	t      testing.TB
	system *host.System
	organ  *host.Organ

	mu      sync.Mutex
	back    []*host.Batch
	notices []host.Notice
}

// own starts an organ under an owner; both end with the test.
func own(t testing.TB, def actors.Definition, c host.OrganConfig) *owner {
	t.Helper()
	o := &owner{t: t, system: host.NewSystem(host.Options{Logger: discard()})}
	c.Service = "svc"
	c.Deliver, c.Notify = o.deliver, o.notify
	organ, err := o.system.Organ(def, c)
	require.NoError(t, err)
	o.organ = organ
	t.Cleanup(o.stop)
	return o
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// stop ends the system; handlers that are stuck are abandoned.
func (o *owner) stop() {
	o.system.Interrupt()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(o.t, o.system.Stop(ctx))
}

func (o *owner) deliver(b *host.Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.back = append(o.back, b)
}

func (o *owner) notify(n host.Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notices = append(o.notices, n)
}

func (o *owner) lane() *host.Lane { return o.organ.Lanes()[0] }

// run gives lane 0 a batch of first attempts and waits for it, in a bubble.
func (o *owner) run(evs ...actors.Event) *host.Batch {
	o.t.Helper()
	return o.runBatch(batchOf(evs...))
}

// runBatch waits until nothing moves but the clock, so it is for a bubble and for handlers that
// do not wait for time; see sleepRun.
func (o *owner) runBatch(b *host.Batch) *host.Batch {
	o.t.Helper()
	o.lane().Run(b)
	synctest.Wait()
	return o.only()
}

// sleepRun is run for handlers that take d.
func (o *owner) sleepRun(d time.Duration, evs ...actors.Event) *host.Batch {
	o.t.Helper()
	o.lane().Run(batchOf(evs...))
	time.Sleep(d)
	synctest.Wait()
	return o.only()
}

// only takes the one batch that has come back.
func (o *owner) only() *host.Batch {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Len(o.t, o.back, 1, "batches that came back")
	b := o.back[0]
	o.back = nil
	require.Len(o.t, b.Outcomes, len(b.Items), "outcomes of the batch")
	return b
}

// none demands that no batch has come back.
func (o *owner) none() {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Empty(o.t, o.back, "batches that came back")
}

// kinds takes the kinds of all notices since the last call.
func (o *owner) kinds() (kinds []host.NoticeKind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.notices {
		kinds = append(kinds, n.Kind)
	}
	o.notices = nil
	return kinds
}

// ask asks lane 0 and waits for the answer, in a bubble.
func (o *owner) ask(key string, query any) (reply json.RawMessage, err error) {
	o.t.Helper()
	answered := 0
	o.lane().Ask(key, query, func(r json.RawMessage, e error) {
		reply, err = r, e
		answered++
	})
	synctest.Wait()
	require.Equal(o.t, 1, answered, "answers")
	return reply, err
}

// codes are a batch's outcomes in short.
func codes(b *host.Batch) (codes []host.OutcomeCode) {
	for _, o := range b.Outcomes {
		codes = append(codes, o.Code)
	}
	return codes
}

// all is n times the same code.
func all(code host.OutcomeCode, n int) []host.OutcomeCode {
	return slices.Repeat([]host.OutcomeCode{code}, n)
}

// journal is a list that handlers write and tests read.
type journal[T any] struct {
	mu    sync.Mutex
	lines []T
}

func (j *journal[T]) add(x T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, x)
}

// take returns what was added since the last call.
func (j *journal[T]) take() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}
