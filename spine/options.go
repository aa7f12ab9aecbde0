package spine

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// Option configures New.
type Option func(*settings)

// settings is what the options say.
type settings struct {
	service   string
	start     Start
	retired   []string
	organs    []organSetting
	policies  supervision.Policies
	limits    actors.Limits
	maxEvents int
	maxBytes  int
	maxBatch  int
	maxSteps  int
	abandoned int
	failures  int
	drain     time.Duration
	enqueue   EnqueueMode
	checking  bool
	encode    bool
	snapshots persistence.SnapshotPolicy
	resident  int
	idleAfter time.Duration
	emissions int
	emitBytes int
	log       *slog.Logger
	hooks     Hooks
	rnd       func() float64
	errs      []error
}

type organSetting struct {
	def     actors.Definition
	workers int
	ordered bool
	policy  *supervision.Policy
}

// Defaults of the options. Each is a bound of design; see the option of the same name.
const (
	DefaultInFlight      = 8192
	DefaultInFlightBytes = 64 << 20
	DefaultBatch         = 512
	DefaultMaxSteps      = 1_000_000 // of RunUntilIdle
	DefaultAbandoned     = 32
	DefaultDrain         = 10 * time.Second
	maxAsksPerLane       = 1024
)

func defaults() settings {
	return settings{
		service:   "main",
		maxEvents: DefaultInFlight,
		maxBytes:  DefaultInFlightBytes,
		maxBatch:  DefaultBatch,
		maxSteps:  -1,
		abandoned: DefaultAbandoned,
		drain:     DefaultDrain,
		log:       slog.Default(),
		rnd:       rand.Float64,
	}
}

// WithService names the service, "main" by default. Spines with one name share the work on a
// shared backend; spines with different names each see every event.
func WithService(name string) Option {
	return func(s *settings) { s.service = name }
}

// WithStart says where a service begins that the backend does not know yet; the default is
// FromBeginning.
func WithStart(at Start) Option { return func(s *settings) { s.start = at } }

// WithRetired names organs that the service had and has no more. Without it a backend that remembers an organ
// refuses to be opened by a program that does not have it (ErrOrgans). What waits for a retired organ
// is given up, its cells stay.
func WithRetired(names ...string) Option {
	return func(s *settings) { s.retired = append(s.retired, names...) }
}

// WithOrgan adds an organ: an actors.Organ or a *actors.Keyed.
func WithOrgan(def actors.Definition, opts ...OrganOption) Option {
	return func(s *settings) {
		o := organSetting{def: def}
		for _, opt := range opts {
			opt(&o)
		}
		s.organs = append(s.organs, o)
	}
}

// OrganOption configures one organ of a Spine.
type OrganOption func(*organSetting)

// Workers is how many lanes the organ has. The default is 1, and for a keyed organ 4 per processor.
func Workers(n int) OrganOption { return func(o *organSetting) { o.workers = n } }

// Ordered keeps the order of keys over retries: a failing event holds back the later ones of
// its key, and only those. Keyed organs always do.
func Ordered() OrganOption { return func(o *organSetting) { o.ordered = true } }

// WithOrganPolicy gives the organ a policy of its own, over WithPolicies. Unlike the Default of all organs it cannot be
// the zero Policy: one that is given has to say what becomes of a failed event (Policy.Exhausted).
func WithOrganPolicy(p supervision.Policy) OrganOption {
	return func(o *organSetting) { o.policy = &p }
}

// WithPolicy is the policy of every organ that has none of its own. The zero Policy stands for supervision.Default.
func WithPolicy(p supervision.Policy) Option {
	return func(s *settings) { s.policies.Default = p }
}

// WithPolicies gives policies by organ name, such as a policy file's. It goes over what earlier options say, organ by organ; its
// Default takes the place of theirs, WithPolicy's too, unless it is the zero Policy, as that of a file without default: is. What an
// organ of a file does not set comes from the file alone: read it by Policies.Parse for another base.
func WithPolicies(ps supervision.Policies) Option {
	return func(s *settings) { s.policies = over(s.policies, ps) }
}

