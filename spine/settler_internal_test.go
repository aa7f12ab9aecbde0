package spine

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func chunkOf(refs ...uint32) *chunk {
	return &chunk{refs: refs, ss: make([]Settlement, len(refs))}
}

func TestSettlementsJoinThoseThatWait(t *testing.T) {
	t.Parallel()
	s := newSettler(struct{ Backend }{NewMemory()}, nil, nil)
	first, second, big := chunkOf(1), chunkOf(2, 3), chunkOf(make([]uint32, smallChunk)...)
	require.True(t, s.add(first))
	require.False(t, s.add(second))
	assert.Equal(t, []uint32{1, 2, 3}, first.refs)
	assert.Len(t, first.ss, 3)
	assert.Empty(t, second.refs, "the caller's again")
	assert.Empty(t, second.ss)
	require.True(t, s.add(big), "a copy would cost more than a call")
	last := chunkOf(4)
	require.True(t, s.add(last), "nothing overtakes what waits")
	assert.Equal(t, []*chunk{first, big, last}, s.chunks)
}

// What wraps a Memory may wait, or fail: the router must not call it.
func TestOnlyAMemoryItselfSettlesAtOnce(t *testing.T) {
	t.Parallel()
	_, ok := newSettler(struct{ *Memory }{NewMemory()}, nil, nil).atOnce(chunkOf())
	assert.False(t, ok)
	m, ok := newSettler(NewMemory(), nil, nil).atOnce(chunkOf())
	assert.True(t, ok)
	assert.ErrorIs(t, m.err, ErrService, "it is not open")
}

// What is settled at once may make the pull too narrow that was begun a moment ago: it must not wait for what it does not want.
func TestAPullThatIsBegunAndCancelledAtOnceComesBack(t *testing.T) {
	t.Parallel()
	m := NewMemory()
	require.NoError(t, m.Open(t.Context(), Service{Name: "svc"}))
	told := make(chan any, 1)
	r := &run{core: coreWith(Service{Name: "svc"}, 8), trace: tracer{log: slog.New(slog.DiscardHandler)}}
	r.feed = newFeed(m, func(msg any) { told <- msg })
	go r.feed.run() // ends with close
	defer r.feed.close()
	r.core.credit.want.Events, r.core.credit.want.Bytes = 1, 1
	r.perform(&effects{pull: true, cancelPull: true})
	p := (<-told).(*pulledMsg)
	assert.NoError(t, p.err)
	assert.Empty(t, p.ds)
}
