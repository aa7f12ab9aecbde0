package redistest

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommonServerLivesFromTheFirstToTheEnd(t *testing.T) {
	t.Parallel()
	var c commonServer
	_, err := c.get()
	require.EqualError(t, err, "TestMain does not run the tests through redistest.Main")

	c.open([]Option{Conf("databases", "3")})
	first, err := c.get()
	require.NoError(t, err)
	second, err := c.get()
	require.NoError(t, err)
	assert.Same(t, first, second)
	assert.Equal(t, "3", first.client.ConfigGet(t.Context(), "databases").Val()["databases"])
	home := c.home

	require.NoError(t, c.close())
	<-first.process.ended
	assert.NoDirExists(t, home)
	_, err = c.get()
	assert.Error(t, err)
}

func TestCommonServerTriesOnce(t *testing.T) {
	t.Parallel()
	var c commonServer
	c.open([]Option{Conf("maxmemory", "much")})
	_, first := c.get()
	require.ErrorIs(t, first, errEnded)
	_, second := c.get()
	assert.Same(t, first, second)
	require.NoError(t, c.close())
}

// A server in an endless script takes no notice of SIGTERM.
func TestServerThatWillNotStopIsKilledAndReported(t *testing.T) {
	t.Parallel()
	in, err := launch(t.TempDir(), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.Error(t, in.client.Eval(ctx, "while true do end", nil).Err())

	assert.ErrorContains(t, in.process.stop(50*time.Millisecond), "did not stop within 50ms and was killed")
	<-in.process.ended
	assert.NoError(t, in.close())
}

// A port that somebody takes in the last moment must not fail a test, nor be mistaken for ours.
func TestStartOnATakenPortEndsAtOnce(t *testing.T) {
	t.Parallel()
	other, err := launch(t.TempDir(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.close()) }()

	in := &instance{home: t.TempDir(), port: other.port, settings: settings{data: t.TempDir()}}
	in.settings.add("requirepass", "x")
	assert.ErrorIs(t, in.start(), errEnded)

	in.secret = other.secret // Were it to ask, it would be answered.
	in.process = &process{cmd: other.process.cmd, ended: other.process.ended}
	assert.NoError(t, in.ready(t.Context(), other.client))
	p, err := startProcess("/dev/null", nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.kill()) }()
	in.process = p
	assert.ErrorContains(t, in.ready(t.Context(), other.client), "another redis-server")
}

func TestFreePortIsBelowOutgoingOnes(t *testing.T) {
	t.Parallel()
	for range 20 {
		port, err := freePort()
		require.NoError(t, err)
		assert.Less(t, port, 32768)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}

func TestRepliesAreReadWholeAndUnchanged(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		"+OK\r\n",
		"-ERR no\r\n",
		":42\r\n",
		"$-1\r\n",
		"$0\r\n\r\n",
		"$4\r\na\r\nb\r\n",
		"*-1\r\n",
		"*0\r\n",
		"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
		"_\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n",
		"!5\r\nERR x\r\n",
		"=6\r\ntxt:ab\r\n",
		"~1\r\n+a\r\n",
		"%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n+c\r\n:2\r\n",
		"|1\r\n+ttl\r\n:3\r\n*1\r\n:1\r\n",
	} {
		in := bufio.NewReader(strings.NewReader(reply + "+next\r\n"))
		raw, push, err := readReply(in)
		require.NoError(t, err, reply)
		assert.Equal(t, reply, string(raw))
		assert.False(t, push)
		raw, _, err = readReply(in)
		require.NoError(t, err)
		assert.Equal(t, "+next\r\n", string(raw))
	}
	raw, push, err := readReply(bufio.NewReader(strings.NewReader(">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n")))
	require.NoError(t, err)
	assert.True(t, push)
	assert.Equal(t, ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n", string(raw))
}

func TestRequestsAreReadWholeAndUnchanged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text     string
		commands string // words by blanks, commands by commas
	}{
		{"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "GET k"},
		{"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "GET "},
		{"PING now\r\n", "PING now"},
		{"\r\n\nPING\n", "PING"},
		{"multi\r\nINCR a\r\n*1\r\n$4\r\nexec\r\n", "multi,INCR a,exec"},
		{"MULTI\r\nDISCARD\r\n", "MULTI,DISCARD"},
	}
	for _, tt := range tests {
		in := bufio.NewReader(strings.NewReader(tt.text + "NEXT\r\n"))
		r, err := readRequest(in)
		require.NoError(t, err, tt.text)
		assert.Equal(t, tt.text, string(r.raw))
		assert.Equal(t, tt.commands, written(r))
		r, err = readRequest(in)
		require.NoError(t, err)
		assert.Equal(t, "NEXT", written(r))
	}
}

func written(r request) string {
	var commands []string
	for _, command := range r.commands {
		var words []string
		for _, word := range command {
			words = append(words, string(word))
		}
		commands = append(commands, strings.Join(words, " "))
	}
	return strings.Join(commands, ",")
}

func TestBrokenMessagesAreErrors(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "PING", "*x\r\n", "*0\r\n", "*1\r\nPING\r\n", "*1\r\n$x\r\n", "*1\r\n$-1\r\n", "*1\r\n$9\r\nPING\r\n", " \r\n", "MULTI\r\n"} {
		_, err := readRequest(bufio.NewReader(strings.NewReader(text)))
		assert.Error(t, err, "%q", text)
	}
	for _, text := range []string{"", "+OK", "\r\n", "$x\r\n", "$9\r\nshort\r\n", "*x\r\n", "%x\r\n", "|x\r\n", "*2\r\n:1\r\n"} {
		_, _, err := readReply(bufio.NewReader(strings.NewReader(text)))
		assert.Error(t, err, "%q", text)
	}
}
