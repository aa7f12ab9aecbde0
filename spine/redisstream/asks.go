package redisstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// question is one that this process has asked, until it has an answer.
type question struct {
	number   uint64
	organ    string
	key      string
	query    actors.Query
	deadline time.Time
	said     chan said // holds one
	try      uint64    // under exchange.mu; that the cell has moved counts as an answer to the last one alone
}

// post is how far a question has come.
type post struct {
	token string    // of the owner that has it; "": nobody has
	sent  time.Time // when he got it
	why   error     // there is no answer yet, as far as that is known
}

// said is an answer, or that there is none: the cell has moved.
type said struct {
	data  json.RawMessage
	err   error
	moved bool
}

// Forward implements spine.Switchboard. A query and a reply may have 1 MiB each; of one process 256 questions may be on their way.
// Where ctx has no deadline, 30 seconds are one.
func (b *Backend) Forward(ctx context.Context, organ, key string, query actors.Query) (json.RawMessage, error) {
	if n := len(query.Data) + len(query.Name); n > mostAskBytes {
		return nil, &actors.LimitError{What: "query", Got: n, Limit: mostAskBytes, Unit: "bytes"}
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, longestAsk)
		defer cancel()
	}
	q, err := b.asks.begin(ctx, organ, key, query)
	if err != nil {
		return nil, err
	}
	defer b.asks.forget(q)
	at, moves := post{}, 0
	for vain := 1; ; vain++ {
		var next post // not to be read when ctx has ended before it was written
		before := at
		if err := b.aside(ctx, func() error { next = b.pose(q, before); return nil }); err != nil {
			return nil, q.failed(at, err)
		}
		pause := repeatBackoff.Delay(min(vain, askSteps), 0.5)
		if at = next; at.token != "" {
			pause, vain = b.lookPause(), 0
		}
		answer, ok, err := q.await(ctx, b.closing, pause)
		switch {
		case err != nil:
			return nil, q.failed(at, err)
		case ok && !answer.moved:
			return answer.data, answer.err
		case ok:
			at = post{why: spine.ErrMoved}
			if moves++; moves == 1 {
				continue // whoever has it now
			}
			if err := b.rest(ctx, min(moves-1, askSteps)); err != nil {
				return nil, q.failed(at, err)
			}
		}
	}
}

// askSteps is after how many repeats in a row the time between them grows no more: 160 ms.
const askSteps = 5

// lookPause is after what time without an answer the asker looks who the owner is.
func (b *Backend) lookPause() time.Duration {
	return min(max(b.beatTime(), 50*time.Millisecond), time.Second)
}

// sendAgain is when a question is sent once more to an owner that does not answer: the store may have lost it.
const sendAgain = 5 * time.Second

// begin enters a question.
func (x *exchange) begin(ctx context.Context, organ, key string, query actors.Query) (*question, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.asked) >= mostAsked {
		return nil, fmt.Errorf("%w: %d of at most %d from this node", spine.ErrBusy, len(x.asked), mostAsked)
	}
	x.number++
	q := &question{number: x.number, organ: organ, key: key, query: query, said: make(chan said, 1)}
	q.deadline, _ = ctx.Deadline()
	x.asked[q.number] = q
	return q, nil
}

func (x *exchange) forget(q *question) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.asked, q.number)
}

// again numbers a try.
func (x *exchange) again(q *question) uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	q.try++
	return q.try
}

// pose sees to it that the owner has the question. What gets no answer from the server is tried again by the caller.
func (b *Backend) pose(q *question, at post) post {
	s := b.shardOf(q.key)
	b.mu.Lock()
	own, holder := s.own, s.holder
	b.mu.Unlock()
	if at.token != "" && time.Since(at.sent) < sendAgain {
		c := plain("HGET", own, "tok")
		if errors.Join(b.once(context.Background(), c), c.err) != nil {
			return at
		}
		if holder = b.noteHolder(s, text(c.reply)); holder == at.token {
			return at
		}
	}
	try := b.asks.again(q)
	for range askHops {
		c := &call{script: askScript, keys: []string{own, b.keys.box(ownerOf(holder))}, args: b.questionArgs(q, holder, try)}
		if err := errors.Join(b.once(context.Background(), c), c.err); err != nil {
			return post{why: err}
		}
		switch c.word() {
		case "OK":
			b.asks.hurry()
			return post{token: holder, sent: time.Now(), why: at.why}
		case "FULL":
			return post{why: fmt.Errorf("%w: %d of at most %d at node %q", spine.ErrBusy, mostInBox, mostInBox, ownerOf(holder))}
		}
		if holder = b.noteHolder(s, text(c.part(1))); holder == "" {
			return post{why: spine.ErrNoOwner}
		}
	}
	return post{why: spine.ErrMoved}
}

func (b *Backend) questionArgs(q *question, holder string, try uint64) []any {
	return []any{
		holder, mostInBox, boxLife.Milliseconds(), "ask", formatNumber(q.number), "try", formatNumber(try), "from", b.owner,
		"organ", q.organ, "key", q.key, "query", q.query.Name, "data", string(q.query.Data),
		"ms", max(time.Until(q.deadline).Milliseconds(), 1),
	}
}

// askHops is to how many owners in a row a question is sent without a pause.
const askHops = 3

func (b *Backend) noteHolder(s *shard, token string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.holder = token
	return token
}

// await waits for the answer, and for so long at most.
func (q *question) await(ctx context.Context, closing <-chan struct{}, most time.Duration) (answer said, ok bool, err error) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case answer = <-q.said:
		return answer, true, nil
	case <-timer.C:
		return said{}, false, nil
	case <-ctx.Done():
		return said{}, false, ctx.Err()
	case <-closing:
		return said{}, false, errClosed
	}
}

// failed is the error of a question that is given up.
func (q *question) failed(at post, err error) error {
	if at.why != nil {
		err = fmt.Errorf("%w (%w)", err, at.why)
	}
	return fmt.Errorf("redisstream: ask organ %q, key %q: %w", q.organ, q.key, err)
}

// answered gives a question its answer.
func (x *exchange) answered(m map[string]string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	number, _ := strconv.ParseUint(m["answer"], 10, 64)
	q := x.asked[number]
	if q == nil {
		return // nobody waits any more
	}
	a := saidBy(m)
	if a.moved && m["try"] != formatNumber(q.try) {
		return // it was sent to another since
	}
	select {
	case q.said <- a:
	default:
	}
}
