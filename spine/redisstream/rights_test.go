package redisstream

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// A user who may do what commands lists, and nothing else, can do all that a service does.
func TestTheRightsThatAreDemandedAreEnough(t *testing.T) {
	t.Parallel()
	rules := []string{"on", ">secret", "~*", "+client|setname", "+hello", "+select", "+config|get", "+acl|whoami", "+acl|dryrun"}
	for _, name := range commands() {
		rules = append(rules, "+"+strings.ToLower(name))
	}
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	y := newYardOn(t, redistest.Start(t, redistest.User("narrow", rules...)), WithUser("narrow"), WithPasswordFile(secret), WithOriginalForm())
	a := y.node("a", loose("mail"), strict("sum"))
	a.publish("k", "1", "2", "3")
	for range trimEvery {
		a.publish("k", "more")
	}
	ds := a.pull(1, "1")
	settled := []spine.AnswerCode{spine.Settled}
	require.Equal(t, settled, a.settle(a.retry(ds[0], 0, 1, time.Minute)))
	require.Equal(t, settled, a.settle(a.changed(ds[0], 1, 0)))
	y.advance(2 * time.Minute)
	for n := 0; ; n++ {
		ds, err := a.attempt(spine.Want{Events: 1})
		require.NoError(t, err)
		if len(ds) == 0 {
			require.Greater(t, n, trimEvery)
			break
		}
		require.False(t, ds[0].Lost)
		todo := ds[0].Todo
		if todo == nil {
			todo = []spine.Todo{{Organ: 0}, {Organ: 1}}
		}
		for _, organ := range todo {
			x := a.done(ds[0], organ.Organ, "effect")
			if organ.Organ == 0 && n == 0 {
				x = spine.Settlement{Receipt: ds[0].Receipt, Shard: ds[0].Shard, Kind: spine.Dead, Letter: &supervision.DeadLetter{Organ: "mail", Reason: actors.KindPermanent}}
			}
			require.Equal(t, settled, a.settle(x))
		}
	}
	letters, _, err := a.Count(y.soon())
	require.NoError(t, err)
	assert.Equal(t, 1, letters)
	_, err = a.Expire(y.soon(), "sum", y.clock().Add(time.Hour), 10)
	require.NoError(t, err)
	assert.NoError(t, a.Health(y.soon()).Err)
}
