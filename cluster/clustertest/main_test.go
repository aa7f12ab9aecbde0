package clustertest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestMain(m *testing.M) {
	// The engine's throttle of its dead letter log ends by itself, a second after the last one.
	goleak.VerifyTestMain(redistest.Shared(m),
		goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func2.1"))
}
