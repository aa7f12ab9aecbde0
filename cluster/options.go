package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/necrostack/necrostack/actors"
)

// Option configures Join.
type Option func(*settings)

type settings struct {
	name   string
	weight float64
	log    *slog.Logger
}

func newSettings(opts []Option) (settings, error) {
	s := settings{name: defaultName(), weight: DefaultWeight, log: slog.Default()}
	for _, opt := range opts {
		opt(&s)
	}
	var errs []error
	if err := actors.CheckName("node", MemberID(s.name, [8]byte{})); err != nil {
		errs = append(errs, fmt.Errorf("cluster: WithName: %w", err))
	} else if err := Validate([]Member{{ID: s.name, Weight: s.weight}}, nil, 0); err != nil {
		errs = append(errs, fmt.Errorf("cluster: WithWeight: %w", err))
	}
	if s.log == nil {
		errs = append(errs, errors.New("cluster: WithLogger: the logger is nil"))
	}
	return s, errors.Join(errs...)
}

// defaultName tells nodes apart for people; what tells members apart is the nonce in their IDs.
func defaultName() string {
	host, err := os.Hostname()
	if err != nil || actors.CheckName("node", MemberID(host, [8]byte{})) != nil {
		return "node"
	}
	return host
}

// WithName is the node's name, for people and for pins. Several nodes may have one name. A safe name (actors.CheckName);
// the default is that of the host.
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithWeight is the node's share of the shards in proportion to the weights of the others; see Member. The default is
// DefaultWeight.
func WithWeight(weight float64) Option { return func(s *settings) { s.weight = weight } }

// WithLogger is where the node logs; default slog.Default.
func WithLogger(l *slog.Logger) Option { return func(s *settings) { s.log = l } }
