package load

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// RelayPublisher publishes the starts of a Relay into a store. It is for one goroutine.
type RelayPublisher struct {
	backend spine.Backend
	relay   Relay
	keys    []string
	stamper *actors.Stamper
}

// NewRelayPublisher makes a publisher whose starts have these keys in turn; there is at least one.
func NewRelayPublisher(b spine.Backend, r Relay, keys []string) *RelayPublisher {
	return &RelayPublisher{
		backend: b, relay: r, keys: keys,
		stamper: actors.NewStamper(actors.StamperOptions{Service: RelayService, Encode: true}),
	}
}

// RelayService is the name of the service.
const RelayService = "bench"

// KeyNames are n different keys.
func KeyNames(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "key-" + strconv.Itoa(i)
	}
	return keys
}

// Publish begins n starts, numbered from first on, and returns when the store has them all.
func (p *RelayPublisher) Publish(ctx context.Context, first uint64, n int) error {
	evs := make([]actors.Event, n)
	now := time.Now()
	for i := range evs {
		number := first + uint64(i)
		ev, err := p.stamper.Root(p.relay.payload(0, relayBody(number), p.keys[number%uint64(len(p.keys))]), now)
		if err != nil {
			return err
		}
		evs[i] = ev
	}
	answers, err := p.backend.Publish(ctx, evs)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Code != spine.Accepted {
			return fmt.Errorf("not accepted: %v", a)
		}
	}
	return nil
}
