package supervision_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/supervision"
)

func TestDefaultIsThatOfTheDesign(t *testing.T) {
	t.Parallel()
	assert.Equal(t, supervision.Policy{
		Retry: supervision.Retry{
			Attempts: 5,
			Backoff:  supervision.Backoff{Base: 100 * time.Millisecond, Factor: 4, Max: 30 * time.Second, Jitter: 0.2},
		},
		Exhausted:     supervision.Store,
		Timeout:       30 * time.Second,
		MaxDeliveries: 20,
		Restarts:      supervision.Restarts{Max: 100, Within: time.Minute},
		Breaker:       supervision.BreakerPolicy{Failures: 0, Open: 30 * time.Second},
	}, supervision.Default())
	assert.NoError(t, supervision.Default().Err())
}

func TestWithDefaultsFillsAllButTheStrategy(t *testing.T) {
	t.Parallel()
	want := supervision.Default()
	want.Exhausted = 0
	assert.Equal(t, want, supervision.Policy{}.WithDefaults())
}

func TestWithDefaultsKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	p := supervision.Policy{
		Retry: supervision.Retry{
			Attempts: 1,
			Backoff:  supervision.Backoff{Base: 1, Factor: 2, Max: 3, Jitter: 0.4},
		},
		Exhausted:     supervision.Nack,
		Timeout:       5,
		MaxDeliveries: 6,
		Restarts:      supervision.Restarts{Max: 7, Within: 8},
		Breaker:       supervision.BreakerPolicy{Failures: 9, Open: 10},
	}
	assert.Equal(t, p, p.WithDefaults())
}

func TestCompleteBackoffMayHaveNoJitter(t *testing.T) {
	t.Parallel()
	complete := supervision.Policy{Retry: supervision.Retry{Backoff: supervision.Backoff{Base: 1, Factor: 2, Max: 3}}}
	assert.Zero(t, complete.WithDefaults().Retry.Backoff.Jitter)
	for _, partial := range []supervision.Backoff{{Factor: 2, Max: 3}, {Base: 1, Max: 3}, {Base: 1, Factor: 2}} {
		p := supervision.Policy{Retry: supervision.Retry{Backoff: partial}}
		assert.InDelta(t, 0.2, p.WithDefaults().Retry.Backoff.Jitter, 0, "%+v", partial)
	}
}

func TestZeroStrategyIsAMistake(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, supervision.Policy{}.Err(), `policy: exhausted is not set, want log, store or nack`)
}

func TestErrReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	p := supervision.Policy{
		Retry: supervision.Retry{
			Attempts: -1,
			Backoff:  supervision.Backoff{Base: -time.Second, Factor: 0.5, Max: 10_000 * time.Hour, Jitter: math.NaN()},
		},
		Exhausted:     7,
		Timeout:       -time.Nanosecond,
		MaxDeliveries: 2_000_000,
		Restarts:      supervision.Restarts{Max: 10_001, Within: -1},
		Breaker:       supervision.BreakerPolicy{Failures: -3, Open: -1},
	}
	golden(t, "testdata/policy_err.golden", p.Err().Error()+"\n")
}

func TestInfiniteFactorIsAMistake(t *testing.T) {
	t.Parallel()
	p := supervision.Default()
	p.Retry.Backoff.Factor = math.Inf(1)
	assert.EqualError(t, p.Err(), `policy: backoff.factor is "+Inf", want a number from 1 to 1000`)
}

func TestFieldsMustFitEachOther(t *testing.T) {
	t.Parallel()
	p := supervision.Default()
	p.Retry.Backoff = supervision.Exponential(time.Minute, time.Second)
	p.Exhausted = supervision.Nack
	p.Retry.Attempts = 21
	assert.EqualError(t, p.Err(), `policy: backoff.max is "1s", want at least backoff.base, which is "1m0s"
policy: max_deliveries is "20", want at least attempts, which is "21", under nack`)
	p.Exhausted = supervision.Store
	assert.EqualError(t, p.Err(), `policy: backoff.max is "1s", want at least backoff.base, which is "1m0s"`)
}

func TestFieldsMayJustFitEachOther(t *testing.T) {
	t.Parallel()
	p := supervision.Default()
	p.Retry.Backoff = supervision.Exponential(time.Minute, time.Minute)
	p.Exhausted = supervision.Nack
	p.Retry.Attempts = p.MaxDeliveries
	assert.NoError(t, p.Err())
}

