package redisstream

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// needed are commands of the kinds that the scripts use.
var needed = []string{"XADD", "xack", "XGROUP CREATE", "xgroup|destroy", "XREADGROUP", "EVALSHA", "SCRIPT LOAD", "HSET", "TIME"}

// checked runs the check against a server, and returns what it said and logged.
func checked(t *testing.T, address string, opts ...Option) (logged string, err error) {
	t.Helper()
	var log bytes.Buffer
	s := made(t, append(opts, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))...)
	main, _ := clients(t, address, s)
	err = checkServer(t.Context(), main, s, needed)
	return log.String(), err
}

func TestASoundServerPassesInSilence(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.AOF("always"), redistest.Conf(loadTruncated, "no"))
	log, err := checked(t, server.URL())
	require.NoError(t, err)
	assert.Empty(t, log)
}

func TestAllThatIsWrongIsInOneError(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.MaxMemory(100<<20, "allkeys-lru"), redistest.Conf("cluster-enabled", "yes"))
	_, err := checked(t, server.URL())
	require.ErrorIs(t, err, ErrStore)
	for _, words := range []string{
		"redis://" + server.Addr() + "/0",
		`maxmemory-policy is "allkeys-lru", wanted is "noeviction": CONFIG SET maxmemory-policy noeviction`,
		`cluster-enabled is "1", wanted is "no"`,
		`appendonly is "no", wanted is "yes": CONFIG SET appendonly yes`,
	} {
		assert.ErrorContains(t, err, words)
	}
	assert.Equal(t, 3, strings.Count(err.Error(), "\n"), err)
}

func TestAReplicaIsRefused(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.Start(t, redistest.AOF("always"), redistest.Conf("replicaof", strings.Split(master.Addr(), ":")...))
	_, err := checked(t, replica.URL())
	require.ErrorIs(t, err, ErrStore)
	assert.ErrorContains(t, err, `role is "slave", wanted is "master"`)
}

func TestAServerWithoutAnAppendOnlyFileIsForDevelopment(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	_, err := checked(t, server.URL())
	require.ErrorIs(t, err, ErrStore)
	assert.ErrorContains(t, err, "WithRelaxedDurability")

	log, err := checked(t, server.URL(), WithRelaxedDurability())
	require.NoError(t, err)
	assert.Contains(t, log, "level=WARN")
	assert.Contains(t, log, "all events since its last dump are lost")
	assert.Contains(t, log, "server=redis://"+server.Addr()+"/0")
}

func TestRelaxedDurabilityAcceptsNothingElse(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.MaxMemory(100<<20, "volatile-ttl"))
	_, err := checked(t, server.URL(), WithRelaxedDurability())
	require.ErrorIs(t, err, ErrStore)
	assert.ErrorContains(t, err, `maxmemory-policy is "volatile-ttl"`)
}

func TestWhatAFileThatIsSyncedLateMayLoseIsLogged(t *testing.T) {
	t.Parallel()
	for policy, words := range map[string]string{
		"everysec": "up to about 2 s of acknowledged events",
		"no":       "a power failure loses what the kernel has not written",
	} {
		server := redistest.Start(t, redistest.AOF(policy))
		log, err := checked(t, server.URL())
		require.NoError(t, err)
		assert.Contains(t, log, "level=WARN")
		assert.Contains(t, log, `appendfsync is \"`+policy+`\"`)
		assert.Contains(t, log, words)
		assert.Contains(t, log, "CONFIG SET appendfsync always")
	}
	server := redistest.Start(t, redistest.AOF("always"), redistest.Conf("no-appendfsync-on-rewrite", "yes"))
	log, err := checked(t, server.URL())
	require.NoError(t, err)
	assert.Contains(t, log, "no-appendfsync-on-rewrite")
	assert.Contains(t, log, `aof-load-truncated is \"yes\"`)
	assert.Contains(t, log, "CONFIG SET aof-load-truncated no")
}

func TestEachMissingRightIsNamed(t *testing.T) {
	t.Parallel()
	const all = "+@all"
	server := redistest.Start(t, redistest.AOF("always"), redistest.Conf(loadTruncated, "no"))
	for name, c := range map[string]struct {
		rules []string
		want  []string // lines of the error; none is a good start
		log   string
	}{
		"everything needed": {rules: []string{"~necro:*", "~{necro:*", "+xadd", "+xack", "+xgroup|create", "+xgroup|destroy",
			"+xreadgroup", "+evalsha", "+script|load", "+hset", "+time",
			"+hello", "+client|setname", "+info", "+config|get", "+acl|whoami", "+acl|dryrun"}},
		"a command":    {rules: []string{"~*", all, "-xadd"}, want: []string{`may not run XADD: ACL SETUSER necro +xadd`}},
		"a subcommand": {rules: []string{"~*", all, "-xgroup|destroy"}, want: []string{`may not run XGROUP DESTROY: ACL SETUSER necro +xgroup|destroy`}},
		"two commands": {rules: []string{"~*", all, "-xack", "-time"}, want: []string{"+xack", "+time"}},
		"keys of shards": {rules: []string{"~necro:*", all}, want: []string{
			`may not touch all keys of namespace "necro" (with HSET, XACK, XADD`, "ACL SETUSER necro ~necro:* ~{necro:*"}},
		"keys of the store":           {rules: []string{"~{necro:*", all}, want: []string{`namespace "necro" (with HSET`}},
		"keys of another application": {rules: []string{"~shop:*", "~{shop:*", all}, want: []string{`namespace "necro"`}},
		"writing keys":                {rules: []string{"%R~*", all}, want: []string{"(with HSET, XACK, XADD"}},
		"acl whoami":                  {rules: []string{"~*", all, "-acl|whoami"}, want: []string{"may not run ACL WHOAMI: ACL SETUSER necro +acl|whoami"}},
		"acl dryrun":                  {rules: []string{"~*", all, "-acl|dryrun"}, want: []string{"may not run ACL DRYRUN: ACL SETUSER necro +acl|dryrun"}},
		"info, and more":              {rules: []string{"~*", all, "-info", "-hset"}, want: []string{"+info", "+hset"}},
		"config":                      {rules: []string{"~*", all, "-config"}, log: "appendfsync could not be checked"},
	} {
		rules := append([]string{"reset", "on", ">S3NTINEL"}, c.rules...)
		require.NoError(t, server.Client().ACLSetUser(t.Context(), "necro", rules...).Err(), name)
		log, err := checked(t, "redis://necro:S3NTINEL@"+server.Addr())
		assert.NotContains(t, log, sentinel, name)
		assert.Contains(t, log, c.log, name)
		if c.log == "" {
			assert.Empty(t, log, name)
		}
		if c.want == nil {
			assert.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, ErrStore, name)
		for _, words := range c.want {
			assert.ErrorContains(t, err, words, name)
		}
		assert.NotContains(t, err.Error(), sentinel, name)
	}
}

