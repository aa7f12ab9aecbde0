package redis

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/bench/redis/server"
)

// meet is the rounds of one fsync policy.
type meet struct {
	config     Config
	fsync      server.Fsync
	progress   func(string)
	contenders []Contender
	starts     []int // of a round of each contender
	rows       []Row
	version    string // of the server
}

func (m *meet) add(x Contender) {
	m.contenders = append(m.contenders, x)
	m.starts = append(m.starts, 0)
	m.rows = append(m.rows, Row{Name: x.Name, Kind: x.Kind, N: x.N})
}

func (m *meet) run(ctx context.Context) error {
	// Latency comes first: after minutes of full load a machine that is lent out is slower for a while.
	if m.config.has(Latency) {
		if err := m.rounds(ctx, Latency, func(x Contender) bool { return x.Core }, m.latency); err != nil {
			return err
		}
	}
	if !m.config.has(Throughput) {
		return nil
	}
	everybody := func(Contender) bool { return true }
	m.progress(fmt.Sprintf("redis: fsync %s, how many starts a round has", m.fsync))
	if err := m.turns(ctx, 0, everybody, m.calibrate); err != nil {
		return err
	}
	return m.rounds(ctx, Throughput, everybody, m.throughput)
}

func (m *meet) rounds(ctx context.Context, part string, who func(Contender) bool, turn turn) error {
	for round := range m.config.Rounds {
		m.progress(fmt.Sprintf("redis: fsync %s, %s, round %d of %d", m.fsync, part, round+1, m.config.Rounds))
		if err := m.turns(ctx, round, who, turn); err != nil {
			return err
		}
	}
	return nil
}

// turn is what a contender does in a round.
type turn func(ctx context.Context, contender int, s *stand) error

// turns lets each contender have its turn. Each round begins with another one: whoever comes after a slow one
// has no advantage from it.
func (m *meet) turns(ctx context.Context, round int, who func(Contender) bool, turn turn) error {
	for k := range m.contenders {
		i := (k + round) % len(m.contenders)
		if !who(m.contenders[i]) {
			continue
		}
		err := m.contenders[i].on(ctx, m.fsync, func(ctx context.Context, s *stand) error {
			ctx, stop := context.WithTimeoutCause(ctx, patience, errStuck)
			defer stop()
			m.version = s.server.Version
			return turn(ctx, i, s)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", m.contenders[i].Name, err)
		}
	}
	return nil
}

func (m *meet) calibrate(ctx context.Context, i int, s *stand) (err error) {
	m.starts[i], err = s.calibrate(ctx, m.config.Duration)
	return err
}

func (m *meet) throughput(ctx context.Context, i int, s *stand) error {
	x, err := s.measure(ctx, m.starts[i])
	m.rows[i].Rounds = append(m.rows[i].Rounds, x)
	return err
}

func (m *meet) latency(ctx context.Context, i int, s *stand) error {
	x, err := s.pace(ctx, m.config.Rate, m.config.Paced)
	m.rows[i].Paced = append(m.rows[i].Paced, x)
	return err
}
