package redisstream

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

var howMuch = actors.Query{Name: "how much", Data: json.RawMessage(`{}`)}

// says makes a node answer every question with a word.
func (n *node) says(word string) {
	n.Serve(func(context.Context, string, string, actors.Query) (json.RawMessage, error) {
		return json.RawMessage(word), nil
	})
}

// holdsBack makes a node answer every question with a word, when it is told to.
func (n *node) holdsBack(word string) (asked, goOn chan struct{}) {
	asked, goOn = make(chan struct{}, 4*mostAsked), make(chan struct{})
	n.Serve(func(ctx context.Context, _, _ string, _ actors.Query) (json.RawMessage, error) {
		asked <- struct{}{}
		select {
		case <-goOn:
			return json.RawMessage(word), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	return asked, goOn
}

type replied struct {
	word string
	err  error
}

// forward asks in the background for the cell of key k.
func (n *node) forward() chan replied {
	got := make(chan replied, 1)
	ctx := n.y.soon()
	go func() { // ends with the answer, at the latest with ctx
		data, err := n.Forward(ctx, "sum", "k", howMuch)
		got <- replied{string(data), err}
	}()
	return got
}

// ownerAndAsker are a node that has the only shard, and one that has none.
func (y *yard) ownerAndAsker() (owner, asker *node) {
	owner, asker = y.claimant("owner", 0), y.claimant("asker")
	owner.has(0)
	asker.says(`"mine"`)
	return owner, asker
}

func TestAQuestionIsAnsweredByTheOwner(t *testing.T) {
	t.Parallel()
	owner, asker := newYard(t).ownerAndAsker()
	owner.says(`"5"`)
	assert.True(t, owner.Owns("k"))
	assert.False(t, asker.Owns("k"))
	assert.Equal(t, replied{`"5"`, nil}, <-asker.forward())
	assert.Equal(t, replied{`"5"`, nil}, <-owner.forward(), "to itself, too")
}

func TestTheAnswerOfAnOwnerThatHasLostItsShardDoesNotCount(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	owner, asker := y.ownerAndAsker()
	asked, goOn := owner.holdsBack(`"old"`)
	got := asker.forward()
	<-asked
	next := y.claimant("next", 0)
	next.says(`"new"`)
	next.takeOver()
	require.NotEmpty(t, owner.token(), "it does not know")
	close(goOn)
	assert.Equal(t, replied{`"new"`, nil}, <-got)
}

func TestAnAnswerThatRestsOnACommitThatTheStoreHasLostDoesNotCount(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	owner, asker := y.ownerAndAsker()
	owner.publish("k", "1")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, owner.settle(owner.changed(owner.pull(1, "1")[0], 0, 0)))
	owner.says(`"1"`)
	require.Equal(t, replied{`"1"`, nil}, <-asker.forward())
	require.NoError(t, y.server.Client().HSet(y.soon(), owner.shards[0].own, "c", "0").Err())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := asker.Forward(ctx, "sum", "k", howMuch)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAnOwnerWhoseSpineHasNotHeardOfALossAnswersNothing(t *testing.T) {
	t.Parallel()
	owner, _ := newYard(t).ownerAndAsker()
	owner.mu.Lock()
	owner.lose(owner.shards[0], false)
	owner.mu.Unlock()
	owner.has(0)
	assert.False(t, owner.Owns("k"), "it has it again, and its Spine may have what it had before")
	ds, err := owner.Pull(owner.y.soon(), spine.Want{Events: 1, Bytes: 1})
	require.NoError(t, err)
	require.Len(t, ds, 1)
	require.True(t, ds[0].Lost)
	assert.False(t, owner.Owns("k"), "the Spine is about to hear of it")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, _ = owner.Pull(ctx, spine.Want{Events: 1, Bytes: 1})
	assert.True(t, owner.Owns("k"))
}

// A Spine that was told of a loss once takes the same number for the same loss, and would keep the cells that it has read since.
func TestEveryLossOfAShardHasItsOwnNumber(t *testing.T) {
	t.Parallel()
	owner, _ := newYard(t).ownerAndAsker()
	last := uint64(0)
	for range 2 {
		owner.mu.Lock()
		owner.lose(owner.shards[0], false)
		owner.mu.Unlock()
		owner.has(0)
		ds, err := owner.Pull(owner.y.soon(), spine.Want{Events: 1, Bytes: 1})
		require.NoError(t, err)
		require.True(t, ds[0].Lost)
		require.Greater(t, ds[0].Handout, last)
		last = ds[0].Handout
	}
}

func TestAQuestionAndAnAnswerMayGetLostOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"it does not arrive": stray, "nobody hears that it has arrived": mute} {
		for _, script := range []*script{askScript, answerScript} {
			t.Run(script.name+": "+name, func(t *testing.T) {
				t.Parallel()
				owner, asker := newYard(t).ownerAndAsker()
				owner.says(`"5"`)
				asker.tap.next(2, askScript, f)
				if script == answerScript {
					owner.tap.next(2, answerScript, f)
				}
				assert.Equal(t, replied{`"5"`, nil}, <-asker.forward())
			})
		}
	}
}

func TestAQuestionThatComesOnceMoreIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	owner, asker := newYard(t).ownerAndAsker()
	asked, goOn := owner.holdsBack(`"5"`)
	got := asker.forward()
	<-asked
	x := asker.tap.of(askScript)
	asker.tap.server.do(t.Context(), copies(x[len(x)-1].calls), nil)
	require.Eventually(t, func() bool { return owner.unread() == 0 }, 10*time.Second, time.Millisecond)
	close(goOn)
	assert.Equal(t, replied{`"5"`, nil}, <-got)
	assert.Empty(t, asked)
}