// A connection begins with commands of its own; a user that may not run them gets no further.
func TestARightMissingForTheConnectionIsNamed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.AOF("always"))
	for _, command := range []string{"client|setname", "info", "select"} {
		rules := []string{"reset", "on", ">S3NTINEL", "~*", "+@all", "-" + command}
		require.NoError(t, server.Client().ACLSetUser(t.Context(), "necro", rules...).Err())
		s := made(t)
		s.onConnect = func(ctx context.Context, conn *redis.Conn) error { return conn.Info(ctx, "server").Err() }
		main, _ := clients(t, "redis://necro:S3NTINEL@"+server.Addr()+"/1", s)
		err := checkServer(t.Context(), main, s, needed)
		require.ErrorIs(t, err, ErrStore, command)
		assert.ErrorContains(t, err, "ACL SETUSER necro +"+command)
		assert.Equal(t, 1, strings.Count(err.Error(), "\n"), err)
	}
}

func TestACommandThatTheServerHidesIsNamed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.AOF("always"), redistest.Conf("rename-command", "XACK", "hidden"))
	_, err := checked(t, server.URL())
	require.ErrorIs(t, err, ErrStore)
	assert.ErrorContains(t, err, "the server does not know XACK: remove its rename-command")
	assert.Equal(t, 1, strings.Count(err.Error(), "XACK"))

	server = redistest.Start(t, redistest.AOF("always"), redistest.Conf("rename-command", "ACL", "hidden"))
	_, err = checked(t, server.URL())
	require.ErrorIs(t, err, ErrStore)
	assert.ErrorContains(t, err, "the server does not know ACL")
}

func TestAServerThatIsNotReachedIsNoUnfitServer(t *testing.T) {
	t.Parallel()
	_, err := checked(t, "redis://127.0.0.1:1")
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrStore)
	assert.Equal(t, classRefused, classOf(err))
	assert.ErrorContains(t, err, "check redis://127.0.0.1:1/0: ")

	server := redistest.Start(t, redistest.User("necro", "on", ">right", "~*", "+@all"))
	_, err = checked(t, "redis://necro:S3NTINEL@"+server.Addr())
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrStore)
	assert.True(t, redis.IsAuthError(err), err)
	assert.NotContains(t, err.Error(), sentinel)
}

func TestAnEndedContextEndsTheCheck(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := made(t)
	main, _ := clients(t, server.URL(), s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, checkServer(ctx, main, s, needed), context.Canceled)
}

func TestServersBeforeSevenAreTooOld(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{
		"6.2.14": false, "7.0.0": true, "7.0.15": true, "8.2.1": true, "10.0.0": true, "255.255.255": true, "": false, "next": false,
	} {
		c := check{}
		assert.Equal(t, good, c.version(map[string]string{"redis_version": version}), version)
		assert.Equal(t, good, len(c.faults) == 0, version)
	}
}

func TestWhatInfoHidesIsLogged(t *testing.T) {
	t.Parallel()
	c := check{settings: made(t)}
	require.NoError(t, c.durability(t.Context(), nil))
	c.place(nil)
	assert.True(t, c.version(nil))
	assert.Empty(t, c.faults)
	var all []string
	for _, w := range c.warnings {
		all = append(all, w.text)
	}
	for _, name := range []string{"role", "cluster_enabled", "maxmemory_policy", "aof_enabled", "redis_version"} {
		assert.Contains(t, strings.Join(all, "\n"), name+" could not be checked")
	}
}

// A Run that begins while nobody answers says so, and does not wait: whoever starts it decides.
func TestARunOnAServerThatDoesNotAnswerEndsAtOnce(t *testing.T) {
	t.Parallel()
	b, err := New("redis://127.0.0.1:1", WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	require.NoError(t, err, "New does no I/O")
	defer b.Close(t.Context())
	s, err := spine.New(b, spine.WithOrgan(actors.NewOrgan("mail", actors.OnAny([]string{"STEP"},
		func(context.Context, actors.Event) ([]actors.Payload, error) { return nil, nil }))), spine.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	require.NoError(t, err)
	err = s.Run(t.Context())
	require.ErrorContains(t, err, "redis://127.0.0.1:1/0")
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}
