package redisstream_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func newRoster(t *testing.T) *redisstream.Backend {
	t.Helper()
	b, err := redisstream.New(redistest.SharedServer(t).URL(), redisstream.WithNamespace(redistest.Namespace(t)), redisstream.WithRelaxedDurability())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close(t.Context())) })
	return b
}

func TestMembersReadWhatEachSaysAndOnlyOfTheirService(t *testing.T) {
	t.Parallel()
	b := newRoster(t)
	_, _, err := b.Enter(t.Context(), "svc", "a", "1")
	require.NoError(t, err)
	_, _, err = b.Enter(t.Context(), "other", "c", "3")
	require.NoError(t, err)
	members, agreed, err := b.Enter(t.Context(), "svc", "b", "2")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, members)
	assert.Empty(t, agreed)
	members, _, err = b.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, members, "who reads only is no member")
}

func TestOneOfTwoWhoAgreeOnAnotherValueWins(t *testing.T) {
	t.Parallel()
	b := newRoster(t)
	for _, x := range []struct {
		seen, next string
		set        bool
	}{{"x", "1", false}, {"", "1", true}, {"", "2", false}, {"1", "3", true}} {
		set, err := b.Agree(t.Context(), "svc", "plan", x.seen, x.next)
		require.NoError(t, err)
		assert.Equal(t, x.set, set, x)
	}
	_, agreed, err := b.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"plan": "3"}, agreed)
}

func TestAMemberIsStruckOffOnlyAsItWasSeen(t *testing.T) {
	t.Parallel()
	b := newRoster(t)
	_, _, err := b.Enter(t.Context(), "svc", "a", "2")
	require.NoError(t, err)
	require.NoError(t, b.Strike(t.Context(), "svc", "a", "1"))
	members, _, err := b.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.Contains(t, members, "a")
	require.NoError(t, b.Strike(t.Context(), "svc", "a", "2"))
	members, _, err = b.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{}, members)
	members, _, err = b.Beat(t.Context(), "svc", "a", "3")
	require.NoError(t, err)
	assert.Nil(t, members, "who was struck off hears of it")
	members, _, err = b.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.Empty(t, members, "and does not come back")
}