// over lays the policies in ps over those in base, and changes neither.
func over(base, ps supervision.Policies) supervision.Policies {
	if ps.Default != (supervision.Policy{}) {
		base.Default = ps.Default
	}
	organs := make(map[string]supervision.Policy, len(base.Organs)+len(ps.Organs))
	maps.Copy(organs, base.Organs)
	maps.Copy(organs, ps.Organs)
	base.Organs = organs
	return base
}

// WithLimits bounds payload and envelope (bytes) and hops of every event.
func WithLimits(l actors.Limits) Option { return func(s *settings) { s.limits = l } }

// WithInFlight bounds what is in hand: deliveries (default 8,192), and the bytes of their payloads (default 64 MiB,
// by Event.Size).
func WithInFlight(events, bytes int) Option {
	return func(s *settings) { s.maxEvents, s.maxBytes = events, bytes }
}

// WithBatch bounds how many events a lane is given at once; default 512.
func WithBatch(events int) Option { return func(s *settings) { s.maxBatch = events } }

// WithMaxSteps ends a run with ErrMaxSteps after n deliveries; 0 is no bound. The default is
// 1,000,000 for RunUntilIdle, and none for Run.
func WithMaxSteps(n int) Option { return func(s *settings) { s.maxSteps = n } }

// WithMaxAbandoned ends a run with ErrTooManyAbandoned when n handlers ignore the end of
// their context at the same time; default 32.
func WithMaxAbandoned(n int) Option { return func(s *settings) { s.abandoned = n } }

// WithBackendFailures ends a run with ErrBackendUnavailable after n failed pulls in a row; the default, 0,
// tries for ever.
func WithBackendFailures(n int) Option { return func(s *settings) { s.failures = n } }

// WithDrain is how long running handlers may go on after Run's context has ended; default 10 s.
func WithDrain(d time.Duration) Option { return func(s *settings) { s.drain = d } }

// WithEnqueueFailure says what to do when a handling emits what cannot be appended.
func WithEnqueueFailure(m EnqueueMode) Option { return func(s *settings) { s.enqueue = m } }

// WithChecking takes every payload through its codec, and fails handlers that change theirs.
// It makes memory behave like a durable backend; use it in tests. It does not find a Step that is not deterministic, such as one
// that reads the clock: actorstest.CheckDeterministic looks for those, best with generated inputs.
func WithChecking() Option { return func(s *settings) { s.checking = true } }

// WithSnapshots says how the states of keyed organs are kept.
func WithSnapshots(p persistence.SnapshotPolicy) Option {
	return func(s *settings) { s.snapshots = p }
}

// WithResidentCells bounds the cells each keyed organ has in memory (default 100,000); those idle for
// longer than idle (default 5 min) are passivated before.
func WithResidentCells(n int, idle time.Duration) Option {
	return func(s *settings) { s.resident, s.idleAfter = n, idle }
}

// WithEmissions bounds what one handling may emit: events (default 10,000), and their encoded bytes
// (default 4 MiB).
func WithEmissions(events, bytes int) Option {
	return func(s *settings) { s.emissions, s.emitBytes = events, bytes }
}

// WithLogger is where the Spine logs; default slog.Default.
func WithLogger(l *slog.Logger) Option { return func(s *settings) { s.log = l } }

// WithHooks adds functions that see what passes through; those of earlier calls are called first.
func WithHooks(h Hooks) Option { return func(s *settings) { s.hooks = s.hooks.and(h) } }

// WithRandom gives the randomness of jitter: a function with values in [0,1). For tests.
func WithRandom(f func() float64) Option { return func(s *settings) { s.rnd = f } }

