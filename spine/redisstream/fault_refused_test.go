package redisstream

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// A node that may not do its work does not begin with it, and says why without the password.
func TestANodeThatMayNotWorkDoesNotStart(t *testing.T) {
	t.Parallel()
	open := redistest.Start(t, redistest.AOF("always"),
		redistest.User("necro", "on", ">right", "~*", "+@all"), redistest.User("narrow", "on", ">"+sentinel, "~*", "+@all", "-xadd"))
	encrypted := redistest.Start(t, redistest.AOF("always"), redistest.TLS(), redistest.User("necro", "on", ">"+sentinel, "~*", "+@all"))
	trust := WithTLS(encrypted.TLSConfig())
	for name, c := range map[string]struct {
		server *redistest.Server
		url    string
		says   string
	}{
		"wrong password":    {open, "redis://necro:" + sentinel + "@" + open.Addr(), "WRONGPASS"},
		"no right to XADD":  {open, "redis://narrow:" + sentinel + "@" + open.Addr(), "ACL SETUSER narrow +xadd"},
		"TLS where none is": {open, "rediss://narrow:" + sentinel + "@" + open.Addr(), "check rediss://narrow@" + open.Addr()},
		"no TLS":            {encrypted, "redis://necro:" + sentinel + "@" + encrypted.Addr(), "check redis://necro@" + encrypted.Addr()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, out := newPlant(t, c.server), &paper{}
			log := slog.New(slog.NewTextHandler(out, nil))
			opts := append(p.opts, WithLogger(log))
			if name == "TLS where none is" {
				opts = append(opts, trust)
			}
			b, err := New(c.url, opts...)
			require.NoError(t, err)
			defer func() { assert.NoError(t, b.Close(p.soon())) }()
			s, err := spine.New(b, append(p.organs(), spine.WithService("svc"), spine.WithLogger(log))...)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			err = s.Run(ctx)
			require.NoError(t, ctx.Err(), "it ends by itself")
			require.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), sentinel)
			assert.NotContains(t, out.String(), sentinel)
			assert.Empty(t, c.server.Client().Keys(p.soon(), "*"+p.ns+"*").Val())
		})
	}
}
