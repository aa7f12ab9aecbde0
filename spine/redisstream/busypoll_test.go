//go:build unix

package redisstream

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is two ends of a connection over loopback, of which the first looks for what comes.
func pair(t *testing.T, poll *busyPoll) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	plain, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	theirs, err = l.Accept()
	require.NoError(t, err)
	ours = polled(plain, poll)
	require.IsType(t, &polledConn{}, ours)
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func TestWhatIsThereIsReadWhetherItIsLookedForOrNot(t *testing.T) {
	t.Parallel()
	for name, poll := range map[string]*busyPoll{
		"looked for":                     {most: time.Minute},
		"too soon for it":                {most: time.Nanosecond},
		"another one looks":              {most: time.Minute},
		"replies are known to take long": {most: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			poll.taken.Store(strings.HasPrefix(name, "another"))
			if strings.HasPrefix(name, "replies") {
				poll.usual.Store(int64(time.Hour))
			}
			ours, theirs := pair(t, poll)
			text := strings.Repeat("what is there ", 10_000)
			go func() { // ends with the last byte
				_, _ = io.WriteString(theirs, text)
				_ = theirs.Close()
			}()
			got, err := io.ReadAll(ours)
			require.NoError(t, err)
			assert.Equal(t, text, string(got))
			assert.Equal(t, strings.HasPrefix(name, "another"), poll.taken.Load(), "who has looked lets another one")
		})
	}
}

func TestLookingEndsWithTheDeadlineAndWithTheConnection(t *testing.T) {
	t.Parallel()
	poll := &busyPoll{most: time.Hour}
	ours, _ := pair(t, poll)
	require.NoError(t, ours.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err := ours.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, ours.SetReadDeadline(time.Time{}))
	closed := time.AfterFunc(10*time.Millisecond, func() { _ = ours.Close() })
	defer closed.Stop()
	_, err = ours.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	assert.False(t, poll.taken.Load())
	assert.Zero(t, poll.usual.Load(), "what was no reply says nothing of replies")
}

func TestOneLooksAtATimeAndNobodyWhereRepliesTakeLong(t *testing.T) {
	t.Parallel()
	poll := &busyPoll{most: 200 * time.Microsecond}
	require.True(t, poll.begin())
	assert.False(t, poll.begin(), "one at a time")
	poll.end()
	for range 8 {
		poll.took(500 * time.Microsecond)
	}
	assert.False(t, poll.begin(), "they take long")
	for range 16 {
		poll.took(50 * time.Microsecond)
	}
	assert.True(t, poll.begin(), "they take long no more")
	poll.end()
	poll.took(time.Hour)
	assert.True(t, poll.begin(), "one of them says little")
}

func TestNoBusyPollLeavesConnectionsAsTheyAre(t *testing.T) {
	t.Parallel()
	conn := &net.TCPConn{}
	assert.Same(t, conn, polled(conn, &busyPoll{}))
	piped, _ := net.Pipe()
	assert.Equal(t, piped, polled(piped, &busyPoll{most: time.Second}), "nor what has no file")
}

func TestTheConnectionsOfAClientLookAndShareOnePoll(t *testing.T) {
	t.Parallel()
	s, err := newSettings(nil)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	dialed := func(poll time.Duration) (all []net.Conn) {
		dial := s.clientOptions(poll).Dialer
		for range 2 {
			conn, err := dial(t.Context(), "tcp", l.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			all = append(all, conn)
		}
		return all
	}
	look := dialed(s.link.poll)
	require.IsType(t, &polledConn{}, look[0])
	assert.Same(t, look[0].(*polledConn).poll, look[1].(*polledConn).poll)
	assert.Equal(t, DefaultBusyPoll, look[0].(*polledConn).poll.most)
	assert.IsType(t, &net.TCPConn{}, dialed(0)[0])
}
