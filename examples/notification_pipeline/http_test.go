package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func openGateway(t *testing.T, handle http.HandlerFunc) *gateway {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	g, err := newGateway(server.URL+"/send", 1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.close()) })
	return g
}

func TestGatewayPostsTheMessageUnderItsKey(t *testing.T) {
	t.Parallel()
	var got message
	var key, kind, path string
	g := openGateway(t, func(_ http.ResponseWriter, r *http.Request) {
		key, kind, path = r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type"), r.Method+" "+r.URL.Path
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&got))
	})
	require.NoError(t, g.post(t.Context(), "id/sms", Send{Recipient{"alice"}, "+1", "Hi", "high"}))
	assert.Equal(t, message{"+1", "Hi", "high"}, got)
	assert.Equal(t, []string{"id/sms", "application/json", "POST /send"}, []string{key, kind, path})
}

func TestGatewayTellsTransientFromPermanent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code  int
		after string // Retry-After
		want  actors.Kind
		wait  time.Duration
	}{
		{http.StatusOK, "", 0, 0},
		{http.StatusAccepted, "", 0, 0},
		{http.StatusBadRequest, "", actors.KindPermanent, 0},
		{http.StatusForbidden, "", actors.KindPermanent, 0},
		{http.StatusRequestTimeout, "", actors.KindError, 0},
		{http.StatusTooManyRequests, "7", actors.KindError, 7 * time.Second},
		{http.StatusServiceUnavailable, "", actors.KindError, 0},
		{http.StatusServiceUnavailable, "2", actors.KindError, 2 * time.Second},
		{http.StatusServiceUnavailable, "60000", actors.KindError, maxRetryAfter},
		{http.StatusServiceUnavailable, "soon", actors.KindError, 0},
		{http.StatusInternalServerError, "2", actors.KindError, 0},
		{http.StatusBadGateway, "", actors.KindError, 0},
	} {
		g := openGateway(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			answer(w, c.code, "because")
		})
		err := g.post(t.Context(), "key", Send{})
		if c.want == 0 {
			require.NoError(t, err, c.code)
			continue
		}
		require.ErrorContains(t, err, ": because", c.code)
		kind, wait := actors.Classify(err)
		assert.Equal(t, c.want, kind, c.code)
		assert.Equal(t, c.wait, wait, c.code)
	}
}

func TestGatewayThatCannotBeReachedIsTransient(t *testing.T) {
	t.Parallel()
	listener, err := listen()
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	g, err := newGateway("http://"+listener.Addr().String(), 1)
	require.NoError(t, err)
	assert.Equal(t, actors.KindError, kindOf(g.post(t.Context(), "key", Send{})))
}

func TestGatewayAddressMustBeHTTP(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "localhost", "ftp://localhost/x", "http://"} {
		_, err := newGateway(text, 1)
		assert.ErrorContains(t, err, "want http://", "%q", text)
	}
}
