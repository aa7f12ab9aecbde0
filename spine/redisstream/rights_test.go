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

// narrow is a user who may run these commands and what every connection begins with, and the options of who is that user.
func narrow(t *testing.T, name string, commands []string) (redistest.Option, []Option) {
	rules := []string{"on", ">secret", "~*", "+client|setname", "+hello", "+select", "+config|get", "+acl|whoami", "+acl|dryrun"}
	for _, command := range commands {
		rules = append(rules, "+"+strings.ToLower(command))
	}
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	return redistest.User(name, rules...), []Option{WithUser(name), WithPasswordFile(secret)}
}

// A user who may do what commands lists, and nothing else, can do all that a service does.
func TestTheRightsThatAreDemandedAreEnough(t *testing.T) {
	t.Parallel()
	user, as := narrow(t, "narrow", commands())
	y := newYardOn(t, redistest.Start(t, user), append(as, WithOriginalForm())...)
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

func TestReshardNeedsMoreRightsAndNamesThemBeforeItTouchesAnything(t *testing.T) {
	t.Parallel()
	service, asService := narrow(t, "service", commands())
	operator, asOperator := narrow(t, "operator", operatorCommands())
	r := newRelocationOn(t, redistest.Start(t, service, operator), 7, 4, 300)
	before := r.generation()
	_, err := r.operator(4, asService...).Reshard(r.soon(), 9)
	require.ErrorContains(t, err, `user "service" may not run COPY: ACL SETUSER service +copy`)
	require.ErrorContains(t, err, "+xgroup|setid")
	require.Equal(t, before, r.generation())
	_, err = r.operator(4, asOperator...).Reshard(r.soon(), 9)
	require.NoError(t, err)
	r.shards = 9
	r.check()
}
