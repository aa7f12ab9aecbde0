package redisstream

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func resolved(t *testing.T, address string, opts ...Option) link {
	t.Helper()
	s, err := newSettings(opts)
	require.NoError(t, err)
	l, err := s.link.resolve(address)
	require.NoError(t, err)
	return l
}

func TestAddressesSayWhereTheServerIs(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		network, address, shown string
		db                      int
	}{
		"redis://":                            {"tcp", "localhost:6379", "redis://localhost:6379/0", 0},
		"redis://10.0.0.1":                    {"tcp", "10.0.0.1:6379", "redis://10.0.0.1:6379/0", 0},
		"redis://h:6400/3":                    {"tcp", "h:6400", "redis://h:6400/3", 3},
		"redis://h?db=4":                      {"tcp", "h:6379", "redis://h:6379/4", 4},
		"redis://[::1]:6400":                  {"tcp", "[::1]:6400", "redis://[::1]:6400/0", 0},
		"rediss://h":                          {"tcp", "h:6379", "rediss://h:6379/0", 0},
		"redis://:S3NTINEL@h/1":               {"tcp", "h:6379", "redis://h:6379/1", 1},
		"redis://necro:S3NTINEL@h":            {"tcp", "h:6379", "redis://necro@h:6379/0", 0},
		"unix:///run/redis.sock":              {"unix", "/run/redis.sock", "unix:///run/redis.sock?db=0", 0},
		"unix://necro:S3NTINEL@/run/r.s?db=2": {"unix", "/run/r.s", "unix://necro@/run/r.s?db=2", 2},
	} {
		l := resolved(t, address)
		assert.Equal(t, want.network, l.network, address)
		assert.Equal(t, want.address, l.address, address)
		assert.Equal(t, want.db, l.db, address)
		assert.Equal(t, want.shown, l.String(), address)
	}
}

func TestAMistypedAddressIsNotRepeatedInTheError(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]error{
		"":                               errAddress,
		"127.0.0.1:6379":                 errAddress,
		"S3NTINEL://h":                   errAddress,
		"http://u:S3NTINEL@h":            errAddress,
		"redis:S3NTINEL":                 errAddress,
		"redis://u:S3NTINEL@h:port":      errAddress,
		"redis://u:p%S3NTINEL@h":         errAddress,
		"redis://u:a/S3NTINEL@h":         errAddress,
		"redis://u:a#S3NTINEL@h":         errAddress,
		"redis://u:12/S3NTINEL@h":        errDatabase,
		"redis://h/-1":                   errDatabase,
		"redis://h/1/2":                  errDatabase,
		"redis://h/1?db=2":               errDatabase,
		"redis://u:12?S3NTINEL@h":        errParameter,
		"redis://h?skip_verify=true":     errParameter,
		"redis://h?max_retries=3":        errParameter,
		"redis://h?%S3NTINEL":            errAddress,
		"unix://S3NTINEL/relative":       errAddress,
		"unix://u:S3NTINEL@":             errAddress,
		"unix:///run/r.s?db=S3NTINEL":    errDatabase,
		"unix:///run/r.s?other=S3NTINEL": errParameter,
	} {
		_, err := newLink().resolve(address)
		require.ErrorIs(t, err, want, address)
		assert.NotContains(t, err.Error(), sentinel, address)
	}
}

func TestUserAndPasswordComeFromOnePlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		address string
		opts    []Option
		want    string
	}{
		"two users":         {"redis://a:S3NTINEL@h", []Option{WithUser("b")}, `WithUser: "b"`},
		"two passwords":     {"redis://a:S3NTINEL@h", []Option{WithPasswordFile("/f")}, `WithPasswordFile "/f"`},
		"no password":       {"redis://h", []Option{WithUser("b")}, `user "b" has no password`},
		"no password, name": {"redis://a@h", nil, `user "a" has no password`},
	} {
		s, err := newSettings(c.opts)
		require.NoError(t, err, name)
		_, err = s.link.resolve(c.address)
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), sentinel, name)
	}
	l := resolved(t, "redis://:S3NTINEL@h", WithUser("b"))
	user, password, err := l.credentials(context.Background())
	require.NoError(t, err)
	assert.Equal(t, "b", user)
	assert.Equal(t, sentinel, password)
}

func TestTheServersNameIsVerified(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "h", resolved(t, "rediss://h:1").tls.ServerName)
	assert.Equal(t, "h", resolved(t, "redis://h:1", WithTLS(&tls.Config{})).tls.ServerName)
	assert.Equal(t, "other", resolved(t, "redis://h:1", WithTLS(&tls.Config{ServerName: "other"})).tls.ServerName)
	assert.Nil(t, resolved(t, "redis://h:1").tls)

	mine := &tls.Config{}
	assert.NotSame(t, mine, resolved(t, "rediss://h:1", WithTLS(mine)).tls)
	assert.Empty(t, mine.ServerName)

	s, err := newSettings([]Option{WithTLS(mine)})
	require.NoError(t, err)
	_, err = s.link.resolve("unix:///run/redis.sock")
	assert.ErrorContains(t, err, "ServerName")
}
