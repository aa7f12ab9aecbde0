package redisstream

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// Queries that are answered badly.
type (
	declined struct{ Permanently bool }
	panicky  struct{}
	endless  struct{}
	massive  struct{}
)

// difficult are organs of which one is asked for what cannot be had.
func difficult(asked chan struct{}, goOn <-chan struct{}) []spine.Option {
	return []spine.Option{spine.WithOrgan(actors.NewKeyed("accounts", func(string) *seen { return &seen{} },
		actors.Step(func(s *seen, ev actors.EventOf[order]) ([]actors.Payload, error) {
			s.N = append(s.N, ev.Payload.N)
			return nil, nil
		}),
		actors.Answer(func(s *seen, _ which) ([]int, error) { return s.N, nil }),
		actors.Answer(func(_ *seen, q declined) (int, error) {
			if q.Permanently {
				return 0, actors.Permanent(errors.New("never again"))
			}
			return 0, errors.New("not today")
		}),
		actors.Answer(func(*seen, panicky) (int, error) { panic("no") }),
		actors.Answer(func(*seen, massive) (string, error) { return strings.Repeat("x", 2*mostAskBytes), nil }),
		actors.Answer(func(*seen, endless) (int, error) {
			asked <- struct{}{}
			<-goOn
			return 0, nil
		}),
	), spine.Workers(1))}
}

// foreign requires that a worker owns nothing.
func (w *worker) foreign() {
	w.p.Helper()
	require.Empty(w.p, w.backend.Owned())
}

func TestAskReachesTheNodeThatHasTheCell(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t))
	owner := p.work(p.server.URL(), p.organs())
	asker := p.work(p.server.URL(), p.organs())
	asker.foreign()
	asker.orders(100)
	asker.idle()
	for account, want := range p.accepted {
		for _, w := range []*worker{owner, asker} {
			got, err := spine.Ask[[]int](p.soon(), w, "accounts", account, which{})
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
	_, err := spine.Ask[[]int](p.soon(), asker, "accounts", "nobody", which{})
	require.ErrorIs(t, err, spine.ErrNoCell)
	_, err = spine.Ask[[]int](p.soon(), asker, "clerk", "0", which{})
	require.ErrorIs(t, err, spine.ErrNoOrgan)
	_, err = spine.Ask[[]int](p.soon(), asker, "accounts", "0", declined{})
	require.ErrorIs(t, err, actors.ErrNoAnswer)
	_, err = spine.Ask[[]int](p.soon(), asker, "accounts", "", which{})
	require.ErrorIs(t, err, actors.ErrName)
	_, err = spine.Ask[[]int](p.soon(), asker, "accounts", "0", func() {})
	require.ErrorContains(t, err, "query func()")
	asker.halt()
	_, err = spine.Ask[[]int](p.soon(), asker, "accounts", "0", which{})
	require.ErrorIs(t, err, spine.ErrNotRunning)
}

func TestErrorsOfAnAnswerComeFromTheOtherNodeInItsWords(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t))
	goOn := make(chan struct{})
	owner := p.work(p.server.URL(), difficult(nil, goOn))
	asker := p.work(p.server.URL(), difficult(nil, goOn))
	asker.orders(1)
	asker.idle()
	asker.foreign()
	for _, query := range []any{declined{}, declined{true}, panicky{}} {
		_, here := spine.Ask[int](p.soon(), owner, "accounts", "0", query)
		require.Error(t, here)
		_, there := spine.Ask[int](p.soon(), asker, "accounts", "0", query)
		require.EqualError(t, there, here.Error())
		want, _ := actors.Classify(here)
		got, _ := actors.Classify(there)
		assert.Equal(t, want, got)
	}
	_, err := spine.Ask[string](p.soon(), asker, "accounts", "0", massive{})
	got, _ := actors.Classify(err)
	require.Equal(t, actors.KindLimit, got, "%v", err)
}

