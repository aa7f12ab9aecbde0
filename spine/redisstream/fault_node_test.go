package redisstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// A name is for people. Who owns a shard is told by tokens, which no two owners share.
func TestOfTwoNodesWithOneNameOneWorksAndTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t), WithNode("same"), WithLease(300*time.Millisecond))
	first := p.work(p.server.URL(), p.organs())
	second := p.work(p.server.URL(), p.organs())
	held, epochs := p.tokens(), p.epochs()
	assert.Equal(t, held, first.tokens())
	for range 3 {
		second.orders(100)
		first.idle()
		time.Sleep(300 * time.Millisecond) // what is tested is this time: a lease
	}
	assert.Equal(t, epochs, p.epochs())
	assert.Equal(t, held, p.tokens())
	assert.Equal(t, make([]string, len(held)), second.tokens(), "it waits")

	Die(first.backend)
	require.Eventually(t, func() bool {
		for i, epoch := range p.epochs() {
			if epoch == epochs[i] {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond)
	second.orders(200)
	second.check()
	taken := p.tokens()
	assert.Equal(t, taken, second.tokens())
	for i, token := range append(held, taken...) {
		assert.NotContains(t, append(held, taken...)[:i], token)
		assert.Regexp(t, "^same/", token)
	}
}

// tokens are those of the shards' owners, as the store has them.
func (p *plant) tokens() []string {
	p.Helper()
	var all []string
	for i := range 4 {
		token, err := p.server.Client().HGet(p.soon(), keyring{p.ns}.shard(i).of("svc", nil).own, "tok").Result()
		require.NoError(p, err)
		all = append(all, token)
	}
	return all
}

// tokens are those that the worker owns its shards by, "" where it owns none.
func (w *worker) tokens() []string {
	w.backend.mu.Lock()
	defer w.backend.mu.Unlock()
	var all []string
	for _, s := range w.backend.shards {
		all = append(all, s.token)
	}
	return all
}
