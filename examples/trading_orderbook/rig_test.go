package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

// openFloor opens the built-in market with a local clearing house, behind a backend that takes every
// payload through its codec.
func openFloor(t *testing.T) (*floor, *work) {
	t.Helper()
	m, err := openMarket("")
	require.NoError(t, err)
	c, err := m.config()
	require.NoError(t, err)
	house, err := clearing.Open(clearing.HouseConfig{Refuse: clearing.Poor(m.Poor...)})
	require.NoError(t, err)
	t.Cleanup(house.Close)
	client, err := clearing.NewClient(house.URL(), 1)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	c.Clearing = client
	f, err := newFloor(parts{
		backend: spine.NewMemory(), service: service, desk: c, stories: 100, chains: true, log: console.NewLog(&full{}, console.LevelOff), policies: desk.Policies(), more: []spine.Option{spine.WithChecking()},
	})
	require.NoError(t, err)
	w := f.open(t.Context())
	t.Cleanup(func() {
		require.NoError(t, w.close())
		require.NoError(t, f.close())
	})
	return f, w
}

// publishAll publishes commands and waits for the end of all that follows.
func publishAll(t *testing.T, f *floor, w *work, ps ...actors.Payload) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	_, err := f.spine.Publish(ctx, ps...)
	require.NoError(t, err)
	require.NoError(t, w.idle(ctx))
}
