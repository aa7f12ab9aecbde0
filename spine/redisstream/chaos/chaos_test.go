package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServiceSurvivesEachFault is each kind of fault once or a few times, a moment to recover after each.
func TestServiceSurvivesEachFault(t *testing.T) {
	for _, s := range []setting{
		{
			name: "processes die", fsync: "always", shards: 4, nodes: 3, rate: 60, retain: true, heal: true,
			script: []string{nodeKill, nodeStop, publisherKill, serverKill, nodeKill, scriptFlush, rewriteKill, nodeStop, nodeKill, serverKill, nodeKill},
		},
		{
			name: "network fails", fsync: "everysec", shards: 3, nodes: 2, rate: 60, inPlace: -1,
			script: []string{lostReplies, cutReplies, lateRequests, latency, partition, serverStop, nodeKill, cutReplies, lateRequests, serverKill, lostReplies},
		},
		{
			name: "a cluster", fsync: "always", shards: 8, nodes: 5, rate: 40, retain: true, cluster: true, failovers: true, lease: clusterLease,
			script: []string{calmKill, departure, storm, twin, failover, calmMove, upgrade},
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			r := newRound(t, s)
			v := r.run()
			sum := newReport(s.seed)
			sum.add(r, v)
			t.Logf("\n%s", sum)
			assert.Empty(t, v.findings)
		})
	}
}

// TestLongServiceSurvivesAnything runs rounds of random faults, see the flags.
func TestLongServiceSurvivesAnything(t *testing.T) {
	sum := newReport(*seed)
	if *minutes > 0 {
		t.Run("checker", func(t *testing.T) {
			found, all := sabotage(t)
			sum.mutants = fmt.Sprintf("%d of %d", found, all)
		})
	}
	over := time.Now().Add(time.Duration(*minutes * float64(time.Minute)))
	for n := uint64(0); time.Now().Before(over); n++ {
		s := anySetting(*seed, n)
		t.Run(s.name, func(t *testing.T) {
			t.Logf("%+v", s)
			r := newRound(t, s)
			v := r.run()
			sum.add(r, v)
			if len(v.findings) > 0 {
				r.keepEvidence()
			}
			assert.Empty(t, v.findings)
		})
		if sum.ended() <= int(n) {
			sum.findings = append(sum.findings, fmt.Sprintf("%s, seed %d: it did not come to its end", s.name, s.seed))
			break
		}
	}
	t.Logf("\n%s", sum)
	if *reportPath != "" {
		require.NoError(t, os.WriteFile(*reportPath, []byte(sum.String()), 0o600))
	}
}

// anySetting is that of the long run's nth round.
func anySetting(seed, n uint64) setting {
	dice := rand.New(rand.NewPCG(seed, n))
	s := setting{
		name: fmt.Sprint("round ", n), seed: seed + n, fsync: "always", shards: []int{1, 2, 4, 8}[dice.IntN(4)],
		nodes: 2 + dice.IntN(2), rate: 40 + dice.IntN(120), retain: dice.IntN(2) == 0, inPlace: []int{-1, 0, 300}[dice.IntN(3)],
		bombs: dice.IntN(3) == 0, heal: dice.IntN(4) == 0, length: 20 * time.Second,
	}
	if dice.IntN(5) < 2 {
		s.fsync = "everysec"
		s.slow = dice.IntN(2) == 0 && hasCompiler()
	}
	if *nodes > 0 || dice.IntN(2) == 0 {
		s.beCluster(dice)
	}
	s.bombs = s.bombs && !s.slow && !s.failovers // one that goes with the end of the file leaves no letter
	return s
}

// beCluster makes the nodes of a setting those of a cluster. It takes longer: so does its lease.
func (s *setting) beCluster(dice *rand.Rand) {
	s.cluster, s.lease, s.length = true, clusterLease, 40*time.Second
	s.nodes, s.shards = 3+dice.IntN(3), []int{5, 8, 16}[dice.IntN(3)]
	s.rate = min(s.rate, 80)
	s.bombs = false // they go off in quiet windows, too
	s.failovers = dice.IntN(3) == 0
	if *nodes > 0 {
		s.nodes = *nodes
	}
}
