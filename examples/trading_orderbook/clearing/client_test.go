package clearing_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
)

// serve is a house that answers as it is told.
func serve(t *testing.T, h http.HandlerFunc) *clearing.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return clientOf(t, server.URL)
}

func TestClientTellsWhatMayBeSentAgain(t *testing.T) {
	t.Parallel()
	for code, after := range map[int]string{500: "", 502: "", 503: "7", 504: "soon", 408: "", 425: "", 429: "99999"} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			http.Error(w, "busy", code)
		})
		_, err := client.Settle(t.Context(), trades(1))
		var busy *clearing.Unavailable
		require.ErrorAs(t, err, &busy, "%d", code)
		want := map[string]time.Duration{"7": 7 * time.Second, "99999": 0}[after]
		assert.Equal(t, want, busy.After, "%d", code)
		assert.ErrorContains(t, err, "busy")
	}
	for _, code := range []int{204, 301, 400, 401, 404, 405, 413, 422} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		})
		_, err := client.Settle(t.Context(), trades(1))
		var refused *clearing.Refusal
		require.ErrorAs(t, err, &refused, "%d", code)
		assert.Equal(t, clearing.RequestRefused, refused.Reason)
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := client.Settle(t.Context(), trades(1))
	var busy *clearing.Unavailable
	require.ErrorAs(t, err, &busy)
	assert.Equal(t, 5*time.Minute, busy.After)
}

// TestAnswerAboutOtherTradesSaysNothing holds that no trade is taken for settled that the house has not named.
func TestAnswerAboutOtherTradesSaysNothing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no JSON":     `settled`,
		"nothing":     `{}`,
		"too few":     `{"results":[{"key":"k0","status":"settled"}]}`,
		"too many":    `{"results":[{"key":"k0","status":"settled"},{"key":"k1","status":"settled"},{"key":"k2","status":"settled"}]}`,
		"other order": `{"results":[{"key":"k1","status":"settled"},{"key":"k0","status":"settled"}]}`,
		"huge":        `{"results":[` + strings.Repeat(" ", 1<<20) + `{"key":"k0","status":"settled"},{"key":"k1","status":"settled"}]}`,
	} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		_, err := client.Settle(t.Context(), trades(2))
		var busy *clearing.Unavailable
		require.ErrorAs(t, err, &busy, name)
		assert.Equal(t, name == "huge", strings.Contains(err.Error(), "more than 1048576 bytes"), name)
	}
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"results":[{"key":"k0","status":"maybe"},{"key":"k1","status":"settled"}]}`))
	})
	got, err := client.Settle(t.Context(), trades(2))
	require.NoError(t, err)
	var busy *clearing.Unavailable
	require.ErrorAs(t, got[0].Err, &busy, "only the trade with the odd status")
	assert.Equal(t, clearing.Result{}, got[1])
}

func TestClientKeepsItsConnection(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"results":[{"key":"k0","status":"settled"}]}`))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := clientOf(t, server.URL)
	for range 20 {
		_, err := client.Settle(t.Context(), trades(1))
		require.NoError(t, err)
	}
	assert.Equal(t, int32(1), connections.Load())
}

func TestClientRespectsItsContext(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	release := make(chan struct{})
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		close(entered)
		<-release
	})
	t.Cleanup(func() { close(release) })
	ctx, stop := context.WithCancel(t.Context())
	go func() { // ends with the request
		<-entered
		stop()
	}()
	_, err := client.Settle(ctx, trades(1))
	require.ErrorIs(t, err, context.Canceled, "also between header and body")
}

func TestClientRefusesWhatItCannotSend(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "house", "ftp://house", "http://", "http://a b"} {
		_, err := clearing.NewClient(address, 1)
		assert.ErrorContains(t, err, "want http://", address)
	}
	_, err := clearing.NewClient("http://127.0.0.1:1", 0)
	require.ErrorContains(t, err, "connections 0")
	client := clientOf(t, "http://127.0.0.1:1")
	for _, n := range []int{0, clearing.MaxTrades + 1} {
		_, err := client.Settle(t.Context(), trades(n))
		var refused *clearing.Refusal
		require.ErrorAs(t, err, &refused)
	}
	_, err = client.Settle(t.Context(), trades(1))
	var busy *clearing.Unavailable
	require.ErrorAs(t, err, &busy, "nobody is at home")
}