func TestAQuestionWaitsForAnOwner(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	asker := y.claimant("asker")
	asker.says(`"mine"`)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := asker.Forward(ctx, "sum", "k", howMuch)
	require.ErrorIs(t, err, spine.ErrNoOwner)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	got := asker.forward()
	y.claimant("owner", 0).says(`"5"`)
	assert.Equal(t, replied{`"5"`, nil}, <-got)
}

func TestAnOwnerThatDoesNotRunIsAskedAgain(t *testing.T) {
	t.Parallel()
	owner, asker := newYard(t).ownerAndAsker()
	owner.Serve(func(context.Context, string, string, actors.Query) (json.RawMessage, error) {
		return nil, spine.ErrNotRunning
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := asker.Forward(ctx, "sum", "k", howMuch)
	require.ErrorIs(t, err, spine.ErrMoved)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	got := asker.forward()
	owner.says(`"5"`)
	assert.Equal(t, replied{`"5"`, nil}, <-got)
}

// An owner that does not answer yet, as one that has just taken a shard or is about to end, is not asked as fast as it can say so.
func TestAnOwnerThatAnswersNothingIsNotPressed(t *testing.T) {
	t.Parallel()
	owner, asker := newYard(t).ownerAndAsker()
	owner.Serve(func(context.Context, string, string, actors.Query) (json.RawMessage, error) {
		return nil, spine.ErrNotRunning
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := asker.Forward(ctx, "sum", "k", howMuch)
	require.ErrorIs(t, err, spine.ErrMoved)
	assert.LessOrEqual(t, len(asker.tap.of(askScript)), 10, "10, 20, 40, 80 ms and so on between two questions")
}

func TestTooManyQuestionsAreRefusedAndFewAreAnsweredAtATime(t *testing.T) {
	t.Parallel()
	owner, asker := newYard(t).ownerAndAsker()
	asked, goOn := owner.holdsBack(`"5"`)
	var got []chan replied
	for range mostAsked {
		got = append(got, asker.forward())
	}
	require.Eventually(t, func() bool { return owner.held() == mostToAnswer }, 20*time.Second, time.Millisecond)
	_, err := asker.Forward(t.Context(), "sum", "k", howMuch)
	require.ErrorIs(t, err, spine.ErrBusy)
	require.ErrorContains(t, err, "256 of at most 256 from this node")
	require.Len(t, asked, mostServed)
	_, err = owner.Forward(owner.y.soon(), "sum", "k", howMuch)
	require.ErrorIs(t, err, spine.ErrBusy, "the owner says so")
	close(goOn)
	for _, c := range got {
		require.Equal(t, replied{`"5"`, nil}, <-c)
	}
	_, err = asker.Forward(owner.y.soon(), "sum", "k", howMuch)
	require.NoError(t, err)
}

func TestABoxThatNobodyReadsTakesNoMore(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	owner, asker := y.ownerAndAsker() // who serves nothing
	rdb, box := y.server.Client(), y.keys.box(owner.Owner())
	for range mostInBox {
		require.NoError(t, rdb.XAdd(y.soon(), &redis.XAddArgs{Stream: box, Values: []any{"a", "b"}}).Err())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := asker.Forward(ctx, "sum", "k", howMuch)
	require.ErrorIs(t, err, spine.ErrBusy)
	assert.EqualValues(t, mostInBox, rdb.XLen(y.soon(), box).Val())
	owner.says(`"5"`) // what it cannot read it removes
	assert.Equal(t, replied{`"5"`, nil}, <-asker.forward())
}

func TestSizesBetweenNodesAreBounded(t *testing.T) {
	t.Parallel()
	owner, asker := newYard(t).ownerAndAsker()
	var limit *actors.LimitError
	large := actors.Query{Name: "q", Data: json.RawMessage(strings.Repeat("1", mostAskBytes))}
	_, err := asker.Forward(owner.y.soon(), "sum", "k", large)
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, "query", limit.What)
	owner.says(strings.Repeat("1", mostAskBytes+1))
	got := <-asker.forward()
	kind, _ := actors.Classify(got.err)
	assert.Equal(t, actors.KindLimit, kind)
	assert.ErrorContains(t, got.err, "reply has 1048577 bytes")
	owner.says(strings.Repeat("1", mostAskBytes))
	assert.Len(t, (<-asker.forward()).word, mostAskBytes)
}

func TestNothingOfQuestionsStaysInTheStore(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	owner, asker := y.ownerAndAsker()
	owner.says(`"5"`)
	for range 20 {
		require.NoError(t, (<-asker.forward()).err)
	}
	for _, n := range []*node{owner, asker} {
		require.Eventually(t, func() bool { return n.unread() == 0 }, 10*time.Second, time.Millisecond)
		life := y.server.Client().PTTL(y.soon(), y.keys.box(n.Owner())).Val()
		assert.Positive(t, life)
		assert.LessOrEqual(t, life, boxLife)
	}
}

func TestAnIdleNodeHoldsNoConnectionMoreForQuestions(t *testing.T) {
	t.Parallel()
	y := newYardOn(t, redistest.Start(t))
	owner, asker := y.ownerAndAsker()
	owner.says(`"5"`)
	before := y.connections("asker")
	for range 20 {
		require.NoError(t, (<-asker.forward()).err)
	}
	assert.LessOrEqual(t, y.connections("asker"), before+1, "the reader and the asker may both be at it")
}

func TestCloseEndsQuestionsAndAnswers(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	owner, asker := y.ownerAndAsker()
	asked, _ := owner.holdsBack(`"5"`)
	got := asker.forward()
	<-asked
	began := time.Now()
	require.NoError(t, owner.Close(y.soon()))
	require.NoError(t, asker.Close(y.soon()))
	assert.Less(t, time.Since(began), 10*time.Second)
	require.ErrorIs(t, (<-got).err, spine.ErrClosed)
}

// unread is how many messages are in the node's box.
func (n *node) unread() int64 {
	return n.y.server.Client().XLen(n.y.soon(), n.y.keys.box(n.Owner())).Val()
}

// held is how many questions the node has to answer.
func (n *node) held() int {
	n.asks.mu.Lock()
	defer n.asks.mu.Unlock()
	return len(n.asks.inHand)
}

// connections is how many a node has.
func (y *yard) connections(name string) int {
	y.Helper()
	all, err := y.server.Client().ClientList(y.soon()).Result()
	require.NoError(y, err)
	return strings.Count(all, "name=necrostack/"+name+" ")
}
