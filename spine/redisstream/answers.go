package redisstream

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// inquiry is a question that a process has asked this one.
type inquiry struct {
	from, number, try string
	organ, key        string
	query             actors.Query
	left              time.Duration // until nobody waits any more
}

func (i *inquiry) id() string { return i.from + " " + i.number }

var errInHand = errors.New("redisstream: the question is in hand")

// askedBy takes a question.
func (b *Backend) askedBy(m map[string]string) {
	i := &inquiry{
		from: m["from"], number: m["ask"], try: m["try"], organ: m["organ"], key: m["key"],
		query: actors.Query{Name: m["query"], Data: json.RawMessage(m["data"])},
	}
	ms, err := strconv.ParseInt(m["ms"], 10, 64)
	if err != nil || i.from == "" {
		return // not of ours
	}
	i.left = time.Duration(ms) * time.Millisecond
	switch answer, err := b.asks.accept(i.id()); err {
	case nil:
		b.group.Go(func() { // ends with the answer, with the asker's patience, or with Close; the listener is in the group
			defer b.asks.done(i.id())
			b.serve(i, answer)
		})
	case errInHand:
	default:
		_ = b.once(b.asks.ctx, b.answerCall(i, b.tokenOf(i.key), encodeSaid(nil, err))) // who gets no answer asks again
	}
}

// accept takes a question in hand.
func (x *exchange) accept(id string) (spine.AnswerFunc, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.inHand[id]:
		return nil, errInHand // it was sent once more
	case len(x.inHand) >= mostToAnswer:
		return nil, spine.ErrBusy
	}
	x.inHand[id] = true
	if x.answer == nil {
		return answersNothing, nil
	}
	return x.answer, nil
}

func answersNothing(context.Context, string, string, actors.Query) (json.RawMessage, error) {
	return nil, spine.ErrNotRunning
}

func (x *exchange) done(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.inHand, id)
}

// serve answers a question, as the owner who this process is at the time. Whether it still is when the answer is given is for the
// server to say.
func (b *Backend) serve(i *inquiry, answer spine.AnswerFunc) {
	ctx, cancel := context.WithTimeout(b.asks.ctx, i.left)
	defer cancel()
	select {
	case b.asks.slots <- struct{}{}:
		defer func() { <-b.asks.slots }()
	case <-ctx.Done():
		return
	}
	token := b.tokenOf(i.key)
	reply := movedSaid
	if token != "" {
		data, err := answer(ctx, i.organ, i.key, i.query)
		if ctx.Err() != nil {
			return // nobody waits any more
		}
		reply = encodeSaid(data, err)
	}
	_ = b.insist(ctx, b.answerCall(i, token, reply)) // who gets no answer asks again
}

// tokenOf is the token under which questions for a key are answered now.
func (b *Backend) tokenOf(key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.standing(b.shardOf(key))
}

// answerCall makes the call that gives an answer made under a token. It may rest on any commit that was answered by now; that of
// another token concerns nobody, since the answer does not count then.
func (b *Backend) answerCall(i *inquiry, token string, a encodedSaid) *call {
	s := b.shardOf(i.key)
	b.mu.Lock()
	commit := s.commit
	b.mu.Unlock()
	return &call{script: answerScript, keys: []string{s.own, b.keys.box(i.from)}, args: []any{
		token, formatNumber(commit), mostInBox, boxLife.Milliseconds(), i.number, i.try, a.status, a.kind, a.text,
	}}
}