func TestAskEndsWithItsContextAndWithTheRunThoughTheOtherNodeDoesNotAnswer(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t))
	asked, goOn := make(chan struct{}, 10), make(chan struct{})
	p.work(p.server.URL(), difficult(asked, goOn))
	asker := p.work(p.server.URL(), difficult(asked, goOn))
	t.Cleanup(func() { close(goOn) })
	asker.orders(1)
	asker.idle()
	asker.foreign()
	ctx, cancel := context.WithTimeout(p.soon(), 100*time.Millisecond)
	defer cancel()
	_, err := spine.Ask[int](ctx, asker, "accounts", "0", endless{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	<-asked
	ended := make(chan error, 1)
	go func() { // ends with the run
		_, err := spine.Ask[int](context.Background(), asker, "accounts", "0", which{})
		ended <- err
	}()
	asker.halt()
	require.ErrorIs(t, <-ended, spine.ErrNotRunning)
}

// The owner is cut off; a third node takes its shards when the lease has run out, and answers.
func TestAskOutlivesTheOwner(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t), WithLease(500*time.Millisecond))
	proxy := redistest.NewProxy(t, p.server.Addr())
	owner := p.work("redis://"+proxy.Addr(), p.organs())
	asker := p.work(p.server.URL(), p.organs())
	asker.backend.Claim(nil)
	next := p.work(p.server.URL(), p.organs())
	asker.orders(40)
	asker.idle()
	require.Len(t, owner.backend.Owned(), 4)
	proxy.Partition()
	for account, want := range p.accepted {
		got, err := spine.Ask[[]int](p.soon(), asker, "accounts", account, which{})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Len(t, next.backend.Owned(), 4)
	asker.foreign()
	proxy.Heal()
}

// Shards go back and forth between two nodes while both are asked and events flow: every answer is a state that was committed, and
// none is older than one that the same asker has seen.
func TestAskWhileShardsMoveShowsCommittedStatesThatOnlyGrow(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t))
	a := p.work(p.server.URL(), p.organs())
	b := p.work(p.server.URL(), p.organs())
	a.orders(accounts)
	a.idle()
	var stops []func()
	replies := make(chan int, 2*accounts)
	for _, w := range []*worker{a, b} {
		for account := range accounts {
			stops = append(stops, grows(w, strconv.Itoa(account), replies))
		}
	}
	var moves atomic.Int64
	stop := until(func() {
		mine, yours := []uint32{0, 1}, []uint32{2, 3}
		if moves.Add(1)%2 == 0 {
			mine, yours = yours, mine
		}
		a.backend.Claim(mine)
		b.backend.Claim(yours)
		assert.Eventually(t, func() bool {
			return slices.Equal(a.backend.Owned(), mine) && slices.Equal(b.backend.Owned(), yours)
		}, 20*time.Second, time.Millisecond)
	})
	for moves.Load() < 8 {
		a.orders(40)
		a.idle()
	}
	stop()
	total := 0
	for _, stop := range stops {
		stop()
		total += <-replies
	}
	t.Logf("%d answers", total)
	b.check()
}

// grows asks for an account again and again, and requires that what it gets is a beginning of what was published, and never shorter
// than before. stop has it tell how many answers it got.
func grows(w *worker, account string, replies chan<- int) (stop func()) {
	n, last, ctx := 0, 0, w.p.soon()
	end := until(func() {
		got, err := spine.Ask[[]int](ctx, w, "accounts", account, which{})
		if !assert.NoError(w.p, err) {
			return
		}
		n++
		if len(got) < last {
			w.p.Errorf("account %s had %d orders, and has %d", account, last, len(got))
		}
		for i, order := range got {
			if order%accounts != got[0]%accounts || i > 0 && order != got[i-1]+accounts {
				w.p.Errorf("account %s: order %d follows %v", account, order, got[:i])
			}
		}
		last = len(got)
	})
	return func() {
		end()
		replies <- n
	}
}
