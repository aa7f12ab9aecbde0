package spine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

// handing is a backend whose deliveries always come by way of somebody else.
type handing struct{ *spine.Memory }

func (h handing) Pull(ctx context.Context, w spine.Want) ([]spine.Delivery, error) {
	ds, err := h.Memory.Pull(ctx, w)
	if err != nil {
		return nil, err
	}
	told := make(chan struct{})
	go func() { // ends with Hand
		defer close(told)
		w.Hand(ds)
	}()
	<-told
	return nil, spine.ErrHanded
}

func TestWhatABackendHandsOverIsHandledOnceAndInOrder(t *testing.T) {
	t.Parallel()
	d := newDiary[ping]()
	s := quiet(t, handing{spine.NewMemory()}, spine.WithOrgan(sink("a", d)))
	var want []ping
	for i := range 50 {
		want = append(want, ping{i})
		_, err := s.RunUntilIdle(t.Context(), ping{i})
		require.NoError(t, err)
	}
	assert.Equal(t, want, d.entries())
}
