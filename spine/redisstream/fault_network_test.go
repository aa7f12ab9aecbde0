package redisstream

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// until does something again and again beside the test, until it is told to stop, and waits for it then.
func until(do func()) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		for {
			select {
			case <-over:
				return
			default:
				do()
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

func TestAServerThatIsKilledAgainAndAgainLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.Start(t, redistest.AOF("always")))
	w := p.work(p.server.URL(), p.organs())
	w.orders(100)
	for range 6 {
		p.server.Kill()
		published := make(chan struct{})
		go func() { // ends when the server is back
			defer close(published)
			w.orders(100)
		}()
		p.server.Restart()
		<-published
	}
	w.check()
}

// A server that stands still makes no owner look silent.
func TestAServerThatStandsStillCausesNoStormOfTakeovers(t *testing.T) {
	t.Parallel()
	const lease = 500 * time.Millisecond
	p := newPlant(t, redistest.Start(t), WithLease(lease))
	w := p.work(p.server.URL(), p.organs())
	others := []*worker{p.work(p.server.URL(), p.organs()), p.work(p.server.URL(), p.organs())}
	w.orders(100)
	w.idle()
	before := p.epochs()
	p.server.Pause()
	time.Sleep(2 * lease) // what is tested is this time
	p.server.Resume()
	w.orders(100)
	w.idle()
	for i, epoch := range p.epochs() {
		assert.LessOrEqual(t, epoch, before[i]+1, "shard %d", i)
	}
	for _, other := range others {
		other.halt()
	}
	w.check()
}

func (p *plant) epochs() []uint64 {
	p.Helper()
	var all []uint64
	for i := range 4 {
		epoch, err := p.server.Client().HGet(p.soon(), keyring{p.ns}.shard(i).of("svc", nil).own, "epoch").Result()
		require.NoError(p, err)
		all = append(all, parseNumber(epoch))
	}
	return all
}

func TestRequestsThatAreLostOrLateOrWithoutAnAnswerCountOnce(t *testing.T) {
	t.Parallel()
	actions := []redistest.Action{
		redistest.DropReplyAndClose, redistest.CloseBefore, redistest.BlackholeReply, redistest.Blackhole, redistest.Delay(400 * time.Millisecond),
	}
	for name, c := range map[string]struct {
		chance   float64
		commands []string
	}{"scripts": {0.1, []string{"EVALSHA"}}, "transactions": {0.5, []string{"MULTI"}}, "all": {0.05, nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, redistest.SharedServer(t), WithTimeouts(time.Second, 150*time.Millisecond))
			proxy := redistest.NewProxy(t, p.server.Addr())
			w := p.work(proxy.URL(), p.organs())
			proxy.SetRule(redistest.Random(1, c.chance, actions, c.commands...))
			for range 12 {
				w.orders(40)
				w.idle()
			}
			proxy.SetRule(nil)
			counts := proxy.Counts()
			assert.Greater(t, counts.Requests-counts.Passed, 10, "faults")
			w.check()
		})
	}
}

// The library would send the same again behind our back. What the server has executed tells.
func TestACommitWhoseConnectionBreaksIsExecutedOnceForEachTimeItIsSent(t *testing.T) {
	t.Parallel()
	y := newYardOn(t, redistest.Start(t), WithTimeouts(time.Second, 200*time.Millisecond))
	proxy := redistest.NewProxy(t, y.server.Addr())
	b, err := New(proxy.URL(), append(y.opts, WithNode("a"))...)
	require.NoError(t, err)
	a := y.open(b, "svc", loose("mail"))
	a.publish("k", "1")
	d := a.pull(1, "1")[0]
	p := &plant{T: t, server: y.server}
	before, sent := p.executed("evalsha"), len(a.tap.of(commitScript))
	proxy.SetRule(redistest.First(2, redistest.DropReplyAndClose, "EVALSHA"))
	a.finish(d)
	assert.Equal(t, 3, len(a.tap.of(commitScript))-sent)
	assert.Equal(t, 3, p.executed("evalsha")-before)
	y.finished([]string{"mail"}, "1")
}

func TestAServerThatForgetsItsScriptsIsToldThemAgain(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.Start(t))
	w := p.work(p.server.URL(), p.organs())
	flushed := 0
	stop := until(func() {
		assert.NoError(t, p.server.Client().ScriptFlush(context.Background()).Err())
		flushed++
		time.Sleep(3 * time.Millisecond) // the pace of the fault
	})
	w.orders(2000)
	w.idle()
	stop()
	assert.Greater(t, flushed, 10)
	w.check()
}

func TestAPartedNodeLosesItsShardsAndItsCommitsAreFenced(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t), WithLease(300*time.Millisecond), WithTimeouts(100*time.Millisecond, 100*time.Millisecond))
	proxy := redistest.NewProxy(t, p.server.Addr())
	parted := p.work(proxy.URL(), p.organs())
	other := p.work(p.server.URL(), p.organs())
	parted.orders(200)
	before := p.epochs()
	proxy.Partition()
	other.orders(400)
	other.idle()
	for i, epoch := range p.epochs() {
		assert.Greater(t, epoch, before[i], "shard %d", i)
	}
	proxy.Heal()
	other.orders(200)
	other.idle()
	parted.halt()
	other.check()
}
