package actors_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	limit := &actors.LimitError{What: "payload", Got: 2, Limit: 1, Unit: "bytes"}
	wrap := func(err error) error { return fmt.Errorf("while paying: %w", err) }
	tests := map[string]struct {
		err   error
		kind  actors.Kind
		after time.Duration
	}{
		"plain":                    {io.EOF, actors.KindError, 0},
		"permanent":                {actors.Permanent(io.EOF), actors.KindPermanent, 0},
		"permanent, wrapped":       {wrap(actors.Permanent(io.EOF)), actors.KindPermanent, 0},
		"permanent, joined":        {errors.Join(io.EOF, actors.Permanent(io.EOF)), actors.KindPermanent, 0},
		"retry after":              {actors.RetryAfter(time.Minute, io.EOF), actors.KindError, time.Minute},
		"retry after, wrapped":     {wrap(actors.RetryAfter(time.Minute, io.EOF)), actors.KindError, time.Minute},
		"retry after, outermost":   {actors.RetryAfter(time.Second, actors.RetryAfter(time.Minute, io.EOF)), actors.KindError, time.Second},
		"retry before now":         {actors.RetryAfter(-time.Minute, io.EOF), actors.KindError, 0},
		"permanent in retry":       {actors.RetryAfter(time.Minute, actors.Permanent(io.EOF)), actors.KindPermanent, 0},
		"retry in permanent":       {actors.Permanent(actors.RetryAfter(time.Minute, io.EOF)), actors.KindPermanent, 0},
		"limit":                    {wrap(limit), actors.KindLimit, 0},
		"of a kind":                {wrap(actors.OfKind(actors.KindHops, io.EOF)), actors.KindHops, 0},
		"kind over permanent":      {actors.Permanent(actors.OfKind(actors.KindInvalid, io.EOF)), actors.KindInvalid, 0},
		"the outer of two kinds":   {actors.OfKind(actors.KindEnqueue, actors.OfKind(actors.KindInvalid, io.EOF)), actors.KindEnqueue, 0},
		"kind of a too large name": {actors.OfKind(actors.KindInvalid, limit), actors.KindInvalid, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, after := actors.Classify(tt.err)
			assert.Equal(t, tt.kind, kind, kind.String())
			assert.Equal(t, tt.after, after)
		})
	}
}

func TestMarksKeepTheCause(t *testing.T) {
	t.Parallel()
	for _, err := range []error{actors.Permanent(io.EOF), actors.RetryAfter(time.Second, io.EOF), actors.OfKind(actors.KindHops, io.EOF)} {
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, "EOF", err.Error(), "a mark changes no text")
	}
	require.NoError(t, actors.Permanent(nil))
	require.NoError(t, actors.RetryAfter(time.Second, nil))
	require.NoError(t, actors.OfKind(actors.KindHops, nil))
}

func TestKindWordsAreStable(t *testing.T) {
	t.Parallel()
	// They are the reasons in dead letters, which outlive a version of this package.
	words := []string{"error", "permanent", "panic", "timeout", "undecodable", "invalid",
		"limit", "hops", "enqueue", "no_key", "crash", "quarantine"}
	for i, word := range words {
		k := actors.Kind(i + 1)
		assert.Equal(t, word, k.String())
		assert.Equal(t, k, actors.KindOf(word))
		assert.Equal(t, word != "error" && word != "panic" && word != "timeout", k.Permanent(), word)
	}
	assert.Equal(t, actors.KindQuarantine, actors.Kind(len(words)), "a new kind belongs in this table")
	assert.Equal(t, "kind(0)", actors.Kind(0).String())
	assert.Equal(t, "kind(99)", actors.Kind(99).String())
	assert.Zero(t, actors.KindOf(""))
	assert.Zero(t, actors.KindOf("kind(0)"))
	assert.Zero(t, actors.KindOf("Error"))
}

func TestFailureTellsWhoWhenAndWhy(t *testing.T) {
	t.Parallel()
	f := actors.Failure{Organ: "billing", Kind: actors.KindTimeout, Err: io.EOF, Attempt: 3}
	assert.Equal(t, "organ billing, attempt 3, timeout: EOF", f.Error())
	require.ErrorIs(t, f, io.EOF)
}

func TestAttemptIsInTheContext(t *testing.T) {
	t.Parallel()
	id := actors.NewID()
	ctx := actors.WithAttempt(t.Context(), actors.AttemptInfo{Event: id, Organ: "billing", Attempt: 2})
	assert.Equal(t, 2, actors.Attempt(ctx))
	assert.Equal(t, id.String()+"/billing", actors.EffectKey(ctx))
	retry := actors.WithAttempt(ctx, actors.AttemptInfo{Event: id, Organ: "billing", Attempt: 3})
	assert.Equal(t, actors.EffectKey(ctx), actors.EffectKey(retry), "stable over attempts")

	assert.Zero(t, actors.Attempt(t.Context()))
	assert.Empty(t, actors.EffectKey(t.Context()))
}