// check collects every mistake.
func (s *settings) check() error {
	errs := s.errs
	if err := actors.CheckName("service", s.service); err != nil {
		errs = append(errs, fmt.Errorf("spine: WithService: %w", err))
	}
	if strings.Contains(s.service, "/") {
		errs = append(errs, fmt.Errorf("spine: service %q has a /, which separates service and organ in the address of a replay", s.service))
	}
	seen := map[string]bool{}
	for i, o := range s.organs {
		if isNil(o.def) {
			errs = append(errs, fmt.Errorf("spine: organ %d is nil", i+1))
			continue
		}
		if err := o.def.Err(); err != nil {
			errs = append(errs, err)
		}
		if name := o.def.Name(); seen[name] {
			errs = append(errs, fmt.Errorf("spine: two organs are named %q", name))
		} else {
			seen[name] = true
		}
		if o.workers < 0 {
			errs = append(errs, fmt.Errorf("spine: organ %q: Workers(%d), want at least 1", o.def.Name(), o.workers))
		}
		if o.policy != nil {
			errs = append(errs, nameErr(o.def.Name(), o.policy.Err()))
		}
	}
	errs = append(errs, s.policies.Err(), s.checkPolicyNames(seen), s.checkNumbers(), s.checkDurations())
	return errors.Join(errs...)
}

func (s *settings) checkPolicyNames(known map[string]bool) error {
	var errs []error
	for name := range s.policies.Organs {
		if !known[name] {
			errs = append(errs, fmt.Errorf("spine: there is a policy for organ %q, but no such organ", name))
		}
	}
	return errors.Join(errs...)
}

func (s *settings) checkNumbers() error {
	var errs []error
	for _, x := range []struct {
		what  string
		value int
		least int
	}{
		{"WithSnapshots Records", s.snapshots.Records, 0}, {"WithSnapshots Weight", s.snapshots.Weight, 0},
		{"WithInFlight events", s.maxEvents, 1}, {"WithInFlight bytes", s.maxBytes, 1},
		{"WithBatch", s.maxBatch, 1}, {"WithMaxAbandoned", s.abandoned, 1}, {"WithBackendFailures", s.failures, 0},
		{"WithResidentCells", s.resident, 0},
		{"WithEmissions events", s.emissions, 0}, {"WithEmissions bytes", s.emitBytes, 0},
		{"WithLimits payload", s.limits.Payload, 0}, {"WithLimits envelope", s.limits.Envelope, 0},
		{"WithLimits hops", s.limits.Hops, 0},
		{"WithMaxSteps", s.maxSteps, -1},
	} {
		if x.value < x.least {
			errs = append(errs, fmt.Errorf("spine: %s is %d, want at least %d", x.what, x.value, x.least))
		}
	}
	if s.start > FromNow {
		errs = append(errs, fmt.Errorf("spine: WithStart(%d), want FromBeginning or FromNow", s.start))
	}
	if s.enqueue > EnqueueRetry {
		errs = append(errs, fmt.Errorf("spine: WithEnqueueFailure(%d), want EnqueueStore, EnqueueFail or EnqueueRetry", s.enqueue))
	}
	if s.log == nil {
		errs = append(errs, errors.New("spine: WithLogger(nil)"))
	}
	if s.rnd == nil {
		errs = append(errs, errors.New("spine: WithRandom(nil)"))
	}
	return errors.Join(errs...)
}

func (s *settings) checkDurations() error {
	var errs []error
	if s.drain < 0 {
		errs = append(errs, fmt.Errorf("spine: WithDrain is %s, want at least 0s", s.drain))
	}
	if s.idleAfter < 0 {
		errs = append(errs, fmt.Errorf("spine: WithResidentCells idle is %s, want at least 0s", s.idleAfter))
	}
	return errors.Join(errs...)
}

// isNil also finds the nil pointer in an interface.
func isNil(x any) bool {
	v := reflect.ValueOf(x)
	return x == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

func nameErr(organ string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("spine: organ %q: %w", organ, err)
}