func TestMistakeIsNotReportedTwice(t *testing.T) {
	t.Parallel()
	p := supervision.Default()
	p.Exhausted = supervision.Nack
	p.Retry.Attempts = 2_000_000
	assert.EqualError(t, p.Err(), `policy: attempts is "2000000", want a whole number from 1 to 1000000`,
		"and not also that max_deliveries is less")
}

func TestForFindsTheOrgansPolicy(t *testing.T) {
	t.Parallel()
	ps := supervision.Policies{
		Default: supervision.Policy{Exhausted: supervision.Log},
		Organs:  map[string]supervision.Policy{"mailer": {Exhausted: supervision.Nack, MaxDeliveries: 7}},
	}
	assert.Equal(t, supervision.Nack, ps.For("mailer").Exhausted)
	assert.Equal(t, 7, ps.For("mailer").MaxDeliveries)
	assert.Equal(t, 5, ps.For("mailer").Retry.Attempts, "the defaults are filled")
	assert.Equal(t, supervision.Log, ps.For("auditor").Exhausted)
	assert.Equal(t, 30*time.Second, ps.For("auditor").Timeout, "the defaults are filled")
	assert.NoError(t, ps.Err())
}

func TestZeroPoliciesAreTheDefault(t *testing.T) {
	t.Parallel()
	assert.Equal(t, supervision.Default(), supervision.Policies{}.For("mailer"))
	assert.NoError(t, supervision.Policies{}.Err())
}

func TestPoliciesErrNamesTheOrgans(t *testing.T) {
	t.Parallel()
	ps := supervision.Policies{
		Default: supervision.Policy{Timeout: -time.Second, Exhausted: supervision.Log},
		Organs: map[string]supervision.Policy{
			"mailer":  {},
			"auditor": {Exhausted: supervision.Store, MaxDeliveries: -1},
			"clerk":   {Exhausted: supervision.Store},
		},
	}
	assert.EqualError(t, ps.Err(), `default policy: timeout is "-1s", want a duration such as "100ms", above 0 and up to 8760h0m0s
policy of organ "auditor": max_deliveries is "-1", want a whole number from 1 to 1000000
policy of organ "mailer": exhausted is not set, want log, store or nack`)
}

func TestStrategiesHaveTheirText(t *testing.T) {
	t.Parallel()
	for text, s := range map[string]supervision.Strategy{
		"log": supervision.Log, "store": supervision.Store, "nack": supervision.Nack,
	} {
		assert.Equal(t, text, s.String())
		parsed, err := supervision.ParseStrategy(text)
		require.NoError(t, err)
		assert.Equal(t, s, parsed)

		data, err := json.Marshal(map[string]supervision.Strategy{"exhausted": s})
		require.NoError(t, err)
		assert.JSONEq(t, `{"exhausted":"`+text+`"}`, string(data))
		var back map[string]supervision.Strategy
		require.NoError(t, json.Unmarshal(data, &back))
		assert.Equal(t, s, back["exhausted"])
	}
}

func TestUnknownStrategyIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "LOG", "strategy(0)", " log", "drop"} {
		_, err := supervision.ParseStrategy(text)
		require.Error(t, err)
		assert.Contains(t, err.Error(), `"`+text+`"`)
	}
	_, err := supervision.Strategy(0).MarshalText()
	assert.EqualError(t, err, `strategy is "strategy(0)", want log, store or nack`)
	s := supervision.Nack
	require.Error(t, s.UnmarshalText([]byte("drop")))
	assert.Equal(t, supervision.Nack, s, "an error changes nothing")
}

func TestPanicErrorLeadsToItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("index out of range")
	e := &supervision.PanicError{Value: cause, Stack: "goroutine 1"}
	assert.ErrorIs(t, e, cause)
	assert.EqualError(t, e, "panic: index out of range")

	plain := &supervision.PanicError{Value: []int{1}}
	assert.NoError(t, plain.Unwrap())
	assert.EqualError(t, plain, "panic: [1]")
}

func TestPanicErrorKeepsTheStackOfThePanic(t *testing.T) {
	t.Parallel()
	var got *supervision.PanicError
	func() {
		defer func() { got = supervision.NewPanicError(recover()) }()
		explode()
	}()
	assert.Equal(t, "boom", got.Value)
	assert.Contains(t, got.Stack, "explode")
}

func explode() { panic("boom") }

func TestEndOfTheGoroutineIsAPanicToo(t *testing.T) {
	t.Parallel()
	e := supervision.NewPanicError(nil)
	require.ErrorIs(t, e, supervision.ErrGoexit)
	assert.EqualError(t, e, "supervision: the handler ended its goroutine")
}
