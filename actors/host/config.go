package host

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// OrganConfig says how an organ is run. Zero fields mean their defaults.
type OrganConfig struct {
	Service  string
	Tag      int32 // the owner's own; see Organ.Tag
	Workers  int   // lanes; default 1, for a keyed organ 4 per processor
	Ordered  bool  // of one key, nothing is begun after a failure in the same batch
	Policy   supervision.Policy
	Limits   actors.Limits
	Checking bool // everything goes through the codec; handlers that change payloads fail
	Encode   bool // emissions are encoded at once, and their digests are exact

	MaxEmissions     int // of one handling; default 10,000
	MaxEmissionBytes int // encoded, of one handling; default 4 MiB; counted where bytes are made

	// For keyed organs.
	Store         persistence.Store
	Snapshots     persistence.SnapshotPolicy
	ResidentCells int           // of this organ; default 100,000
	IdleAfter     time.Duration // Sweep passivates cells without an event for this long; default 5 min

	// Deliver takes a finished batch back. It must be there and must not block. It is called on the lane's
	// goroutine, or on the organ supervisor's when the lane's is stuck; calls for different lanes overlap.
	Deliver func(*Batch)
	// Notify takes what else happens. Under the same rules, but it may be nil.
	Notify func(Notice)
}

// Defaults of OrganConfig.
const (
	DefaultMaxEmissions     = 10_000
	DefaultMaxEmissionBytes = 4 << 20
	DefaultResidentCells    = 100_000
	DefaultIdleAfter        = 5 * time.Minute
	keyedLanesPerProcessor  = 4
)

func (c OrganConfig) withDefaults(keyed bool) OrganConfig {
	if c.Workers == 0 {
		c.Workers = 1
		if keyed {
			c.Workers = keyedLanesPerProcessor * runtime.GOMAXPROCS(0)
		}
	}
	if c.MaxEmissions == 0 {
		c.MaxEmissions = DefaultMaxEmissions
	}
	if c.MaxEmissionBytes == 0 {
		c.MaxEmissionBytes = DefaultMaxEmissionBytes
	}
	if c.ResidentCells == 0 {
		c.ResidentCells = DefaultResidentCells
	}
	if c.IdleAfter == 0 {
		c.IdleAfter = DefaultIdleAfter
	}
	c.Policy = c.Policy.WithDefaults()
	c.Snapshots = c.Snapshots.WithDefaults()
	c.Limits = c.Limits.WithDefaults()
	c.Encode = c.Encode || c.Checking
	if c.Notify == nil {
		c.Notify = func(Notice) {}
	}
	return c
}

// err reports all mistakes of c at once.
func (c OrganConfig) err(keyed bool) error {
	var errs []error
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Workers", int64(c.Workers)},
		{"MaxEmissions", int64(c.MaxEmissions)},
		{"MaxEmissionBytes", int64(c.MaxEmissionBytes)},
		{"ResidentCells", int64(c.ResidentCells)},
		{"IdleAfter", int64(c.IdleAfter)},
		{"Policy.Timeout", int64(c.Policy.Timeout)},
	} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("%s is %d, want at least 1, or 0 for the default", f.name, f.value))
		}
	}
	if c.Deliver == nil {
		errs = append(errs, errors.New("field Deliver is nil: finished batches have nowhere to go"))
	}
	if keyed && c.Store == nil {
		errs = append(errs, errors.New("it is keyed and has no Store for its cells"))
	}
	return errors.Join(errs...)
}
