package redisstream

import (
	"context"
	"sync"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// exchange is what a process knows of questions from node to node. Every process has one stream, its box, where it gets the
// questions for cells that it owns and the answers to its own; it bears the name of Owner, which the token of a lease begins with. What was read is deleted, so
// whatever is there was not read, or not for sure; nobody minds a message that comes twice.
//
//	Forward ─ ask.lua, to whom the lease names ───► box of the owner ─► serve ─ AnswerFunc of its Spine
//	   ▲                                                                  │
//	   └─ box of the asker ◄─ answer.lua, if the token is still the owner's
//
// asks.go is the asker's side, answers.go the owner's.
type exchange struct {
	ctx    context.Context
	cancel context.CancelFunc
	nudge  chan struct{} // the box is to be looked into soon
	slots  chan struct{} // one for each question that is being answered
	lookAt time.Time     // when the box is looked into; the listener's own

	mu     sync.Mutex
	answer spine.AnswerFunc
	number uint64               // of the last question
	asked  map[uint64]*question // by number, those that this process has asked
	inHand map[string]bool      // asker and number of those that it is to answer
	came   time.Time            // when the last message did
}

// Bounds of what goes from node to node.
const (
	mostAsked    = 256              // questions of one process at a time
	mostToAnswer = 256              // questions that one process has to answer
	mostServed   = 64               // of them, those that it answers at a time
	mostAskBytes = 1 << 20          // of a query and of a reply, encoded
	longestAsk   = 30 * time.Second // where the asker sets no end
)

// Bounds of a box: more messages are not taken, and it is gone when so long nothing has come.
const (
	mostInBox = 1024
	boxLife   = time.Minute
	boxRead   = 16 // messages read at once
	boxReads  = 8  // in a row
)

// How often a process that waits for nothing else on the server looks into its box: while there is something to wait for, or
// was a moment ago, and else.
const (
	lookOften  = time.Millisecond
	lookSeldom = 20 * time.Millisecond
	moment     = time.Second
)

func (x *exchange) init() {
	x.ctx, x.cancel = context.WithCancel(context.Background())
	x.nudge, x.slots = make(chan struct{}, 1), make(chan struct{}, mostServed)
	x.asked, x.inHand = map[uint64]*question{}, map[string]bool{}
}

// Serve implements spine.Switchboard.
func (b *Backend) Serve(answer spine.AnswerFunc) {
	b.asks.mu.Lock()
	b.asks.answer = answer
	b.asks.mu.Unlock()
	b.asks.hurry()
}

// Owns implements spine.Switchboard.
func (b *Backend) Owns(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.standing(b.shardOf(key)) != ""
}

// standing is the token under which questions for a shard are answered here, "" where they are not. Who has been told of a loss
// has drawn the consequences when he pulls again. The lock must be held.
func (b *Backend) standing(s *shard) string {
	if s.untold || s.told > 0 && s.told == b.begun {
		return ""
	}
	return s.token
}

// hurry makes the listener look into the box soon.
func (x *exchange) hurry() {
	select {
	case x.nudge <- struct{}{}:
	default:
	}
}

// open reports whether the box is to be read.
func (x *exchange) open() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.answer != nil
}

// alarm is when the listener looks into the box though nobody waits for events; nil: never.
func (x *exchange) alarm() <-chan time.Time {
	if !x.open() {
		return nil
	}
	return time.After(time.Until(x.lookAt))
}

// soon notes that the box is looked into at the latest so long from now.
func (x *exchange) soon(d time.Duration) {
	if at := time.Now().Add(d); at.Before(x.lookAt) {
		x.lookAt = at
	}
}

// looked notes that the box was looked into, and when that is to be done again.
func (x *exchange) looked() {
	x.mu.Lock()
	defer x.mu.Unlock()
	every := lookSeldom
	if len(x.asked) > 0 || time.Since(x.came) < moment {
		every = lookOften
	}
	x.lookAt = time.Now().Add(every)
}

// readBox takes messages out of the box, beginning with those that were read already, until there are no more for now.
func (b *Backend) readBox(entries []rawEntry) error {
	defer b.asks.looked()
	key := b.keys.box(b.owner)
	for range boxReads {
		var calls []*call
		if len(entries) > 0 {
			remove := plain("XDEL", key)
			for i := range entries {
				remove.args = append(remove.args, entries[i].id.String())
				b.receive(entries[i].values)
			}
			calls = append(calls, remove)
		}
		read := plain("XREAD", "COUNT", boxRead, "STREAMS", key, "0-0")
		b.server.do(context.Background(), append(calls, read), nil)
		if entries = streamOf(read.reply); len(entries) == 0 {
			return read.err
		}
	}
	b.asks.hurry()
	return nil
}

// receive takes a message.
func (b *Backend) receive(values []string) {
	b.asks.mu.Lock()
	b.asks.came = time.Now()
	b.asks.mu.Unlock()
	m := map[string]string{}
	for i := 0; i+1 < len(values); i += 2 {
		m[values[i]] = values[i+1]
	}
	if _, ok := m["answer"]; ok {
		b.asks.answered(m)
		return
	}
	b.askedBy(m)
}
